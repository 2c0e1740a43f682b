"""What `verify` asks of a registry, step by step, as data: operations whose answers a client may depend on.

A step is made from the answers of those before it. What AWS is not known to accept happens in a group of its own, so
that one difference does not show in every list after it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

PENDING = "PendingManualApproval"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

Params = dict[str, Any]


class NotMade(LookupError):
    """What a step is made from is not there: an earlier step was refused."""


@dataclass(slots=True)
class Made:
    """What the steps before have made on one registry, and what names begin with there."""

    prefix: str
    image: str
    answers: dict[str, Any] = field(default_factory=dict)

    def name(self, word: str) -> str:
        return f"{self.prefix}{word}"

    def answer(self, step: str, member: str) -> Any:
        """Return a member of the answer that a step has kept.

        Raises:
            NotMade: that step was refused, or its answer has no such member.
        """
        try:
            return self.answers[step][member]
        except KeyError:
            raise NotMade(f"there is no {member} of the step that was to make {step!r}") from None

    @property
    def group(self) -> str:
        return str(self.answer("group", "ModelPackageGroupArn"))

    def version(self, step: str) -> str:
        return str(self.answer(step, "ModelPackageArn"))

    @property
    def specification(self) -> Params:
        """An InferenceSpecification without an artefact: whether one exists is nothing most steps are about."""
        types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
        return {"Containers": [{"Image": self.image}], **types}

    @property
    def with_artifact(self) -> Params:
        """An InferenceSpecification with an artefact that does not exist."""
        return {"Containers": [{"Image": self.image, "ModelDataUrl": f"s3://{self.name('nowhere')}/model.tar.gz"}]}

    def registering(self, group: str = "churn", **members: Any) -> Params:
        request = {"ModelPackageGroupName": self.name(group), "InferenceSpecification": self.specification}
        return {**request, **members}

    def listing(self, **members: Any) -> Params:
        """Return a request for the versions of the first group."""
        return {"ModelPackageGroupName": self.name("churn"), **members}

    def finding(self, *filters: tuple[str, str, str], **members: Any) -> Params:
        """Return a search for versions of the first group that pass filters too."""
        wanted = (("ModelPackageGroupName", "Equals", self.name("churn")), *filters)
        expression = {"Filters": [{"Name": name, "Operator": how, "Value": value} for name, how, value in wanted]}
        order = {"SortBy": "ModelPackageVersion", "SortOrder": "Ascending"}
        return {"Resource": "ModelPackage", "SearchExpression": expression, **order, **members}


@dataclass(frozen=True, slots=True)
class Step:
    """One request.

    Args:
        says: what it is, in a few words.
        operation: AWS's name of it.
        params: what it sends, made from what is there.
        keep: the name under which later steps find its answer.
        pages: whether it follows the answer's tokens to the last page.
        lags: whether AWS may need seconds until its answer shows what was written before.
    """

    says: str
    operation: str
    params: Callable[[Made], Params]
    keep: str = ""
    pages: bool = False
    lags: bool = False


def _elsewhere(arn: str) -> str:
    head, _, tail = arn.partition(":sagemaker:")
    region, _, rest = tail.partition(":")
    other = f"{region[:-1]}{2 if region.endswith('1') else 1}"
    return f"{head}:sagemaker:{other}:{rest}"


def _ninth(arn: str) -> str:
    """Return the ARN of a version that has never been."""
    return f"{arn.rpartition('/')[0]}/99"


def _policy(made: Made) -> str:
    """Return a policy that opens the first group to its own account."""
    partition, account = made.group.split(":")[1], made.group.split(":")[4]
    statement = {
        "Sid": "Read",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
        "Action": ["sagemaker:DescribeModelPackageGroup"],
        "Resource": made.group,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _tag(key: str, value: str) -> Params:
    return {"Key": key, "Value": value}


def _of_group(says: str, operation: str, word: str, *, lags: bool = False) -> Step:
    return Step(says, operation, lambda made: {"ModelPackageGroupName": made.name(word)}, lags=lags)


def _of_version(says: str, operation: str, step: str) -> Step:
    return Step(says, operation, lambda made: {"ModelPackageName": made.version(step)})


def _groups(says: str, *, pages: bool = False, **members: Any) -> Step:
    return Step(says, "ListModelPackageGroups", lambda made: {"NameContains": made.prefix, **members}, pages=pages)


def _register(says: str, group: str = "churn", *, keep: str = "", **members: Any) -> Step:
    return Step(says, "CreateModelPackage", lambda made: made.registering(group, **members), keep)


def _once(says: str, **members: Any) -> Step:
    return Step(
        says, "CreateModelPackage", lambda made: made.registering("odd", ClientToken=made.name("once"), **members)
    )


def _versions(says: str, *, pages: bool = False, **members: Any) -> Step:
    return Step(says, "ListModelPackages", lambda made: made.listing(**members), pages=pages)


def _update(says: str, **members: Any) -> Step:
    return Step(says, "UpdateModelPackage", lambda made: {"ModelPackageArn": made.version("pending"), **members})


def _add_specification(says: str) -> Step:
    return Step(
        says,
        "UpdateModelPackage",
        lambda made: {
            "ModelPackageArn": made.version("pending"),
            "AdditionalInferenceSpecificationsToAdd": [{"Name": "neo", "Containers": [{"Image": made.image}]}],
        },
    )


def _tags(says: str, operation: str, **members: Any) -> Step:
    return Step(says, operation, lambda made: {"ResourceArn": made.group, **members})


def _search(says: str, *filters: tuple[str, str, str], pages: bool = False, **members: Any) -> Step:
    return Step(says, "Search", lambda made: made.finding(*filters, **members), pages=pages, lags=True)


GROUPS: tuple[Step, ...] = (
    Step(
        "a group with a description and tags",
        "CreateModelPackageGroup",
        lambda made: {
            "ModelPackageGroupName": made.name("churn"),
            "ModelPackageGroupDescription": "Who will leave?",
            "Tags": [_tag("team", made.name("risk")), _tag("stage", "test")],
        },
        keep="group",
    ),
    _of_group("another group", "CreateModelPackageGroup", "odd"),
    _of_group("the first again", "CreateModelPackageGroup", "churn"),
    _of_group("a name with a _", "CreateModelPackageGroup", "a_b"),
    _of_group("a name too long", "CreateModelPackageGroup", "a" * 63),
    Step("no name", "CreateModelPackageGroup", lambda made: {}),
    _of_group("a group by name", "DescribeModelPackageGroup", "churn"),
    Step("a group by ARN", "DescribeModelPackageGroup", lambda made: {"ModelPackageGroupName": made.group}),
    _of_group("a missing group", "DescribeModelPackageGroup", "nobody"),
    Step(
        "a group in another region",
        "DescribeModelPackageGroup",
        lambda made: {"ModelPackageGroupName": _elsewhere(made.group)},
    ),
    _groups("groups in the default order"),
    _groups("groups by name, one at a time", SortBy="Name", SortOrder="Ascending", MaxResults=1, pages=True),
    _groups("groups by colour", SortBy="Colour"),
    _versions("versions of an empty group"),
    _of_group("versions of a missing group", "ListModelPackages", "nobody"),
)

REGISTERING: tuple[Step, ...] = (
    _register(
        "a pending version with all that describes it",
        keep="pending",
        ModelPackageDescription="first",
        ModelApprovalStatus=PENDING,
        MetadataProperties={"CommitId": "4f5c2a9", "GeneratedBy": "train-7"},
        CustomerMetadataProperties={"accuracy": "0.93", "data": "2026-11"},
        ModelLifeCycle={"Stage": "Staging", "StageStatus": "In-Progress"},
        ModelCard={"ModelCardContent": '{"model_overview": {"model_creator": "alice"}}', "ModelCardStatus": "Draft"},
        Domain="MACHINE_LEARNING",
        Task="CLASSIFICATION",
    ),
    _register("an approved version", keep="approved", ModelApprovalStatus="Approved"),
    _register("a rejected version", keep="rejected", ModelApprovalStatus="Rejected"),
    _register("a version without a status", keep="plain"),
    _register("a version of a missing group", "nobody"),
    Step("neither name nor group", "CreateModelPackage", lambda made: {"InferenceSpecification": made.specification}),
    Step(
        "both name and group",
        "CreateModelPackage",
        lambda made: made.registering(ModelPackageName=made.name("solo")),
    ),
    _register(
        "an image with a space and an unknown status",
        ModelApprovalStatus="Maybe",
        InferenceSpecification={"Containers": [{"Image": "no spaces"}]},
    ),
    _register("no containers", InferenceSpecification={"Containers": []}),
    _register("tags for a version", Tags=[_tag("team", "risk")]),
    _register("an empty metadata value", CustomerMetadataProperties={"accuracy": ""}),
    _of_group("a version and nothing else", "CreateModelPackage", "odd"),
    Step(
        "an artefact that does not exist",
        "CreateModelPackage",
        lambda made: made.registering("odd", InferenceSpecification=made.with_artifact),
    ),
    Step(
        "a copy of another version's specification",
        "CreateModelPackage",
        lambda made: {"ModelPackageGroupName": made.name("odd"), "SourceUri": made.version("pending")},
        keep="copy",
    ),
    _register("a source and a specification", "odd", SourceUri="any text"),
    _once("a version with a token"),
    _once("the same token"),
    _once("the same token, another request", ModelPackageDescription="other"),
)

READING: tuple[Step, ...] = (
    _of_version("a version by ARN", "DescribeModelPackage", "pending"),
    Step("a version by Group/N", "DescribeModelPackage", lambda made: {"ModelPackageName": made.name("churn/1")}),
    _of_version("a version made without a status", "DescribeModelPackage", "plain"),
    _of_version("a copied version", "DescribeModelPackage", "copy"),
    Step(
        "a version without the content of its card",
        "DescribeModelPackage",
        lambda made: {"ModelPackageName": made.version("pending"), "IncludedData": "MetadataOnly"},
    ),
    Step(
        "a missing version", "DescribeModelPackage", lambda made: {"ModelPackageName": _ninth(made.version("pending"))}
    ),
    Step("a missing name", "DescribeModelPackage", lambda made: {"ModelPackageName": made.name("nobody")}),
    Step(
        "two versions and a missing one",
        "BatchDescribeModelPackage",
        lambda made: {
            "ModelPackageArnList": [made.version("pending"), made.version("approved"), _ninth(made.version("pending"))]
        },
    ),
    _versions("versions in the default order"),
    _versions("versions, oldest first", SortOrder="Ascending"),
    _versions("versions, newest first", SortOrder="Descending"),
    _versions("versions by name", SortBy="Name", SortOrder="Ascending"),
    _versions("versions two at a time", MaxResults=2, SortOrder="Ascending", pages=True),
    _versions("approved versions", ModelApprovalStatus="Approved"),
    _versions(
        "pending versions, one at a time",
        ModelApprovalStatus=PENDING,
        SortOrder="Ascending",
        MaxResults=1,
        pages=True,
    ),
    _versions("versions since long ago", CreationTimeAfter=LONG_AGO, SortOrder="Ascending"),
    _versions("versions before that", CreationTimeBefore=LONG_AGO),
    Step("packages by part of their name", "ListModelPackages", lambda made: {"NameContains": made.prefix}),
    _versions("a page of 101", MaxResults=101),
    _versions("a token that never was", NextToken="never"),
)

UPDATING: tuple[Step, ...] = (
    _update("approved, with a reason", ModelApprovalStatus="Approved", ApprovalDescription="ticket 1"),
    _of_version("after the approval", "DescribeModelPackage", "pending"),
    _update("approved again", ModelApprovalStatus="Approved"),
    _update("rejected after all", ModelApprovalStatus="Rejected", ApprovalDescription="ticket 2"),
    _update("pending again", ModelApprovalStatus=PENDING),
    _update("an unknown status", ModelApprovalStatus="Maybe"),
    _update("a reason too long", ApprovalDescription="a" * 1025),
    _update("metadata added and changed", CustomerMetadataProperties={"accuracy": "0.94", "f1": "0.8"}),
    _update("metadata removed, and that never was", CustomerMetadataPropertiesToRemove=["data", "never"]),
    _add_specification("another specification"),
    _add_specification("a specification of the same name"),
    _update("another stage", ModelLifeCycle={"Stage": "Production", "StageStatus": "Approved"}),
    _update("nothing"),
    Step(
        "a missing version",
        "UpdateModelPackage",
        lambda made: {"ModelPackageArn": _ninth(made.version("pending")), "ModelApprovalStatus": "Approved"},
    ),
    _of_version("after all updates", "DescribeModelPackage", "pending"),
)

TAGS_AND_POLICIES: tuple[Step, ...] = (
    _tags("tags of a group", "ListTags"),
    _tags("a tag changed and one added", "AddTags", Tags=[_tag("stage", "production"), _tag("owner", "alice")]),
    _tags("a tag removed, and one that never was", "DeleteTags", TagKeys=["owner", "never"]),
    _tags("tags after the changes", "ListTags"),
    _tags("a tag key that is AWS's own", "AddTags", Tags=[_tag("aws:team", "risk")]),
    Step("tags of a version", "ListTags", lambda made: {"ResourceArn": made.version("approved")}),
    Step(
        "a tag for a version",
        "AddTags",
        lambda made: {"ResourceArn": made.version("approved"), "Tags": [_tag("team", "risk")]},
    ),
    Step("tags of a missing group", "ListTags", lambda made: {"ResourceArn": f"{made.group}-nobody"}),
    _of_group("no policy yet", "GetModelPackageGroupPolicy", "churn"),
    Step(
        "a policy",
        "PutModelPackageGroupPolicy",
        lambda made: {"ModelPackageGroupName": made.name("churn"), "ResourcePolicy": _policy(made)},
    ),
    _of_group("the policy", "GetModelPackageGroupPolicy", "churn"),
    Step(
        "a policy that is none",
        "PutModelPackageGroupPolicy",
        lambda made: {"ModelPackageGroupName": made.name("churn"), "ResourcePolicy": "{"},
    ),
    _of_group("the policy goes", "DeleteModelPackageGroupPolicy", "churn"),
    _of_group("the policy of a missing group", "GetModelPackageGroupPolicy", "nobody"),
)

SEARCHING: tuple[Step, ...] = (
    _search("versions of a group"),
    _search("versions of a group, two at a time", MaxResults=2, pages=True),
    _search("approved versions", ("ModelApprovalStatus", "Equals", "Approved")),
    _search("versions by metadata", ("CustomerMetadataProperties.accuracy", "Equals", "0.94")),
    _search("versions by part of their description", ("ModelPackageDescription", "Contains", "irs")),
    Step(
        "groups by tag",
        "Search",
        lambda made: {
            "Resource": "ModelPackageGroup",
            "SearchExpression": {"Filters": [{"Name": "Tags.team", "Value": made.name("risk")}]},
        },
        lags=True,
    ),
    Step("an unknown property", "Search", lambda made: made.finding(("Colour", "Equals", "red"))),
)

DELETING: tuple[Step, ...] = (
    _of_group("a group with versions", "DeleteModelPackageGroup", "churn"),
    _of_version("a version", "DeleteModelPackage", "plain"),
    _of_version("the version again", "DeleteModelPackage", "plain"),
    _of_version("a deleted version", "DescribeModelPackage", "plain"),
    _register("the number after a deleted one", keep="next"),
    *(
        _of_version(f"the {step} version", "DeleteModelPackage", step)
        for step in ("next", "pending", "approved", "rejected")
    ),
    _of_group("a group that is empty now", "DeleteModelPackageGroup", "churn", lags=True),
    _of_group("a deleted group", "DescribeModelPackageGroup", "churn", lags=True),
    _of_group("a missing group", "DeleteModelPackageGroup", "nobody"),
)

STEPS: tuple[Step, ...] = (
    *GROUPS,
    *REGISTERING,
    *READING,
    *UPDATING,
    *TAGS_AND_POLICIES,
    *SEARCHING,
    *DELETING,
)

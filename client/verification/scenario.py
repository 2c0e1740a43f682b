"""The requests that `verify` sends, as data: a request may contain values from earlier responses."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

PENDING = "PendingManualApproval"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

Params = dict[str, Any]


class NotMade(LookupError):
    """A step needs a response that does not exist, because an earlier step was rejected."""


@dataclass(slots=True)
class Made:
    """The responses that one registry gave to previous steps, by name, and the values that placeholders stand for."""

    prefix: str
    image: str
    answers: dict[str, Any] = field(default_factory=dict)

    def filled(self, value: Any) -> Any:
        """Return a value in which each <word> is replaced by its value on this registry."""
        if isinstance(value, str):
            return re.sub(r"<(\w+)>", lambda found: self._meaning(found[1]), value)
        if isinstance(value, dict):
            return {name: self.filled(inner) for name, inner in value.items()}
        return [self.filled(inner) for inner in value] if isinstance(value, list) else value

    def _meaning(self, word: str) -> str:
        match word:
            case "prefix":
                return self.prefix
            case "image":
                return self.image
            case "partition":
                return self._arn("group").split(":")[1]
            case "account":
                return self._arn("group").split(":")[4]
            case "elsewhere":  # the ARN of the group in another region
                head, region, tail = re.split("(?<=:sagemaker:)([^:]+)", self._arn("group"))
                return f"{head}{region[:-1]}{2 if region.endswith('1') else 1}{tail}"
            case "missing":  # a version that has never existed
                return f"{self._arn('pending').rpartition('/')[0]}/99"
        return self._arn(word)

    def _arn(self, step: str) -> str:
        member = "ModelPackageGroupArn" if step == "group" else "ModelPackageArn"
        try:
            return str(self.answers[step][member])
        except KeyError:
            raise NotMade(f"there is no {member}, because the step {step!r} was rejected") from None


@dataclass(frozen=True, slots=True)
class Step:
    """One request; a <word> in its members is replaced by a value on the registry (see `Made`).

    `keep` stores the response under a name for later steps, `pages` reads all pages, and `lags` marks responses that
    AWS may update seconds later.
    """

    says: str
    operation: str
    members: Params
    keep: str = ""
    pages: bool = False
    lags: bool = False

    def params(self, made: Made) -> Params:
        """Return the request for one registry; raise NotMade if it needs the response of a step that was rejected."""
        return {name: made.filled(value) for name, value in self.members.items()}


CHURN = {"ModelPackageGroupName": "<prefix>churn"}
SPECIFICATION = {
    # Without an artifact: only one step depends on whether an artifact exists.
    "Containers": [{"Image": "<image>"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}
WITH_ARTIFACT = {"Containers": [{"Image": "<image>", "ModelDataUrl": "s3://<prefix>nowhere/model.tar.gz"}]}
NEO = [{"Name": "neo", "Containers": [{"Image": "<image>"}]}]
STATEMENT = {
    "Sid": "Read",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:<partition>:iam::<account>:root"},
    "Action": ["sagemaker:DescribeModelPackageGroup"],
    "Resource": "<group>",
}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})


def _tag(key: str, value: str) -> Params:
    return {"Key": key, "Value": value}


def _of_group(says: str, operation: str, word: str, *, lags: bool = False) -> Step:
    return Step(says, operation, {"ModelPackageGroupName": f"<prefix>{word}"}, lags=lags)


def _of_version(says: str, operation: str, version: str, **members: Any) -> Step:
    return Step(says, operation, {"ModelPackageName": version, **members})


def _groups(says: str, *, pages: bool = False, **members: Any) -> Step:
    return Step(says, "ListModelPackageGroups", {"NameContains": "<prefix>", **members}, pages=pages)


def _register(says: str, group: str = "churn", *, keep: str = "", **members: Any) -> Step:
    request = {"ModelPackageGroupName": f"<prefix>{group}", "InferenceSpecification": SPECIFICATION}
    return Step(says, "CreateModelPackage", {**request, **members}, keep)


def _versions(says: str, *, pages: bool = False, **members: Any) -> Step:
    return Step(says, "ListModelPackages", {**CHURN, **members}, pages=pages)


def _update(says: str, version: str = "<pending>", **members: Any) -> Step:
    return Step(says, "UpdateModelPackage", {"ModelPackageArn": version, **members})


def _tags(says: str, operation: str, resource: str = "<group>", **members: Any) -> Step:
    return Step(says, operation, {"ResourceArn": resource, **members})


def _search(says: str, *filters: tuple[str, str, str], pages: bool = False, lags: bool = True, **members: Any) -> Step:
    wanted = (("ModelPackageGroupName", "Equals", "<prefix>churn"), *filters)
    expression = {"Filters": [{"Name": name, "Operator": how, "Value": value} for name, how, value in wanted]}
    order = {"SortBy": "ModelPackageVersion", "SortOrder": "Ascending"}
    request = {"Resource": "ModelPackage", "SearchExpression": expression, **order, **members}
    return Step(says, "Search", request, pages=pages, lags=lags)


GROUPS: tuple[Step, ...] = (
    Step(
        "a group with a description and tags",
        "CreateModelPackageGroup",
        {
            **CHURN,
            "ModelPackageGroupDescription": "Customers about to leave",
            "Tags": [_tag("team", "<prefix>risk"), _tag("stage", "test")],
        },
        keep="group",
    ),
    _of_group("another group", "CreateModelPackageGroup", "odd"),
    _of_group("an existing group", "CreateModelPackageGroup", "churn"),
    _of_group("a name with a _", "CreateModelPackageGroup", "a_b"),
    _of_group("a name too long", "CreateModelPackageGroup", "a" * 63),
    Step("no name", "CreateModelPackageGroup", {}),
    _of_group("a group by name", "DescribeModelPackageGroup", "churn"),
    Step("a group by ARN", "DescribeModelPackageGroup", {"ModelPackageGroupName": "<group>"}),
    _of_group("a missing group", "DescribeModelPackageGroup", "nobody"),
    Step("a group in another region", "DescribeModelPackageGroup", {"ModelPackageGroupName": "<elsewhere>"}),
    _groups("groups in the default order"),
    _groups("groups by name, one at a time", SortBy="Name", SortOrder="Ascending", MaxResults=1, pages=True),
    _groups("groups by an unknown property", SortBy="Colour"),
    _versions("versions of an empty group"),
    _of_group("versions of a missing group", "ListModelPackages", "nobody"),
)

# Requests that AWS may reject use the group `odd`, so that one difference does not appear in all later lists.
REGISTERING: tuple[Step, ...] = (
    _register(
        "a pending version with all descriptive members",
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
    Step("neither a name nor a group", "CreateModelPackage", {"InferenceSpecification": SPECIFICATION}),
    _register("both a name and a group", ModelPackageName="<prefix>solo"),
    _register(
        "an image with a space and an unknown status",
        ModelApprovalStatus="Maybe",
        InferenceSpecification={"Containers": [{"Image": "no spaces"}]},
    ),
    _register("no containers", InferenceSpecification={"Containers": []}),
    _register("tags for a version", Tags=[_tag("team", "risk")]),
    _register("an empty metadata value", CustomerMetadataProperties={"accuracy": ""}),
    _of_group("a version with only a group", "CreateModelPackage", "odd"),
    _register("an artifact that does not exist", "odd", InferenceSpecification=WITH_ARTIFACT),
    Step(
        "a copy of another version's specification",
        "CreateModelPackage",
        {"ModelPackageGroupName": "<prefix>odd", "SourceUri": "<pending>"},
        keep="copy",
    ),
    _register("a source and a specification", "odd", SourceUri="any text"),
    _register("a version with a token", "odd", ClientToken="<prefix>once"),
    _register("the same token", "odd", ClientToken="<prefix>once"),
    _register("the same token, another request", "odd", ClientToken="<prefix>once", ModelPackageDescription="other"),
)

READING: tuple[Step, ...] = (
    _of_version("a version by ARN", "DescribeModelPackage", "<pending>"),
    _of_version("a version by Group/N", "DescribeModelPackage", "<prefix>churn/1"),
    _of_version("a version created without a status", "DescribeModelPackage", "<plain>"),
    _of_version("a copied version", "DescribeModelPackage", "<copy>"),
    _of_version(
        "a version without the content of its card", "DescribeModelPackage", "<pending>", IncludedData="MetadataOnly"
    ),
    _of_version("a missing version", "DescribeModelPackage", "<missing>"),
    _of_version("a missing name", "DescribeModelPackage", "<prefix>nobody"),
    Step(
        "two versions and a missing one",
        "BatchDescribeModelPackage",
        {"ModelPackageArnList": ["<pending>", "<approved>", "<missing>"]},
    ),
    _versions("versions in the default order"),
    _versions("versions, oldest first", SortOrder="Ascending"),
    _versions("versions, newest first", SortOrder="Descending"),
    _versions("versions by name", SortBy="Name", SortOrder="Ascending"),
    _versions("versions two at a time", MaxResults=2, SortOrder="Ascending", pages=True),
    _versions("approved versions", ModelApprovalStatus="Approved"),
    _versions(
        "pending versions, one at a time", ModelApprovalStatus=PENDING, SortOrder="Ascending", MaxResults=1, pages=True
    ),
    _versions("versions since long ago", CreationTimeAfter=LONG_AGO, SortOrder="Ascending"),
    _versions("versions before long ago", CreationTimeBefore=LONG_AGO),
    Step("packages by part of their name", "ListModelPackages", {"NameContains": "<prefix>"}),
    _versions("a page of 101", MaxResults=101),
    _versions("an unknown page token", NextToken="never"),
)

UPDATING: tuple[Step, ...] = (
    _update("approved, with a reason", ModelApprovalStatus="Approved", ApprovalDescription="ticket 1"),
    _of_version("after the approval", "DescribeModelPackage", "<pending>"),
    _update("approved again", ModelApprovalStatus="Approved"),
    _update("rejected after all", ModelApprovalStatus="Rejected", ApprovalDescription="ticket 2"),
    _update("pending again", ModelApprovalStatus=PENDING),
    _update("an unknown status", ModelApprovalStatus="Maybe"),
    _update("a reason too long", ApprovalDescription="a" * 1025),
    _update("metadata added and changed", CustomerMetadataProperties={"accuracy": "0.94", "f1": "0.8"}),
    _update("metadata removed, one key of which does not exist", CustomerMetadataPropertiesToRemove=["data", "never"]),
    _update("another specification", AdditionalInferenceSpecificationsToAdd=NEO),
    _update("a specification of the same name", AdditionalInferenceSpecificationsToAdd=NEO),
    _update("another stage", ModelLifeCycle={"Stage": "Production", "StageStatus": "Approved"}),
    _update("no change"),
    _update("a missing version", "<missing>", ModelApprovalStatus="Approved"),
    _of_version("after all updates", "DescribeModelPackage", "<pending>"),
)

TAGS_AND_POLICIES: tuple[Step, ...] = (
    _tags("tags of a group", "ListTags"),
    _tags("a tag changed and one added", "AddTags", Tags=[_tag("stage", "production"), _tag("owner", "alice")]),
    _tags("a tag removed, and one that does not exist", "DeleteTags", TagKeys=["owner", "never"]),
    _tags("tags after the changes", "ListTags"),
    _tags("a tag key reserved by AWS", "AddTags", Tags=[_tag("aws:team", "risk")]),
    _tags("tags of a version", "ListTags", "<approved>"),
    _tags("a tag for a version", "AddTags", "<approved>", Tags=[_tag("team", "risk")]),
    _tags("tags of a missing group", "ListTags", "<group>-nobody"),
    _of_group("no policy yet", "GetModelPackageGroupPolicy", "churn"),
    Step("a policy", "PutModelPackageGroupPolicy", {**CHURN, "ResourcePolicy": POLICY}),
    _of_group("the policy", "GetModelPackageGroupPolicy", "churn"),
    Step("an invalid policy", "PutModelPackageGroupPolicy", {**CHURN, "ResourcePolicy": "{"}),
    _of_group("the policy is deleted", "DeleteModelPackageGroupPolicy", "churn"),
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
        {
            "Resource": "ModelPackageGroup",
            "SearchExpression": {"Filters": [{"Name": "Tags.team", "Value": "<prefix>risk"}]},
        },
        lags=True,
    ),
    _search("an unknown property", ("Colour", "Equals", "red"), lags=False),
)

DELETING: tuple[Step, ...] = (
    _of_group("a group with versions", "DeleteModelPackageGroup", "churn"),
    _of_version("a version", "DeleteModelPackage", "<plain>"),
    _of_version("the deleted version again", "DeleteModelPackage", "<plain>"),
    _of_version("a deleted version", "DescribeModelPackage", "<plain>"),
    _register("the number after a deleted one", keep="next"),
    *(
        _of_version(f"the {step} version", "DeleteModelPackage", f"<{step}>")
        for step in ("next", "pending", "approved", "rejected")
    ),
    _of_group("a group that is empty now", "DeleteModelPackageGroup", "churn", lags=True),
    _of_group("a deleted group", "DescribeModelPackageGroup", "churn", lags=True),
    _of_group("a missing group", "DeleteModelPackageGroup", "nobody"),
)

STEPS: tuple[Step, ...] = (*GROUPS, *REGISTERING, *READING, *UPDATING, *TAGS_AND_POLICIES, *SEARCHING, *DELETING)

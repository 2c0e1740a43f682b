"""Promotion: versions are copied to another registry once and completely, and decisions made there are kept."""

from __future__ import annotations

import doctest
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_registry.client import ModelRegistry, connect
from sagemaker_registry.client.cli import main
from sagemaker_registry.client.promotion import Forgotten, Plan, Refused, Stale, apply, mapping, name_of, plan
from sagemaker_registry.client.promotion.mapping import Mappings, pairs
from support.server import Emulator, checked

PENDING = "PendingManualApproval"
METADATA = "CustomerMetadataProperties"
IMAGE = "111111111111.dkr.ecr.us-east-1.amazonaws.com/churn"
CONTAINER = {"Image": f"{IMAGE}:1", "ModelDataUrl": "s3://dev/churn/1.tar.gz", "Environment": {"SEED": "s3://dev/seed"}}
SPECIFICATION: dict[str, Any] = {
    "Containers": [CONTAINER],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}
REPORT = {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://dev/report.json"}}
EVERYTHING: dict[str, Any] = {
    "ModelPackageDescription": "who leaves",
    "InferenceSpecification": SPECIFICATION,
    "AdditionalInferenceSpecifications": [{"Name": "small", "Containers": [{"Image": f"{IMAGE}:small"}]}],
    "MetadataProperties": {"CommitId": "4f5c2a9", "GeneratedBy": "arn:aws:sagemaker:us-east-1:111111111111:job/7"},
    "ModelMetrics": {"ModelQuality": REPORT},
    "DriftCheckBaselines": {"Bias": {"PreTrainingConstraints": REPORT["Statistics"]}},
    "Domain": "MACHINE_LEARNING",
    "Task": "CLASSIFICATION",
    "SamplePayloadUrl": "s3://dev/payload.tar.gz",
    "SkipModelValidation": "None",
    "ModelCard": {"ModelCardStatus": "Draft", "ModelCardContent": json.dumps({"intended_uses": {"purpose": "calls"}})},
    "ModelLifeCycle": {"Stage": "Staging", "StageStatus": "Approved"},
    METADATA: {"accuracy": "0.93", "dataset": "s3://dev/data"},
    "ModelApprovalStatus": "Approved",
}
Registry = Any  # a boto3 client; Any, because several calls take plain dictionaries here


@pytest.fixture
def here() -> Iterator[Registry]:
    """Return a client of the source registry."""
    client = connect("sqlite://", region_name="us-east-1")
    client.create_model_package_group(
        ModelPackageGroupName="churn",
        ModelPackageGroupDescription="customers",
        Tags=[{"Key": "team", "Value": "growth"}],
    )
    yield checked(client)
    client.close()


@pytest.fixture(params=["in process", "served"])
def there(request: pytest.FixtureRequest, account: str) -> Iterator[Registry]:
    """Return a client of the destination registry, in another account."""
    url = "sqlite://" if request.param == "in process" else request.getfixturevalue("emulator").url
    client = connect(url, region_name="eu-west-1", aws_access_key_id=account, aws_secret_access_key="any")
    yield checked(client)
    client.close()


def register(client: Registry, group: str = "churn", **members: Any) -> str:
    arn: str = client.create_model_package(ModelPackageGroupName=group, **{**EVERYTHING, **members})["ModelPackageArn"]
    return arn


def promote(here: Registry, there: Registry, **options: Any) -> list[str]:
    """Plan and apply; return the results, such as `created churn/1`."""
    done = apply(plan(here, there, **options), there, sleep=lambda seconds: None)
    return [f"{one.outcome} {name_of(one.copy)}" for one in done]


def described(client: Registry, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.describe_model_package(ModelPackageName=name)
    return answer


def numbers(client: Registry, group: str = "churn") -> list[int]:
    found = client.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    return sorted(one["ModelPackageVersion"] for one in found)


def reasons(made: Plan) -> dict[str, str]:
    return {name_of(one.source): one.reason for one in made.skipped}


# Create


def test_a_version_is_copied_completely(here: Registry, there: Registry) -> None:
    arn = register(here)
    here.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="ticket 42")
    assert promote(here, there) == ["created churn", "created churn/1"]
    copy = described(there, "churn/1")
    metadata = copy.pop(METADATA)
    assert metadata.pop("promoted_from") == arn
    assert metadata.pop("promoted_created") == described(here, "churn/1")["CreationTime"].astimezone(UTC).isoformat(
        timespec="milliseconds"
    )
    assert metadata == EVERYTHING[METADATA]
    assert copy["ApprovalDescription"] == "ticket 42"
    original = described(here, "churn/1")
    same = EVERYTHING.keys() - {METADATA}
    assert {name: copy[name] for name in same} == {name: original[name] for name in same}
    group = there.describe_model_package_group(ModelPackageGroupName="churn")
    assert group["ModelPackageGroupDescription"] == "customers"
    assert there.list_tags(ResourceArn=group["ModelPackageGroupArn"])["Tags"] == [{"Key": "team", "Value": "growth"}]


def test_a_plan_changes_nothing_and_a_second_promotion_does_nothing(here: Registry, there: Registry) -> None:
    register(here)
    register(here)
    made = plan(here, there)
    assert [step.action for step in made.steps] == ["create-group", "create", "create"]
    assert there.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    promote(here, there)
    made = plan(here, there)
    assert (made.steps, made.skipped) == ((), ())
    assert [(name_of(one.source), name_of(one.copy)) for one in made.same] == [("churn/1",) * 2, ("churn/2",) * 2]
    assert promote(here, there) == []


def test_the_destination_numbers_versions_in_the_order_of_the_source(here: Registry, there: Registry) -> None:
    for description in ("a", "b", "c"):
        register(here, ModelPackageDescription=description)
    here.delete_model_package(ModelPackageName="churn/1")
    there.create_model_package_group(ModelPackageGroupName="churn")
    register(there, ModelPackageDescription="its own")
    assert promote(here, there) == ["created churn/2", "created churn/3"]
    assert [described(there, f"churn/{n}")["ModelPackageDescription"] for n in (1, 2, 3)] == ["its own", "b", "c"]
    assert len(plan(here, there).same) == 2


def test_a_cloned_version_is_copied_with_its_specification_and_source(here: Registry, there: Registry) -> None:
    base = register(here)
    cloned = here.create_model_package(
        ModelPackageGroupName="churn", SourceUri=base, ModelApprovalStatus="Approved", ClientToken="clone"
    )
    assert cloned["ModelPackageArn"].endswith("churn/2")
    promote(here, there)
    copy = described(there, "churn/2")
    assert copy["SourceUri"] == base
    assert copy["InferenceSpecification"]["Containers"][0]["Image"] == f"{IMAGE}:1"
    assert plan(here, there).steps == ()


def test_a_digest_is_copied_only_if_the_image_names_it(here: Registry, there: Registry) -> None:
    digest = f"sha256:{'ab' * 32}"
    named, unnamed = {"Image": f"{IMAGE}@{digest}"}, {"Image": f"{IMAGE}:1"}
    register(here, InferenceSpecification={**SPECIFICATION, "Containers": [named, unnamed]})
    mappings = Mappings.from_names(image={IMAGE: "registry/churn"})
    made = plan(here, there, mappings=mappings)
    containers = made.steps[1].wanted["InferenceSpecification"]["Containers"]
    assert containers == [{"Image": f"registry/churn@{digest}", "ImageDigest": digest}, {"Image": "registry/churn:1"}]
    promote(here, there, mappings=mappings)
    assert plan(here, there, mappings=mappings).steps == ()


def test_versions_of_a_recreated_registry_are_new_versions(there: Registry) -> None:
    for description in ("of the first", "of the second"):
        with ModelRegistry("sqlite://", region_name="us-east-1") as laptop:
            laptop.register("churn", description=description, approval="Approved", image="churn:1")
            promote(laptop.boto3, there)
    assert [described(there, f"churn/{n}")["ModelPackageDescription"] for n in (1, 2)] == [
        "of the first",
        "of the second",
    ]


def test_a_copy_is_not_promoted_back_to_its_source(here: Registry, there: Registry) -> None:
    register(here)
    promote(here, there)
    made = plan(there, here)
    assert made.steps == ()
    assert reasons(made) == {"churn/1": "it is a copy of a version in the destination"}


def test_a_copy_of_a_copy_names_the_copy_as_its_origin(here: Registry, there: Registry) -> None:
    register(here)
    promote(here, there)
    with ModelRegistry("sqlite://", region_name="us-east-1") as last:
        promote(there, last.boto3)
        assert last.get("churn/1").metadata["promoted_from"] == described(there, "churn/1")["ModelPackageArn"]
        assert plan(there, last.boto3).steps == ()


def test_a_copy_is_recognized_by_its_source_arn_alone(here: Registry, there: Registry) -> None:
    arn = register(here)
    promote(here, there)
    copy = described(there, "churn/1")["ModelPackageArn"]
    there.update_model_package(ModelPackageArn=copy, **{f"{METADATA}ToRemove": ["promoted_created"]})
    here.update_model_package(ModelPackageArn=arn, ApprovalDescription="ticket 42")
    assert promote(here, there) == ["changed churn/1"]
    assert described(there, "churn/1")["ApprovalDescription"] == "ticket 42"
    assert len(plan(here, there).same) == 1


def test_a_copy_that_was_deleted_is_created_again(here: Registry, there: Registry) -> None:
    register(here)
    promote(here, there)
    there.delete_model_package(ModelPackageName="churn/1")
    assert promote(here, there) == ["created churn/2"]
    assert numbers(there) == [2]


# Select


def test_only_approved_versions_are_promoted_by_default(here: Registry, there: Registry) -> None:
    for status in ("Approved", PENDING, "Rejected"):
        register(here, ModelApprovalStatus=status)
    made = plan(here, there)
    assert [name_of(step.source) for step in made.steps if step.action == "create"] == ["churn/1"]
    assert reasons(made) == {
        "churn/2": f"it is {PENDING}; --status selects only Approved",
        "churn/3": "it is Rejected; --status selects only Approved",
    }
    with pytest.raises(Refused, match=f"churn/2 cannot be promoted: it is {PENDING}"):
        plan(here, there, versions=["churn/2"])
    promote(here, there, versions=["churn/2"], statuses=[PENDING])
    assert described(there, "churn/1")["ModelApprovalStatus"] == PENDING


def test_only_the_newest_version_of_each_group_can_be_promoted(here: Registry, there: Registry) -> None:
    here.create_model_package_group(ModelPackageGroupName="fraud")
    for group, status in (("churn", "Approved"), ("churn", "Approved"), ("churn", PENDING), ("fraud", "Approved")):
        register(here, group, ModelApprovalStatus=status)
    made = plan(here, there, newest=True)
    assert [name_of(step.source) for step in made.steps if step.action == "create"] == ["churn/2", "fraud/1"]
    assert reasons(made)["churn/1"] == "churn/2 is newer"


def test_a_version_with_failed_validation_is_not_promoted(
    serve: Callable[..., Emulator], there: Registry, tmp_path: Path
) -> None:
    (tmp_path / "registry.toml").write_text('[validation]\nfailing = ["load-*"]\n', encoding="utf-8")
    here = serve("--backend", "sqlite://", "--config", "registry.toml").client("sagemaker")
    here.create_model_package_group(ModelPackageGroupName="churn")
    job = {
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://dev/in"}}},
        "TransformOutput": {"S3OutputPath": "s3://dev/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    for profile in ("load-test", "smoke"):
        profiles = [{"ProfileName": profile, "TransformJobDefinition": job}]
        role = "arn:aws:iam::123456789012:role/validation"
        specification = {"ValidationRole": role, "ValidationProfiles": profiles}
        register(here, ValidationSpecification=specification, SkipModelValidation="None")
    made = plan(here, there)
    assert reasons(made) == {"churn/1": "its ModelPackageStatus is Failed"}
    assert promote(here, there) == ["created churn", "created churn/1"]
    assert len(plan(here, there).same) == 1


def test_groups_are_selected_by_pattern_and_versions_by_name(here: Registry, there: Registry) -> None:
    for group in ("churn-eu", "fraud"):
        here.create_model_package_group(ModelPackageGroupName=group)
    for group in ("churn", "churn-eu", "fraud", "fraud"):
        register(here, group)

    def taken(**options: Any) -> list[str]:
        return [name_of(step.source) for step in plan(here, there, **options).steps if step.action == "create"]

    assert taken() == ["churn/1", "churn-eu/1", "fraud/1", "fraud/2"]
    assert taken(groups=["churn*"]) == ["churn/1", "churn-eu/1"]
    assert taken(versions=["fraud/2"]) == ["fraud/2"]
    assert taken(groups=["churn"], versions=["fraud/1"]) == ["churn/1", "fraud/1"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"groups": ["no-*"]}, "no group in the source matches 'no-\\*'"),
        ({"versions": ["none/1"]}, "none/1 does not exist in the source: there is no group none"),
        ({"versions": ["churn/9"]}, "does not exist in the source: churn/9"),
        ({"versions": ["churn"]}, "invalid version 'churn'; expected GROUP/NUMBER"),
    ],
)
def test_a_missing_group_or_version_is_rejected(
    options: dict[str, Any], sentence: str, here: Registry, there: Registry
) -> None:
    with pytest.raises(Refused, match=sentence):
        plan(here, there, **options)


def test_a_version_without_room_for_its_origin_is_rejected(here: Registry, there: Registry) -> None:
    register(here, **{METADATA: {f"key-{n}": "value" for n in range(48)}})
    register(here, **{METADATA: {f"key-{n}": "value" for n in range(49)}})
    made = plan(here, there)
    assert reasons(made) == {"churn/2": "it has 1 too many CustomerMetadataProperties: a copy needs two for its origin"}
    with pytest.raises(Refused, match="churn/2 cannot be promoted: it has 1 too many CustomerMetadataProperties"):
        plan(here, there, versions=["churn/2"])
    promote(here, there)
    assert plan(here, there).steps == ()


# Change


@pytest.mark.parametrize(
    ("update", "changed"),
    [
        ({METADATA: {"accuracy": "0.95"}}, {f"{METADATA}.accuracy": ("0.93", "0.95")}),
        ({METADATA: {"new": "one"}}, {f"{METADATA}.new": (None, "one")}),
        ({"ApprovalDescription": "why"}, {"ApprovalDescription": (None, "why")}),
        (
            {"ModelLifeCycle": {"Stage": "Production", "StageStatus": "Approved"}},
            {"ModelLifeCycle.Stage": ("Staging", "Production")},
        ),
        (
            {"ModelCard": {"ModelCardStatus": "PendingReview"}},
            {"ModelCard.ModelCardStatus": ("Draft", "PendingReview")},
        ),
        (
            {"AdditionalInferenceSpecificationsToAdd": [{"Name": "big", "Containers": [{"Image": "big:1"}]}]},
            {
                "AdditionalInferenceSpecifications[1].Name": (None, "big"),
                "AdditionalInferenceSpecifications[1].Containers[0].Image": (None, "big:1"),
            },
        ),
        ({"SourceUri": "somewhere"}, {"SourceUri": (None, "somewhere")}),
    ],
    ids=lambda value: next(iter(value)),
)
def test_changes_of_the_source_are_applied_to_the_copy(
    update: dict[str, Any], changed: dict[str, Any], here: Registry, there: Registry
) -> None:
    arn = register(here)
    promote(here, there)
    here.update_model_package(ModelPackageArn=arn, **update)
    (step,) = plan(here, there).steps
    shown = {one.path: (one.a, one.b) for one in step.differences}
    assert shown == changed
    sent: list[dict[str, Any]] = []
    there.meta.events.register(
        "before-parameter-build.sagemaker.UpdateModelPackage", lambda params, **_: sent.append(dict(params))
    )
    assert promote(here, there) == ["changed churn/1"]
    assert {name for request in sent for name in request} - {"ModelPackageArn", METADATA} == update.keys() - {METADATA}
    made = plan(here, there)
    assert (made.steps, len(made.same)) == ((), 1)


def test_content_and_status_of_a_model_card_change_in_two_requests(here: Registry, there: Registry) -> None:
    arn = register(here)
    promote(here, there)
    content = json.dumps({"intended_uses": {"purpose": "letters"}})
    here.update_model_package(ModelPackageArn=arn, ModelCard={"ModelCardContent": content})
    here.update_model_package(ModelPackageArn=arn, ModelCard={"ModelCardStatus": "Archived"})
    promote(here, there)
    assert described(there, "churn/1")["ModelCard"] == {"ModelCardContent": content, "ModelCardStatus": "Archived"}


def test_metadata_added_at_the_destination_is_kept(here: Registry, there: Registry) -> None:
    arn = register(here)
    promote(here, there)
    copy = described(there, "churn/1")["ModelPackageArn"]
    there.update_model_package(ModelPackageArn=copy, **{METADATA: {"endpoint": "churn-prod"}})
    assert plan(here, there).steps == ()
    here.update_model_package(
        ModelPackageArn=arn, **{METADATA: {"accuracy": "0.95"}, f"{METADATA}ToRemove": ["dataset"]}
    )
    promote(here, there)
    metadata = described(there, "churn/1")[METADATA]
    assert metadata["endpoint"] == "churn-prod"
    assert (metadata["accuracy"], metadata["dataset"]) == ("0.95", EVERYTHING[METADATA]["dataset"])


def test_a_change_that_cannot_be_made_in_place_is_reported(here: Registry, there: Registry) -> None:
    arn = register(here)
    promote(here, there)
    other = {**SPECIFICATION, "Containers": [{"Image": f"{IMAGE}:2"}]}
    here.update_model_package(ModelPackageArn=arn, InferenceSpecification=other)
    made = plan(here, there)
    assert made.steps == ()
    assert made.same == ()
    assert reasons(made) == {
        "churn/1": "InferenceSpecification of its copy churn/1 differs and cannot be changed by an update"
    }


def test_members_that_the_destination_does_not_store_are_reported(here: Registry, there: Registry) -> None:
    register(here)

    def forget(parsed: dict[str, Any], **_: Any) -> None:
        parsed.pop("Domain", None)

    there.meta.events.register("after-call.sagemaker.DescribeModelPackage", forget)
    assert promote(here, there) == ["created churn", "created churn/1"]
    assert plan(here, there).steps == ()
    assert reasons(plan(here, there)) == {
        "churn/1": "Domain of its copy churn/1 differs and cannot be changed by an update"
    }


def test_promotion_stops_if_the_destination_does_not_store_the_origin(here: Registry, there: Registry) -> None:
    register(here)
    register(here)

    def forget(parsed: dict[str, Any], **_: Any) -> None:
        parsed.pop(METADATA, None)

    there.meta.events.register("after-call.sagemaker.DescribeModelPackage", forget)
    with pytest.raises(Forgotten, match="churn/1 was created from churn/1, but the destination does not store"):
        promote(here, there)
    assert numbers(there) == [1]


# Decisions


def test_the_destination_can_review_copies_again(here: Registry, there: Registry) -> None:
    arn = register(here)
    here.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="ticket 42")
    promote(here, there, as_status=PENDING)
    copy = described(there, "churn/1")
    assert (copy["ModelApprovalStatus"], "ApprovalDescription" in copy) == (PENDING, False)
    assert reasons(plan(here, there)) == {
        "churn/1": f"its copy churn/1 stays {PENDING}; --overwrite-decisions would change it"
    }
    ModelRegistry.from_client(there).reject(copy["ModelPackageArn"], "not for us")
    for options in ({}, {"as_status": PENDING}):
        made = plan(here, there, **options)
        assert made.steps == ()
        assert reasons(made) == {
            "churn/1": "its copy churn/1 stays Rejected (not for us); --overwrite-decisions would change it"
        }


def test_a_decision_of_the_destination_is_kept(here: Registry, there: Registry) -> None:
    laptop, production = ModelRegistry.from_client(here), ModelRegistry.from_client(there)
    arn = register(here)
    laptop.approve(arn, "good")
    promote(here, there)
    laptop.reject(arn, "bad")
    assert reasons(plan(here, there)) == {
        "churn/1": "it is Rejected; --status selects only Approved; its copy churn/1 is Approved"
    }
    made = plan(here, there, statuses=["Rejected"])
    assert made.steps == ()
    assert reasons(made) == {"churn/1": "its copy churn/1 stays Approved (good); --overwrite-decisions would change it"}
    for status, reason in (("Rejected", "bad"), ("Approved", None)):
        assert promote(here, there, statuses=[status], overwrite_decisions=True) == ["changed churn/1"]
        assert (production.get("churn/1").status, production.get("churn/1").reason) == (status, reason)
        here.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="")


def test_a_decision_of_the_destination_does_not_block_other_changes(here: Registry, there: Registry) -> None:
    arn = register(here)
    promote(here, there)
    ModelRegistry.from_client(there).reject("churn/1", "no")
    here.update_model_package(ModelPackageArn=arn, **{METADATA: {"accuracy": "0.99"}})
    for _ in range(2):
        promote(here, there)
        copy = ModelRegistry.from_client(there).get("churn/1")
        assert (copy.status, copy.reason, copy.metadata["accuracy"]) == ("Rejected", "no", "0.99")


# Interruptions


def test_a_promotion_that_fails_midway_can_be_repeated(here: Registry, serve: Callable[..., Emulator]) -> None:
    emulator = serve("--backend", "sqlite://", "--check-artifacts", "always")
    there, s3 = emulator.client("sagemaker"), emulator.client("s3")
    s3.create_bucket(Bucket="dev")
    for number in (1, 2, 3):
        container = {"Image": "churn:1", "ModelDataUrl": f"s3://dev/{number}.tar.gz"}
        register(here, InferenceSpecification={**SPECIFICATION, "Containers": [container]})
        if number < 3:
            s3.put_object(Bucket="dev", Key=f"{number}.tar.gz")
    told: list[str] = []
    made = plan(here, there)
    with pytest.raises(ClientError, match=r"Cannot find S3 object: 3\.tar\.gz in bucket dev"):
        apply(made, there, on_step=lambda done: told.append(done.outcome))
    assert told == ["created"] * 3
    s3.put_object(Bucket="dev", Key="3.tar.gz")
    again = apply(Plan.from_json(made.to_json()), there)
    assert [done.outcome for done in again] == ["already done"] * 3 + ["created"]
    assert numbers(there) == [1, 2, 3]
    assert plan(here, there).steps == ()


@pytest.mark.parametrize("operation", ["CreateModelPackageGroup", "CreateModelPackage", "UpdateModelPackage"])
@pytest.mark.parametrize("same_plan", [True, False])
def test_a_lost_response_creates_no_second_version(
    operation: str, same_plan: bool, here: Registry, there: Registry
) -> None:
    register(here)
    here.update_model_package(
        ModelPackageArn=register(here), ModelApprovalStatus="Approved", ApprovalDescription="ticket 42"
    )

    def drop_response(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="there")

    made = plan(here, there)
    there.meta.events.register_first(f"after-call.sagemaker.{operation}", drop_response)
    with pytest.raises(ReadTimeoutError):
        apply(made, there)
    there.meta.events.unregister(f"after-call.sagemaker.{operation}", drop_response)
    apply(made if same_plan else plan(here, there), there)
    assert numbers(there) == [1, 2]
    assert described(there, "churn/2")["ApprovalDescription"] == "ticket 42"
    assert plan(here, there).steps == ()
    assert len(plan(here, there).same) == 2


def test_a_version_not_yet_listed_is_not_created_twice(here: Registry, there: Registry) -> None:
    """AWS may list versions late; then the token, derived from the original and the request, identifies the copy."""
    register(here)
    promote(here, there)

    def empty_list(parsed: dict[str, Any], **_: Any) -> None:
        parsed["ModelPackageSummaryList"] = []

    there.meta.events.register("after-call.sagemaker.ListModelPackages", empty_list)
    promote(here, there)
    there.meta.events.unregister("after-call.sagemaker.ListModelPackages", empty_list)
    assert numbers(there) == [1]


def test_apply_waits_until_the_group_is_ready(here: Registry, there: Registry) -> None:
    register(here)
    sleeps: list[float] = []

    def pending(parsed: dict[str, Any], **_: Any) -> None:
        if "ModelPackageGroupStatus" in parsed and len(sleeps) < 3:
            parsed["ModelPackageGroupStatus"] = "InProgress"

    there.meta.events.register("after-call.sagemaker.DescribeModelPackageGroup", pending)
    apply(plan(here, there), there, sleep=sleeps.append)
    assert sleeps == [0.0, 1.0, 1.0, 0.0]  # three reads of the group, one of the version


# Saved plans


def test_a_plan_is_stale_if_a_version_changed(here: Registry, there: Registry) -> None:
    arn = register(here)
    promote(here, there)
    here.update_model_package(ModelPackageArn=arn, **{METADATA: {"accuracy": "0.95"}})
    made = Plan.from_json(plan(here, there).to_json())
    copy = described(there, "churn/1")["ModelPackageArn"]
    there.update_model_package(ModelPackageArn=copy, ModelApprovalStatus="Rejected")
    with pytest.raises(Stale, match='ModelApprovalStatus of churn/1 is "Rejected"'):
        apply(made, there)
    assert described(there, "churn/1")[METADATA]["accuracy"] == "0.93"
    there.delete_model_package(ModelPackageName=copy)
    with pytest.raises(Stale, match="churn/1 was deleted"):
        apply(made, there)


def test_a_plan_is_stale_if_its_group_changed(here: Registry, there: Registry) -> None:
    register(here)
    made = plan(here, there)
    there.create_model_package_group(ModelPackageGroupName="churn", ModelPackageGroupDescription="another")
    with pytest.raises(Stale, match='ModelPackageGroupDescription of group churn is "another"'):
        apply(made, there)
    made = plan(here, there)
    there.delete_model_package_group(ModelPackageGroupName="churn")
    with pytest.raises(Stale, match="group churn was deleted"):
        apply(made, there)
    assert there.list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_an_unrelated_version_does_not_make_a_plan_stale(here: Registry, there: Registry) -> None:
    there.create_model_package_group(ModelPackageGroupName="churn")
    register(here)
    made = plan(here, there)
    register(there)
    (done,) = apply(made, there)
    assert name_of(done.copy) == "churn/2"


@given(st.text() | st.recursive(st.none() | st.text(), lambda inner: st.dictionaries(st.text(), inner)).map(json.dumps))
def test_text_that_is_not_a_plan_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="not a plan in the format 'sagemaker-registry plan 1'"):
        Plan.from_json(text)


def test_a_plan_survives_json(here: Registry, there: Registry) -> None:
    register(here)
    register(here, ModelApprovalStatus="Rejected")
    made = plan(here, there)
    assert Plan.from_json(made.to_json()) == made


# Mappings

accounts = st.from_regex(r"[0-9]{12}", fullmatch=True)
buckets = st.from_regex(r"[a-z0-9][a-z0-9-]{1,20}[a-z0-9]", fullmatch=True)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([*CONTAINER.values(), REPORT, EVERYTHING]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(values, accounts, buckets)
def test_an_identity_mapping_changes_nothing(value: Any, account: str, bucket: str) -> None:
    same = Mappings.from_names(
        account={account: account, "111111111111": "111111111111"},
        bucket={bucket: bucket, "dev": "dev"},
        arn={"arn:aws:": "arn:aws:"},
        image={IMAGE: IMAGE},
    )
    assert same(value) == value
    assert Mappings()(value) == value


@given(values)
def test_values_without_mapped_names_stay_the_same(value: Any) -> None:
    unused = Mappings.from_names(
        account={"999999999999": "222222222222"}, bucket={"none-such": "prod"}, arn={"arn:none": "arn:other"}
    )
    assert unused(value) == value


@given(buckets, buckets, st.text(st.characters(categories=["L", "N"]) | st.sampled_from("/ .-_"), max_size=20))
def test_buckets_are_mapped_only_in_s3_urls(here: str, other: str, key: str) -> None:
    mapped = Mappings.from_names(bucket={here: "prod"}).of_text
    assert mapped(f"s3://{here}/{key}") == f"s3://prod/{key}"
    assert mapped(f"see s3://{here} and s3://{here}/a") == "see s3://prod and s3://prod/a"
    assert mapped(f"s3://{here}x{other}/{key}") == f"s3://{here}x{other}/{key}"
    assert mapped(f"/{here}/{key}") == f"/{here}/{key}"


@given(accounts)
def test_an_account_mapping_can_be_reversed(account: str) -> None:
    record = {"role": f"arn:aws:iam::{account}:role/x", "image": f"{account}.dkr.ecr.eu-west-1.amazonaws.com/churn:1"}
    there = Mappings.from_names(account={account: "222222222222", "222222222222": account})
    assert there(record) == json.loads(json.dumps(record).replace(account, "222222222222"))
    assert there(there(record)) == record


@pytest.mark.parametrize(
    ("kind", "names", "text", "mapped"),
    [
        (
            "bucket",
            {"dev": "prod"},
            "https://dev.s3.eu-west-1.amazonaws.com/a",
            "https://prod.s3.eu-west-1.amazonaws.com/a",
        ),
        ("bucket", {"dev": "prod"}, "https://s3.amazonaws.com/dev/a", "https://s3.amazonaws.com/prod/a"),
        (
            "bucket",
            {"dev": "prod"},
            "https://s3-us-west-2.amazonaws.com/dev",
            "https://s3-us-west-2.amazonaws.com/prod",
        ),
        ("bucket", {"dev": "prod"}, "s3://dev-eu/a s3://dev.eu/a s3://DEV/a", "s3://dev-eu/a s3://dev.eu/a s3://DEV/a"),
        ("bucket", {"dev": "prod"}, "https://dev.example.com/s3://", "https://dev.example.com/s3://"),
        ("bucket", {"dev": "prod", "prod": "dev"}, "s3://dev/a,s3://prod/b", "s3://prod/a,s3://dev/b"),
        ("account", {"111111111111": "222222222222"}, "order 111111111111", "order 111111111111"),
        (
            "arn",
            {"arn:aws:kms": "arn:aws:k", "arn:aws:kms:eu-west-1": "arn:aws:kms:us-east-1"},
            '{"key": "arn:aws:kms:eu-west-1:1:key/a"}',
            '{"key": "arn:aws:kms:us-east-1:1:key/a"}',
        ),
    ],
)
def test_only_whole_names_are_mapped(kind: str, names: dict[str, str], text: str, mapped: str) -> None:
    assert Mappings.from_names(**{kind: names}).of_text(text) == mapped


def test_mappings_apply_to_every_member(here: Registry, there: Registry) -> None:
    card = json.dumps({"intended_uses": {"purpose": "see s3://dev/uses"}})
    register(here, ModelCard={"ModelCardStatus": "Draft", "ModelCardContent": card})
    mappings = Mappings.from_names(
        image={f"{IMAGE}:small": "small:9"}, bucket={"dev": "prod"}, account={"111111111111": "222222222222"}
    )
    promote(here, there, mappings=mappings)
    copy = {**described(there, "churn/1"), METADATA: {}}
    text = json.dumps(copy, default=str)
    assert "s3://dev" not in text
    assert "111111111111" not in text
    assert copy["AdditionalInferenceSpecifications"][0]["Containers"][0]["Image"] == "small:9"
    assert copy["ModelCard"]["ModelCardContent"] == card.replace("dev", "prod")
    assert plan(here, there, mappings=mappings).steps == ()


# Commands


@pytest.fixture
def urls(emulator: Emulator, account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Return the URLs of a file with two approved versions and a pending one, and of a served emulator."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    laptop = f"sqlite:///{tmp_path}/laptop.db"
    with ModelRegistry(laptop) as registry:
        for number, status in enumerate(("Approved", PENDING, "Approved"), 1):
            registry.register("churn", image=f"churn:{number}", approval=status)  # type: ignore[arg-type]
    return laptop, emulator.url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_the_plan_and_apply_commands(urls: tuple[str, str]) -> None:
    planned = run("plan", *urls, "--check")
    assert planned.exit_code == 1
    lines = planned.stdout.splitlines()
    assert lines[0] == f"{urls[0]} -> {urls[1]} (us-east-1)"
    assert [line for line in lines if line.startswith("+")] == ["+ group churn", "+ churn/1", "+ churn/3"]
    assert f"skipped churn/2: it is {PENDING}; --status selects only Approved" in lines
    assert '    ModelApprovalStatus: "Approved"' in lines
    assert lines[-1] == "Plan: 1 group and 2 versions to create, 0 to change, 0 the same, 1 skipped."
    applied = run("apply", *urls, "--yes")
    assert applied.exit_code == 0
    assert applied.stdout.splitlines()[-4:] == [
        "created: group churn",
        "created: churn/1 from churn/1",
        "created: churn/2 from churn/3",
        "Done: 3 steps.",
    ]
    planned = run("plan", *urls, "--check")
    assert planned.exit_code == 0
    assert "= churn/3 (copy churn/2)" in planned.stdout
    assert planned.stdout.endswith("Plan: 0 versions to create, 0 to change, 2 the same, 1 skipped.\n")
    assert run("apply", *urls).stdout.endswith("Nothing to do.\n")  # without asking for confirmation
    with ModelRegistry(urls[0]) as registry:
        registry.approve("churn/3", "ticket 42")
    assert '~ churn/3 (copy churn/2)\n    ApprovalDescription: (none) -> "ticket 42"\n' in run("plan", *urls).stdout


def test_plan_and_apply_can_print_json(urls: tuple[str, str]) -> None:
    made = Plan.from_json(run("plan", *urls, "--json").stdout)
    assert [step.action for step in made.steps] == ["create-group", "create", "create"]
    done = json.loads(run("apply", *urls, "--json", "--yes").stdout)
    assert [(one["outcome"], one["action"]) for one in done] == [
        ("created", "create-group"),
        ("created", "create"),
        ("created", "create"),
    ]
    assert done[2]["copy"].endswith(":model-package/churn/2")
    assert json.loads(run("apply", *urls, "--json").stdout) == []


def test_a_plan_can_be_saved_and_applied(urls: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "promotion.json"
    assert run("plan", *urls, "--newest", "--out", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o077 == 0
    assert "created: churn/1 from churn/3" in run("apply", str(file), "--yes").stdout
    assert "already done: churn/1 from churn/3" in run("apply", str(file), "--yes").stdout
    with ModelRegistry(urls[1]) as registry:
        registry.reject("churn/1", "no")
    stale = run("apply", str(file), "--yes")
    assert stale.exit_code == 2
    assert 'ModelApprovalStatus of churn/1 is "Rejected"' in stale.stderr


def test_apply_requires_yes_without_a_terminal(urls: tuple[str, str]) -> None:
    refused = run("apply", *urls)
    assert refused.exit_code == 2
    assert "nothing was changed: add --yes" in refused.stderr
    with ModelRegistry(urls[1]) as registry:
        assert list(registry.groups()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["plan", "{src}", "{dst}", "--map-account", "1=2"], "--map-account: '1' is not an account ID of 12 digits"),
        (["plan", "{src}", "{dst}", "--map-arn", "arn:aws"], "--map-arn: invalid value 'arn:aws'; expected FROM=TO"),
        (["plan", "{src}", "{dst}", "--map-bucket", "dev=one", "--map-bucket", "dev=two"], "dev is mapped twice"),
        (["plan", "{src}", "{dst}", "--version", "churn/2"], f"churn/2 cannot be promoted: it is {PENDING}"),
        (["plan", "{src}", "http://127.0.0.1:9"], "Could not connect to the endpoint URL"),
        (["plan", "mongodb://x", "{dst}"], "must begin with one of"),
        (["plan", "{src}", "{src}"], "SRC and DST are the same registry"),
        (["plan", "{src}", "{dst}", "--out", "/no/such/folder/plan.json"], "cannot write the plan to"),
        (["apply", "{src}"], "No such file or directory; expected SRC and DST, or a plan file"),
        (["apply", __file__], "not a plan in the format"),
        (["apply", "{dst}", "--newest"], "No such file or directory"),
    ],
)
def test_promotion_errors_are_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, urls: tuple[str, str]
) -> None:
    result = run(*(one.format(src=urls[0], dst=urls[1]) for one in arguments))
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_apply_of_a_plan_file_rejects_planning_options(urls: tuple[str, str], tmp_path: Path) -> None:
    file = str(tmp_path / "promotion.json")
    run("plan", *urls, "--out", file)
    refused = run("apply", file, "--newest")
    assert refused.exit_code == 2
    assert "--newest cannot be used with a plan file" in refused.stderr


def test_a_password_is_neither_shown_nor_saved(urls: tuple[str, str]) -> None:
    host = urls[1].removeprefix("http://")
    shown = run("plan", urls[0], f"http://me:secret@{host}", "--json")
    assert "secret" not in shown.output
    assert f"http://me@{host}" in shown.output


def test_ctrl_c_reports_the_completed_steps(urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.session import Session

    create_client = Session.create_client

    def create_interrupting_client(*arguments: Any, **options: Any) -> Any:
        client = create_client(*arguments, **options)
        client.meta.events.register("before-parameter-build.sagemaker.CreateModelPackage", interrupt_second)
        return client

    seen: list[str] = []

    def interrupt_second(**_: Any) -> None:
        seen.append("a create")
        if len(seen) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Session, "create_client", create_interrupting_client)
    stopped = run("apply", *urls, "--yes")
    assert stopped.exit_code == 130
    assert stopped.stdout.endswith("created: group churn\ncreated: churn/1 from churn/1\n")
    assert "interrupted after 2 of 3 steps: run the command again to continue" in stopped.stderr
    assert "created: churn/2 from churn/3" in run("apply", *urls, "--yes").stdout


@pytest.mark.parametrize(("answer", "code", "words"), [("y", 0, "Done: 3 steps."), ("n", 1, "nothing was changed")])
def test_apply_asks_and_shows_progress_on_a_terminal(answer: str, code: int, words: str, urls: tuple[str, str]) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "apply", *urls]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True) as process:
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        said = b""
        while True:
            try:
                said += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
        assert process.wait(timeout=60) == code
    os.close(ours)
    assert b"Apply this plan? [y/N]" in said
    assert words.encode() in said
    assert (b"Applying" in said) == (answer == "y")


def test_the_doctests_pass() -> None:
    result = doctest.testmod(mapping)
    assert (result.attempted, result.failed) == (1, 0)


def test_pairs_split_at_the_first_equals_sign() -> None:
    assert pairs("arn", ["arn:aws:a=arn:aws:b=c"]) == {"arn:aws:a": "arn:aws:b=c"}

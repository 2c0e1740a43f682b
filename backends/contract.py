"""The suite every registry passes, written as a boto3 user would write it; shipped for third-party backends.

A backend's test module subclasses these classes and provides one fixture, `sagemaker`: a stock boto3 client of the
service on an empty registry. `group` and `register` come with the base class.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient as Client
else:
    Client = Any

PENDING = "PendingManualApproval"
CONTAINER = {
    "Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:3",
    "ModelDataUrl": "s3://models/churn/model.tar.gz",
}
SPECIFICATION: Any = {
    "Containers": [CONTAINER],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}
UNVERSIONED_SPECIFICATION: Any = {
    **SPECIFICATION,
    "SupportedTransformInstanceTypes": ["ml.m5.large"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
}
Register = Callable[..., str]


def refusal(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    """Return the code and the sentence a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    assert caught.value.response["ResponseMetadata"]["RequestId"]
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


class Contract:
    """What the classes below share."""

    @pytest.fixture
    def group(self, sagemaker: Client) -> str:
        """Return the name of an empty group."""
        sagemaker.create_model_package_group(ModelPackageGroupName="churn")
        return "churn"

    @pytest.fixture
    def register(self, sagemaker: Client, group: str) -> Register:
        """Return a function that registers a version of the group and returns its ARN."""

        def register(**members: Any) -> str:
            request = {"ModelPackageGroupName": group, "InferenceSpecification": SPECIFICATION, **members}
            return str(sagemaker.create_model_package(**request)["ModelPackageArn"])

        return register


class GroupContract(Contract):
    def test_a_group_comes_back_as_it_was_created(self, sagemaker: Client) -> None:
        created = sagemaker.create_model_package_group(
            ModelPackageGroupName="Churn-EU",
            ModelPackageGroupDescription="Who leaves?",
            Tags=[{"Key": "a", "Value": "b"}],
        )
        described = sagemaker.describe_model_package_group(ModelPackageGroupName="Churn-EU")
        assert created["ModelPackageGroupArn"].endswith(":model-package-group/Churn-EU")
        assert described["ModelPackageGroupArn"] == created["ModelPackageGroupArn"]
        assert described["ModelPackageGroupName"] == "Churn-EU"
        assert described["ModelPackageGroupDescription"] == "Who leaves?"
        assert described["ModelPackageGroupStatus"] == "Completed"
        assert described["CreatedBy"]["IamIdentity"]["Arn"].startswith("arn:aws:iam::")
        assert abs(datetime.now(UTC) - described["CreationTime"]) < timedelta(minutes=5)

    def test_a_group_is_found_by_its_arn(self, sagemaker: Client, group: str) -> None:
        arn = sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]
        assert sagemaker.describe_model_package_group(ModelPackageGroupName=arn)["ModelPackageGroupName"] == group

    def test_a_name_is_given_once(self, sagemaker: Client, group: str) -> None:
        code, sentence = refusal(sagemaker.create_model_package_group, ModelPackageGroupName=group)
        assert code == "ValidationException"
        assert sentence.startswith("Model Package Group already exists")

    def test_names_are_case_sensitive(self, sagemaker: Client, group: str) -> None:
        code, _ = refusal(sagemaker.describe_model_package_group, ModelPackageGroupName=group.upper())
        assert code == "ValidationException"

    def test_a_missing_group_is_named_by_its_arn(self, sagemaker: Client) -> None:
        for call in (sagemaker.describe_model_package_group, sagemaker.delete_model_package_group):
            code, sentence = refusal(call, ModelPackageGroupName="nobody")
            assert code == "ValidationException"
            assert sentence.startswith("ModelPackageGroup arn:aws:sagemaker:")
            assert sentence.endswith(":model-package-group/nobody does not exist.")

    def test_an_empty_group_is_deleted_and_its_name_is_free(self, sagemaker: Client, group: str) -> None:
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
        assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
        sagemaker.create_model_package_group(ModelPackageGroupName=group)

    def test_a_group_with_versions_is_kept(self, sagemaker: Client, group: str, register: Register) -> None:
        arn = register()
        code, sentence = refusal(sagemaker.delete_model_package_group, ModelPackageGroupName=group)
        assert code == "ConflictException"
        assert "cannot be deleted because it still contains Model Packages" in sentence
        assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelPackageArn"] == arn

    def test_groups_are_listed_oldest_first_and_filtered_by_name(self, sagemaker: Client) -> None:
        for name in ("b-churn", "a-churn", "c-fraud"):
            sagemaker.create_model_package_group(ModelPackageGroupName=name)

        def names(**filters: Any) -> list[str]:
            listed = sagemaker.list_model_package_groups(**filters)["ModelPackageGroupSummaryList"]
            return [summary["ModelPackageGroupName"] for summary in listed]

        assert names(SortBy="Name") == ["a-churn", "b-churn", "c-fraud"]
        assert names(SortBy="Name", SortOrder="Descending", NameContains="churn") == ["b-churn", "a-churn"]
        assert sorted(names()) == ["a-churn", "b-churn", "c-fraud"]
        assert names(CreationTimeAfter=datetime.now(UTC) + timedelta(hours=1)) == []
        assert names(CreationTimeBefore=datetime.now(UTC) - timedelta(hours=1)) == []

    def test_a_list_of_groups_is_paged(self, sagemaker: Client) -> None:
        expected = [f"group-{number:02}" for number in range(7)]
        for name in expected:
            sagemaker.create_model_package_group(ModelPackageGroupName=name)
        pages = sagemaker.get_paginator("list_model_package_groups").paginate(
            SortBy="Name", PaginationConfig={"PageSize": 3}
        )
        listed = [
            [summary["ModelPackageGroupName"] for summary in page["ModelPackageGroupSummaryList"]] for page in pages
        ]
        assert listed == [expected[:3], expected[3:6], expected[6:]]


class PackageContract(Contract):
    def test_versions_count_from_one(self, sagemaker: Client, register: Register) -> None:
        arns = [register() for _ in range(3)]
        assert [arn.rpartition("/")[2] for arn in arns] == ["1", "2", "3"]

    def test_a_version_comes_back_as_it_was_registered(self, sagemaker: Client, group: str, register: Register) -> None:
        members: dict[str, Any] = {
            "ModelPackageDescription": "first",
            "ModelApprovalStatus": PENDING,
            "MetadataProperties": {"CommitId": "4f5c2a9", "GeneratedBy": "train-7"},
            "CustomerMetadataProperties": {"accuracy": "0.93", "dataset_version": "2026-11"},
            "ModelMetrics": {"Bias": {}, "Explainability": {}},
            "ModelLifeCycle": {"Stage": "Staging", "StageStatus": "In-Progress"},
            "Domain": "MACHINE_LEARNING",
            "Task": "CLASSIFICATION",
            "SkipModelValidation": "None",
        }
        described = sagemaker.describe_model_package(ModelPackageName=register(**members))
        assert {name: value for name, value in described.items() if name in members} == members
        assert described["ModelPackageGroupName"] == group
        assert described["ModelPackageVersion"] == 1
        assert described["ModelPackageStatus"] == "Completed"
        assert described["ModelPackageStatusDetails"] == {"ValidationStatuses": [], "ImageScanStatuses": []}
        assert described["CertifyForMarketplace"] is False
        assert described["InferenceSpecification"]["Containers"][0].pop("ImageDigest").startswith("sha256:")
        assert described["InferenceSpecification"] == SPECIFICATION
        absent = {"ModelPackageName", "ApprovalDescription", "LastModifiedTime", "ClientToken", "Tags"}
        assert absent.isdisjoint(described)

    def test_a_version_waits_for_approval_unless_it_says_otherwise(self, sagemaker: Client, register: Register) -> None:
        assert sagemaker.describe_model_package(ModelPackageName=register())["ModelApprovalStatus"] == PENDING
        approved = register(ModelApprovalStatus="Approved")
        assert sagemaker.describe_model_package(ModelPackageName=approved)["ModelApprovalStatus"] == "Approved"

    def test_a_group_may_be_given_by_its_arn(self, sagemaker: Client, group: str, register: Register) -> None:
        arn = sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]
        described = sagemaker.describe_model_package(ModelPackageName=register(ModelPackageGroupName=arn))
        assert described["ModelPackageGroupName"] == group
        listed = sagemaker.list_model_packages(ModelPackageGroupName=arn)["ModelPackageSummaryList"]
        assert len(listed) == 1

    def test_an_unversioned_package_has_a_name_and_no_approval(self, sagemaker: Client) -> None:
        created = sagemaker.create_model_package(
            ModelPackageName="solo", InferenceSpecification=UNVERSIONED_SPECIFICATION, ModelApprovalStatus="Approved"
        )
        described = sagemaker.describe_model_package(ModelPackageName="solo")
        assert created["ModelPackageArn"].endswith(":model-package/solo")
        assert described["ModelPackageName"] == "solo"
        assert {"ModelPackageGroupName", "ModelPackageVersion", "ModelApprovalStatus"}.isdisjoint(described)
        code, sentence = refusal(
            sagemaker.create_model_package, ModelPackageName="solo", InferenceSpecification=UNVERSIONED_SPECIFICATION
        )
        assert (code, "ModelPackage already exists" in sentence) == ("ValidationException", True)

    @pytest.mark.parametrize(
        ("members", "sentence"),
        [
            ({}, "Missing ARN"),
            ({"ModelPackageGroupName": "nobody"}, "Model Package Group does not exist."),
            (
                {"ModelPackageGroupName": "churn", "ModelPackageName": "solo"},
                "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
                "Cannot determine which one to use.",
            ),
            (
                {
                    "ModelPackageName": "solo",
                    "InferenceSpecification": {
                        **UNVERSIONED_SPECIFICATION,
                        "Containers": [{**CONTAINER, "Environment": {"A": "b"}}],
                    },
                },
                "1 validation errors detected:"
                "Environment variable map cannot be specified when using non-versioned ModelPackages",
            ),
            (
                {
                    "ModelPackageGroupName": "churn",
                    "InferenceSpecification": {
                        "Containers": [
                            {**CONTAINER, "AdditionalS3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/k"}}
                        ]
                    },
                },
                "AdditionalS3DataSource is not allowed in InferenceSpecification",
            ),
        ],
    )
    def test_what_aws_refuses_is_refused_in_its_words(
        self, sagemaker: Client, group: str, members: dict[str, Any], sentence: str
    ) -> None:
        assert refusal(sagemaker.create_model_package, **members) == ("ValidationException", sentence)
        assert sagemaker.list_model_packages(ModelPackageType="Both")["ModelPackageSummaryList"] == []

    def test_a_version_takes_no_tags_of_its_own(self, sagemaker: Client, group: str) -> None:
        tags: Any = [{"Key": "team", "Value": "a"}]
        code, _ = refusal(sagemaker.create_model_package, ModelPackageGroupName=group, Tags=tags)
        assert code == "ValidationException"

    def test_every_broken_constraint_is_named(self, sagemaker: Client, group: str) -> None:
        code, sentence = refusal(
            sagemaker.create_model_package,
            ModelPackageGroupName=group,
            ModelApprovalStatus="Maybe",
            InferenceSpecification={"Containers": [{"Image": "no spaces"}]},
        )
        assert code == "ValidationException"
        assert sentence.startswith("2 validation errors detected: Value 'no spaces' at ")
        assert (
            "'inferenceSpecification.containers.1.member.image' failed to satisfy constraint: Member must" in sentence
        )
        assert (
            "Value 'Maybe' at 'modelApprovalStatus' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Approved, Rejected, PendingManualApproval]" in sentence
        )

    def test_a_missing_package_is_named_by_its_arn(self, sagemaker: Client, register: Register) -> None:
        missing = register().removesuffix("1") + "99"
        for call, member in (
            (sagemaker.describe_model_package, "ModelPackageName"),
            (sagemaker.delete_model_package, "ModelPackageName"),
            (sagemaker.update_model_package, "ModelPackageArn"),
        ):
            assert refusal(call, **{member: missing}) == (
                "ValidationException",
                f"ModelPackage {missing} does not exist.",
            )

    def test_an_arn_of_another_region_is_refused(self, sagemaker: Client) -> None:
        arn = "arn:aws:sagemaker:ap-southeast-4:123456789012:model-package/churn/1"
        region = sagemaker.meta.region_name
        assert refusal(sagemaker.describe_model_package, ModelPackageName=arn) == (
            "ValidationException",
            f"ARN should be scoped to correct region: {region}",
        )

    def test_a_deleted_version_number_is_not_given_again(self, sagemaker: Client, register: Register) -> None:
        register()
        sagemaker.delete_model_package(ModelPackageName=register())
        assert register().endswith("/3")

    def test_a_version_cloned_by_its_arn_has_the_same_specification(
        self, sagemaker: Client, group: str, register: Register
    ) -> None:
        original = register()
        clone = sagemaker.create_model_package(ModelPackageGroupName=group, SourceUri=original)["ModelPackageArn"]
        described = [sagemaker.describe_model_package(ModelPackageName=arn) for arn in (original, clone)]
        assert described[0]["InferenceSpecification"] == described[1]["InferenceSpecification"]
        assert described[1]["SourceUri"] == original

    def test_the_same_token_registers_once(self, sagemaker: Client, group: str, register: Register) -> None:
        assert register(ClientToken="once") == register(ClientToken="once")
        assert len(sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]) == 1
        code, _ = refusal(sagemaker.create_model_package, ModelPackageGroupName=group, ClientToken="once")
        assert code == "ConflictException"

    def test_concurrent_registrations_take_consecutive_versions(self, register: Register) -> None:
        with ThreadPoolExecutor(8) as pool:
            arns = list(pool.map(lambda _: register(), range(40)))
        assert sorted(int(arn.rpartition("/")[2]) for arn in arns) == list(range(1, 41))


class UpdateContract(Contract):
    def test_a_decision_is_stored_with_its_reason(self, sagemaker: Client, register: Register) -> None:
        arn = register(CustomerMetadataProperties={"accuracy": "0.93"})
        answer = sagemaker.update_model_package(
            ModelPackageArn=arn, ModelApprovalStatus="Rejected", ApprovalDescription="accuracy below 0.95"
        )
        described = sagemaker.describe_model_package(ModelPackageName=arn)
        assert answer["ModelPackageArn"] == arn
        assert described["ModelApprovalStatus"] == "Rejected"
        assert described["ApprovalDescription"] == "accuracy below 0.95"
        assert described["CustomerMetadataProperties"] == {"accuracy": "0.93"}
        assert described["LastModifiedTime"] >= described["CreationTime"]
        assert described["LastModifiedBy"]["IamIdentity"]["Arn"] == described["CreatedBy"]["IamIdentity"]["Arn"]

    @pytest.mark.parametrize("before", ["Approved", "Rejected", PENDING])
    @pytest.mark.parametrize("after", ["Approved", "Rejected", PENDING])
    def test_aws_lets_every_approval_move_happen(
        self, sagemaker: Client, register: Register, before: Any, after: Any
    ) -> None:
        arn = register(ModelApprovalStatus=before)
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=after)
        assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == after

    def test_what_is_not_sent_stays(self, sagemaker: Client, register: Register) -> None:
        arn = register(ModelPackageDescription="first", ModelLifeCycle={"Stage": "QA", "StageStatus": "OnHold"})
        before = sagemaker.describe_model_package(ModelPackageName=arn)
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
        after = sagemaker.describe_model_package(ModelPackageName=arn)
        changed = {"ModelApprovalStatus", "LastModifiedTime", "LastModifiedBy", "ResponseMetadata"}
        assert {k: v for k, v in after.items() if k not in changed} == {
            k: v for k, v in before.items() if k not in changed
        }

    def test_metadata_merges_then_removes(self, sagemaker: Client, register: Register) -> None:
        arn = register(CustomerMetadataProperties={"a": "1", "b": "2", "c": "3"})
        sagemaker.update_model_package(
            ModelPackageArn=arn,
            CustomerMetadataProperties={"b": "two", "d": "4"},
            CustomerMetadataPropertiesToRemove=["a", "d", "absent"],
        )
        described = sagemaker.describe_model_package(ModelPackageName=arn)
        assert described["CustomerMetadataProperties"] == {"b": "two", "c": "3"}

    def test_metadata_may_be_removed_to_the_last(self, sagemaker: Client, register: Register) -> None:
        arn = register(CustomerMetadataProperties={"a": "1"})
        sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataPropertiesToRemove=["a"])
        assert "CustomerMetadataProperties" not in sagemaker.describe_model_package(ModelPackageName=arn)

    def test_metadata_has_at_most_fifty_keys(self, sagemaker: Client, register: Register) -> None:
        arn = register(CustomerMetadataProperties={f"key-{n}": "v" for n in range(50)})
        code, _ = refusal(
            sagemaker.update_model_package, ModelPackageArn=arn, CustomerMetadataProperties={"one-more": "v"}
        )
        assert code == "ValidationException"
        assert len(sagemaker.describe_model_package(ModelPackageName=arn)["CustomerMetadataProperties"]) == 50

    def test_additional_specifications_are_appended_under_unique_names(
        self, sagemaker: Client, register: Register
    ) -> None:
        arn = register()

        def add(*names: str) -> Any:
            added: Any = [{"Name": name, "Containers": [CONTAINER]} for name in names]
            return {"ModelPackageArn": arn, "AdditionalInferenceSpecificationsToAdd": added}

        sagemaker.update_model_package(**add("neo"))
        sagemaker.update_model_package(**add("triton"))
        assert refusal(sagemaker.update_model_package, **add("neo"))[0] == "ValidationException"
        too_many = [f"spec-{n}" for n in range(14)]
        assert refusal(sagemaker.update_model_package, **add(*too_many))[0] == "ValidationException"
        stored = sagemaker.describe_model_package(ModelPackageName=arn)["AdditionalInferenceSpecifications"]
        assert [specification["Name"] for specification in stored] == ["neo", "triton"]
        assert all(specification["Containers"][0]["ImageDigest"] for specification in stored)

    def test_a_model_card_changes_content_or_status_not_both(self, sagemaker: Client, register: Register) -> None:
        arn = register(ModelCard={"ModelCardContent": "{}", "ModelCardStatus": "Draft"})
        both: Any = {"ModelCardContent": '{"a": 1}', "ModelCardStatus": "Approved"}
        code, sentence = refusal(sagemaker.update_model_package, ModelPackageArn=arn, ModelCard=both)
        assert code == "ValidationException"
        assert sentence == "You cannot update both model card content and model card status in a single call."
        sagemaker.update_model_package(ModelPackageArn=arn, ModelCard={"ModelCardContent": '{"a": 1}'})
        card = sagemaker.describe_model_package(ModelPackageName=arn)["ModelCard"]
        assert card == {"ModelCardContent": '{"a": 1}', "ModelCardStatus": "Draft"}
        bare = sagemaker.describe_model_package(ModelPackageName=arn, IncludedData="MetadataOnly")
        assert bare["ModelCard"] == {"ModelCardStatus": "Draft"}

    def test_source_uri_and_specification_come_in_two_steps(
        self, sagemaker: Client, group: str, register: Register
    ) -> None:
        arn = sagemaker.create_model_package(ModelPackageGroupName=group, SourceUri="dummy source uri")[
            "ModelPackageArn"
        ]
        sagemaker.update_model_package(ModelPackageArn=arn, InferenceSpecification=SPECIFICATION)
        described = sagemaker.describe_model_package(ModelPackageName=arn)
        assert described["SourceUri"] == "dummy source uri"
        assert described["InferenceSpecification"]["Containers"][0]["Image"] == CONTAINER["Image"]
        code, _ = refusal(register, SourceUri="both at once")
        assert code == "ValidationException"

    def test_an_unversioned_package_is_not_updated(self, sagemaker: Client) -> None:
        arn = sagemaker.create_model_package(ModelPackageName="solo", InferenceSpecification=UNVERSIONED_SPECIFICATION)[
            "ModelPackageArn"
        ]
        code, _ = refusal(sagemaker.update_model_package, ModelPackageArn=arn, ModelApprovalStatus="Approved")
        assert code == "ValidationException"


class ListContract(Contract):
    def test_versions_of_a_group_are_listed_newest_first(
        self, sagemaker: Client, group: str, register: Register
    ) -> None:
        arns = [register() for _ in range(3)]
        listed = sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
        assert [summary["ModelPackageArn"] for summary in listed] == arns[::-1]
        assert set(listed[0]) == {
            "ModelPackageGroupName",
            "ModelPackageVersion",
            "ModelPackageArn",
            "CreationTime",
            "ModelPackageStatus",
            "ModelApprovalStatus",
        }

    def test_without_a_group_only_unversioned_packages_are_listed(self, sagemaker: Client, register: Register) -> None:
        register()
        sagemaker.create_model_package(ModelPackageName="solo", InferenceSpecification=UNVERSIONED_SPECIFICATION)

        def names(**filters: Any) -> set[str]:
            listed = sagemaker.list_model_packages(**filters)["ModelPackageSummaryList"]
            return {summary["ModelPackageArn"].partition("model-package/")[2] for summary in listed}

        assert names() == {"solo"}
        assert names(ModelPackageType="Versioned") == {"churn/1"}
        assert names(ModelPackageType="Both") == {"churn/1", "solo"}
        assert names(ModelPackageType="Both", NameContains="sol") == {"solo"}
        assert names(ModelPackageType="Both", NameContains="SOL") == set()

    def test_a_missing_group_has_an_empty_list(self, sagemaker: Client) -> None:
        assert sagemaker.list_model_packages(ModelPackageGroupName="nobody")["ModelPackageSummaryList"] == []

    def test_pending_versions_are_paged_through(self, sagemaker: Client, group: str, register: Register) -> None:
        statuses: list[Any] = ["Approved", PENDING, "Rejected", PENDING, "Approved", PENDING]
        arns = {status: [] for status in statuses}  # type: dict[str, list[str]]
        for status in statuses:
            arns[status].append(register(ModelApprovalStatus=status))
        pages = sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group, ModelApprovalStatus="PendingManualApproval", PaginationConfig={"PageSize": 2}
        )
        found = [summary["ModelPackageArn"] for page in pages for summary in page["ModelPackageSummaryList"]]
        assert found == arns[PENDING][::-1]

    def test_time_bounds_leave_out_the_bound_itself(self, sagemaker: Client, group: str, register: Register) -> None:
        created = sagemaker.describe_model_package(ModelPackageName=register())["CreationTime"]

        def count(**bounds: Any) -> int:
            return len(sagemaker.list_model_packages(ModelPackageGroupName=group, **bounds)["ModelPackageSummaryList"])

        second = timedelta(seconds=1)
        assert count(CreationTimeAfter=created - second, CreationTimeBefore=created + second) == 1
        assert count(CreationTimeAfter=created + second) == 0
        assert count(CreationTimeBefore=created - second) == 0

    def test_a_token_continues_its_own_list_only(self, sagemaker: Client, group: str, register: Register) -> None:
        for _ in range(3):
            register()
        token = sagemaker.list_model_packages(ModelPackageGroupName=group, MaxResults=1)["NextToken"]
        other = {"ModelPackageGroupName": group, "SortOrder": "Ascending"}
        for wrong in (
            {**other, "NextToken": token},
            {"ModelPackageGroupName": group, "NextToken": token[:-4] + "AAAA"},
        ):
            code, sentence = refusal(sagemaker.list_model_packages, **wrong)
            assert code == "ValidationException"
            assert "NextToken" in sentence
        rest = sagemaker.list_model_packages(ModelPackageGroupName=group, MaxResults=5, NextToken=token)
        assert [summary["ModelPackageVersion"] for summary in rest["ModelPackageSummaryList"]] == [2, 1]
        assert "NextToken" not in rest

"""Contract tests of the registration of versions and unversioned packages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .base import CONTAINER, PENDING, SPECIFICATION, UNVERSIONED_SPECIFICATION, Client, Contract, Register, refusal

S3_REPORT = {"ContentType": "application/json", "S3Uri": "s3://models/churn/report.json"}
EVERYTHING: Any = {
    "ModelPackageDescription": "Wer kündigt? 解約",
    "ModelPackageRegistrationType": "Registered",
    "InferenceSpecification": SPECIFICATION,
    "ValidationSpecification": {
        "ValidationRole": "arn:aws:iam::123456789012:role/validation",
        "ValidationProfiles": [
            {
                "ProfileName": "smoke",
                "TransformJobDefinition": {
                    "TransformInput": {
                        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}
                    },
                    "TransformOutput": {"S3OutputPath": "s3://b/out", "KmsKeyId": ""},
                    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
                },
            }
        ],
    },
    "CertifyForMarketplace": True,
    "ModelApprovalStatus": "Rejected",
    "MetadataProperties": {"CommitId": "4f5c2a9", "Repository": "git", "GeneratedBy": "train-7", "ProjectId": "p-1"},
    "ModelMetrics": {
        "ModelQuality": {"Statistics": S3_REPORT, "Constraints": S3_REPORT},
        "Bias": {"Report": S3_REPORT},
    },
    "Domain": "MACHINE_LEARNING",
    "Task": "CLASSIFICATION",
    "SamplePayloadUrl": "s3://models/churn/payload.tar.gz",
    "CustomerMetadataProperties": {"accuracy": "0.93", "git_commit": "4f5c2a9"},
    "DriftCheckBaselines": {"ModelQuality": {"Statistics": S3_REPORT}},
    "AdditionalInferenceSpecifications": [{"Name": "neo", "Description": "compiled", "Containers": [CONTAINER]}],
    "SkipModelValidation": "None",
    "SecurityConfig": {"KmsKeyId": "alias/registry"},
    "ModelCard": {"ModelCardContent": '{"model_overview": {"model_creator": "alice"}}', "ModelCardStatus": "Draft"},
    "ModelLifeCycle": {"Stage": "Staging", "StageStatus": "In-Progress", "StageDescription": "since monday"},
    "ManagedStorageType": "Restricted",
}


class PackageContract(Contract):
    def test_version_numbers_start_at_one(self, sagemaker: Client, register: Register) -> None:
        arns = [register() for _ in range(3)]
        assert [arn.rpartition("/")[2] for arn in arns] == ["1", "2", "3"]

    def test_describe_returns_a_version_as_it_was_registered(
        self, sagemaker: Client, group: str, register: Register
    ) -> None:
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

    def test_describe_returns_every_registration_parameter(self, sagemaker: Client, register: Register) -> None:
        described = sagemaker.describe_model_package(ModelPackageName=register(**EVERYTHING))
        specifications = [described["InferenceSpecification"], *described["AdditionalInferenceSpecifications"]]
        digests = [specification["Containers"][0].pop("ImageDigest") for specification in specifications]
        assert len(set(digests)) == 1
        assert {name: value for name, value in described.items() if name in EVERYTHING} == EVERYTHING
        statuses = described["ModelPackageStatusDetails"]["ValidationStatuses"]
        assert statuses == [{"Name": "smoke", "Status": "Completed"}]

    def test_a_version_can_be_registered_from_an_algorithm(self, sagemaker: Client, group: str) -> None:
        algorithms: Any = {"SourceAlgorithms": [{"AlgorithmName": "xgboost", "ModelDataUrl": "s3://models/a.tar.gz"}]}
        arn = sagemaker.create_model_package(ModelPackageGroupName=group, SourceAlgorithmSpecification=algorithms)
        described = sagemaker.describe_model_package(ModelPackageName=arn["ModelPackageArn"])
        assert described["SourceAlgorithmSpecification"] == algorithms
        assert "InferenceSpecification" not in described

    def test_the_digest_in_an_image_name_is_kept(self, sagemaker: Client, register: Register) -> None:
        digest = "sha256:" + "0123456789abcdef" * 4
        arn = register(InferenceSpecification={"Containers": [{"Image": f"registry/churn@{digest}"}]})
        described = sagemaker.describe_model_package(ModelPackageName=arn)
        assert described["InferenceSpecification"]["Containers"][0]["ImageDigest"] == digest

    def test_a_version_is_pending_by_default(self, sagemaker: Client, register: Register) -> None:
        assert sagemaker.describe_model_package(ModelPackageName=register())["ModelApprovalStatus"] == PENDING
        approved = register(ModelApprovalStatus="Approved")
        assert sagemaker.describe_model_package(ModelPackageName=approved)["ModelApprovalStatus"] == "Approved"

    def test_a_version_can_be_registered_with_the_arn_of_its_group(
        self, sagemaker: Client, group: str, register: Register
    ) -> None:
        arn = sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]
        described = sagemaker.describe_model_package(ModelPackageName=register(ModelPackageGroupName=arn))
        assert described["ModelPackageGroupName"] == group
        listed = sagemaker.list_model_packages(ModelPackageGroupName=arn)["ModelPackageSummaryList"]
        assert len(listed) == 1

    def test_an_unversioned_package_has_a_name_and_no_approval_status(self, sagemaker: Client) -> None:
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
            ({"ModelPackageGroupName": "missing"}, "Model Package Group does not exist."),
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
    def test_an_invalid_registration_fails_with_the_message_of_aws(
        self, sagemaker: Client, group: str, members: dict[str, Any], sentence: str
    ) -> None:
        assert refusal(sagemaker.create_model_package, **members) == ("ValidationException", sentence)
        assert sagemaker.list_model_packages(ModelPackageType="Both")["ModelPackageSummaryList"] == []

    def test_a_version_cannot_be_registered_with_tags(self, sagemaker: Client, group: str) -> None:
        tags: Any = [{"Key": "team", "Value": "a"}]
        code, _ = refusal(sagemaker.create_model_package, ModelPackageGroupName=group, Tags=tags)
        assert code == "ValidationException"

    def test_an_error_lists_every_violated_constraint(self, sagemaker: Client, group: str) -> None:
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

    def test_the_error_for_a_missing_package_contains_its_arn(self, sagemaker: Client, register: Register) -> None:
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

    def test_an_arn_of_another_region_is_rejected(self, sagemaker: Client) -> None:
        arn = "arn:aws:sagemaker:ap-southeast-4:123456789012:model-package/churn/1"
        region = sagemaker.meta.region_name
        assert refusal(sagemaker.describe_model_package, ModelPackageName=arn) == (
            "ValidationException",
            f"ARN should be scoped to correct region: {region}",
        )

    def test_the_number_of_a_deleted_version_is_not_reused(self, sagemaker: Client, register: Register) -> None:
        register()
        sagemaker.delete_model_package(ModelPackageName=register())
        assert register().endswith("/3")

    def test_a_version_cloned_by_arn_has_the_same_specification(
        self, sagemaker: Client, group: str, register: Register
    ) -> None:
        original = register()
        clone = sagemaker.create_model_package(ModelPackageGroupName=group, SourceUri=original)["ModelPackageArn"]
        described = [sagemaker.describe_model_package(ModelPackageName=arn) for arn in (original, clone)]
        assert described[0]["InferenceSpecification"] == described[1]["InferenceSpecification"]
        assert described[1]["SourceUri"] == original

    def test_a_client_token_registers_one_version(self, sagemaker: Client, group: str, register: Register) -> None:
        assert register(ClientToken="once") == register(ClientToken="once")
        assert len(sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]) == 1
        code, _ = refusal(sagemaker.create_model_package, ModelPackageGroupName=group, ClientToken="once")
        assert code == "ConflictException"

    def test_concurrent_requests_with_one_client_token_register_one_version(
        self, sagemaker: Client, group: str, register: Register
    ) -> None:
        with ThreadPoolExecutor(8) as pool:
            arns = set(pool.map(lambda _: register(ClientToken="at-once"), range(16)))
        assert len(arns) == 1
        assert len(sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]) == 1

    def test_concurrent_registrations_get_consecutive_version_numbers(self, register: Register) -> None:
        with ThreadPoolExecutor(8) as pool:
            arns = list(pool.map(lambda _: register(), range(40)))
        assert sorted(int(arn.rpartition("/")[2]) for arn in arns) == list(range(1, 41))

"""Contract tests of model package groups."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from .base import Client, Contract, Register, refusal


class GroupContract(Contract):
    def test_describe_returns_a_group_as_it_was_created(self, sagemaker: Client) -> None:
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

    def test_the_managed_configuration_of_a_group_is_stored(self, sagemaker: Client) -> None:
        managed: Any = {"ManagedStorageType": "Restricted"}
        sagemaker.create_model_package_group(ModelPackageGroupName="managed", ManagedConfiguration=managed)
        described = sagemaker.describe_model_package_group(ModelPackageGroupName="managed")
        assert described["ManagedConfiguration"] == managed
        (listed,) = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
        assert listed["ManagedConfiguration"] == managed

    def test_a_group_can_be_described_by_its_arn(self, sagemaker: Client, group: str) -> None:
        arn = sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]
        assert sagemaker.describe_model_package_group(ModelPackageGroupName=arn)["ModelPackageGroupName"] == group

    def test_group_names_are_unique(self, sagemaker: Client, group: str) -> None:
        code, sentence = refusal(sagemaker.create_model_package_group, ModelPackageGroupName=group)
        assert code == "ValidationException"
        assert sentence.startswith("Model Package Group already exists")

    def test_group_names_are_case_sensitive(self, sagemaker: Client, group: str) -> None:
        code, _ = refusal(sagemaker.describe_model_package_group, ModelPackageGroupName=group.upper())
        assert code == "ValidationException"

    def test_the_error_for_a_missing_group_contains_its_arn(self, sagemaker: Client) -> None:
        for call in (sagemaker.describe_model_package_group, sagemaker.delete_model_package_group):
            code, sentence = refusal(call, ModelPackageGroupName="missing")
            assert code == "ValidationException"
            assert sentence.startswith("ModelPackageGroup arn:aws:sagemaker:")
            assert sentence.endswith(":model-package-group/missing does not exist.")

    def test_the_name_of_a_deleted_group_can_be_reused(self, sagemaker: Client, group: str) -> None:
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
        assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
        sagemaker.create_model_package_group(ModelPackageGroupName=group)

    def test_a_group_with_versions_cannot_be_deleted(self, sagemaker: Client, group: str, register: Register) -> None:
        arn = register()
        code, sentence = refusal(sagemaker.delete_model_package_group, ModelPackageGroupName=group)
        assert code == "ConflictException"
        assert "cannot be deleted because it still contains Model Packages" in sentence
        assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelPackageArn"] == arn

    def test_groups_can_be_sorted_by_name_and_filtered(self, sagemaker: Client) -> None:
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

    def test_own_groups_are_not_cross_account_groups(self, sagemaker: Client, group: str) -> None:
        arn = sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]

        def arns(option: Any) -> set[str]:
            listed = sagemaker.list_model_package_groups(CrossAccountFilterOption=option)
            return {summary["ModelPackageGroupArn"] for summary in listed["ModelPackageGroupSummaryList"]}

        assert arn in arns("SameAccount")
        assert arn not in arns("CrossAccount")

    def test_a_list_of_groups_is_paged(self, sagemaker: Client) -> None:
        expected = [f"group-{number:02}" for number in range(7)]
        for name in expected:
            sagemaker.create_model_package_group(ModelPackageGroupName=name)
        pages = sagemaker.get_paginator("list_model_package_groups").paginate(
            SortBy="Name", NameContains="group-0", PaginationConfig={"PageSize": 3}
        )
        listed = [
            [summary["ModelPackageGroupName"] for summary in page["ModelPackageGroupSummaryList"]] for page in pages
        ]
        assert listed == [expected[:3], expected[3:6], expected[6:]]

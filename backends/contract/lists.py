"""Contract tests of lists: order, filters, pages and tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from .base import PENDING, UNVERSIONED_SPECIFICATION, Client, Contract, Register, refusal


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
        assert sagemaker.list_model_packages(ModelPackageGroupName="missing")["ModelPackageSummaryList"] == []

    def test_versions_filtered_by_status_are_paged(self, sagemaker: Client, group: str, register: Register) -> None:
        statuses: list[Any] = ["Approved", PENDING, "Rejected", PENDING, "Approved", PENDING]
        arns = {status: [] for status in statuses}  # type: dict[str, list[str]]
        for status in statuses:
            arns[status].append(register(ModelApprovalStatus=status))
        pages = sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group, ModelApprovalStatus="PendingManualApproval", PaginationConfig={"PageSize": 2}
        )
        found = [summary["ModelPackageArn"] for page in pages for summary in page["ModelPackageSummaryList"]]
        assert found == arns[PENDING][::-1]

    def test_versions_can_be_filtered_by_creation_time(self, sagemaker: Client, group: str, register: Register) -> None:
        created = sagemaker.describe_model_package(ModelPackageName=register())["CreationTime"]

        def count(**bounds: Any) -> int:
            return len(sagemaker.list_model_packages(ModelPackageGroupName=group, **bounds)["ModelPackageSummaryList"])

        second = timedelta(seconds=1)
        assert count(CreationTimeAfter=created - second, CreationTimeBefore=created + second) == 1
        assert count(CreationTimeAfter=created + second) == 0
        assert count(CreationTimeBefore=created - second) == 0

    def test_packages_can_be_sorted_by_name(self, sagemaker: Client, register: Register) -> None:
        register()
        for name in ("b-solo", "a-solo"):
            sagemaker.create_model_package(ModelPackageName=name, InferenceSpecification=UNVERSIONED_SPECIFICATION)
        listed = sagemaker.list_model_packages(ModelPackageType="Both", SortBy="Name", SortOrder="Ascending")
        arns = [
            summary["ModelPackageArn"].partition("model-package/")[2] for summary in listed["ModelPackageSummaryList"]
        ]
        assert arns == ["a-solo", "b-solo", "churn/1"]

    def test_a_token_is_only_valid_for_its_own_list(self, sagemaker: Client, group: str, register: Register) -> None:
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

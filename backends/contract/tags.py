"""Contract tests of tags and of BatchDescribeModelPackage."""

from __future__ import annotations

from typing import Any

import pytest

from .base import UNVERSIONED_SPECIFICATION, Client, Contract, Register, refusal

TEAM: Any = {"Key": "team", "Value": "fraud"}
STAGE: Any = {"Key": "stage", "Value": "dev"}


class TagContract(Contract):
    @pytest.fixture
    def group_arn(self, sagemaker: Client, group: str) -> str:
        return sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]

    @pytest.fixture
    def solo(self, sagemaker: Client) -> str:
        """Return the ARN of an unversioned package with a tag."""
        return sagemaker.create_model_package(
            ModelPackageName="solo", InferenceSpecification=UNVERSIONED_SPECIFICATION, Tags=[TEAM]
        )["ModelPackageArn"]

    def test_tags_set_at_creation_are_listed(self, sagemaker: Client, solo: str) -> None:
        arn = sagemaker.create_model_package_group(ModelPackageGroupName="tagged", Tags=[TEAM, STAGE])
        assert sagemaker.list_tags(ResourceArn=arn["ModelPackageGroupArn"])["Tags"] == [TEAM, STAGE]
        assert sagemaker.list_tags(ResourceArn=solo)["Tags"] == [TEAM]

    def test_a_group_without_tags_has_an_empty_list(self, sagemaker: Client, group_arn: str) -> None:
        assert sagemaker.list_tags(ResourceArn=group_arn)["Tags"] == []

    @pytest.mark.parametrize("resource", ["group_arn", "solo"])
    def test_an_added_tag_replaces_a_tag_with_the_same_key(
        self, sagemaker: Client, resource: str, request: pytest.FixtureRequest
    ) -> None:
        arn = request.getfixturevalue(resource)
        sagemaker.add_tags(ResourceArn=arn, Tags=[TEAM])
        other: Any = {"Key": "team", "Value": "churn"}
        assert sagemaker.add_tags(ResourceArn=arn, Tags=[other, STAGE])["Tags"] == [other, STAGE]
        listed = sagemaker.list_tags(ResourceArn=arn, MaxResults=50)
        assert listed["Tags"] == [other, STAGE]
        assert "NextToken" not in listed
        assert refusal(sagemaker.list_tags, ResourceArn=arn, NextToken="any")[0] == "ValidationException"

    def test_deleting_an_absent_tag_is_not_an_error(self, sagemaker: Client, group_arn: str) -> None:
        sagemaker.add_tags(ResourceArn=group_arn, Tags=[TEAM, STAGE])
        sagemaker.delete_tags(ResourceArn=group_arn, TagKeys=["team", "never-there"])
        assert sagemaker.list_tags(ResourceArn=group_arn)["Tags"] == [STAGE]

    def test_a_version_has_the_tags_of_its_group_and_cannot_be_tagged(
        self, sagemaker: Client, group_arn: str, register: Register
    ) -> None:
        arn = register()
        sagemaker.add_tags(ResourceArn=group_arn, Tags=[TEAM])
        assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [TEAM]
        assert refusal(sagemaker.add_tags, ResourceArn=arn, Tags=[STAGE])[0] == "ValidationException"
        assert refusal(sagemaker.delete_tags, ResourceArn=arn, TagKeys=["team"])[0] == "ValidationException"

    def test_a_resource_has_at_most_fifty_tags_and_none_with_the_aws_prefix(
        self, sagemaker: Client, group_arn: str
    ) -> None:
        many: Any = [{"Key": f"key-{number}", "Value": ""} for number in range(50)]
        sagemaker.add_tags(ResourceArn=group_arn, Tags=many)
        own: Any = [{"Key": "aws:mine", "Value": "x"}]
        assert refusal(sagemaker.add_tags, ResourceArn=group_arn, Tags=[TEAM])[0] == "ValidationException"
        assert refusal(sagemaker.add_tags, ResourceArn=group_arn, Tags=own)[0] == "ValidationException"
        code, _ = refusal(sagemaker.create_model_package_group, ModelPackageGroupName="other", Tags=own)
        assert code == "ValidationException"
        assert len(sagemaker.list_tags(ResourceArn=group_arn)["Tags"]) == 50

    def test_tag_operations_on_a_missing_resource_fail(self, sagemaker: Client, group_arn: str) -> None:
        for missing in (f"{group_arn}-2", group_arn.replace("model-package-group/", "model-package/") + "/7"):
            for call, rest in (
                (sagemaker.list_tags, {}),
                (sagemaker.add_tags, {"Tags": [TEAM]}),
                (sagemaker.delete_tags, {"TagKeys": ["team"]}),
            ):
                code, sentence = refusal(call, ResourceArn=missing, **rest)
                assert code == "ValidationException"
                if call == sagemaker.list_tags or "/7" not in missing:
                    assert sentence == "Resource does not exist."

    def test_changing_tags_changes_nothing_else(self, sagemaker: Client, solo: str) -> None:
        before: Any = sagemaker.describe_model_package(ModelPackageName=solo)
        sagemaker.add_tags(ResourceArn=solo, Tags=[STAGE])
        after: Any = sagemaker.describe_model_package(ModelPackageName=solo)
        before.pop("ResponseMetadata")
        after.pop("ResponseMetadata")
        assert after == before


class BatchContract(Contract):
    def test_a_batch_returns_a_summary_or_an_error_for_each_arn(self, sagemaker: Client, register: Register) -> None:
        first, second = register(ModelPackageDescription="one"), register(ModelApprovalStatus="Approved")
        missing = second[:-1] + "99"
        answer = sagemaker.batch_describe_model_package(ModelPackageArnList=[first, missing, second, first])
        summaries = answer["ModelPackageSummaries"]
        assert set(summaries) == {first, second}
        assert summaries[first]["ModelPackageDescription"] == "one"
        assert summaries[second]["ModelApprovalStatus"] == "Approved"
        assert summaries[second]["InferenceSpecification"]["Containers"]
        assert answer["BatchDescribeModelPackageErrorMap"] == {
            missing: {
                "ErrorCode": "ValidationException",
                "ErrorResponse": f"ModelPackage {missing} does not exist.",
            }
        }

    def test_a_batch_has_at_most_100_arns(self, sagemaker: Client, register: Register) -> None:
        arn = register()
        code, sentence = refusal(sagemaker.batch_describe_model_package, ModelPackageArnList=[arn] * 101)
        assert code == "ValidationException"
        assert "at 'modelPackageArnList' failed to satisfy constraint: Member must have length less than" in sentence

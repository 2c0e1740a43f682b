"""Contract tests of UpdateModelPackage: decisions, metadata, specifications and model cards."""

from __future__ import annotations

from typing import Any

import pytest

from .base import CONTAINER, PENDING, SPECIFICATION, UNVERSIONED_SPECIFICATION, Client, Contract, Register, refusal

CARD = '{"model_overview": {"model_creator": "alice"}, "additional_information": {"ethical_considerations": "none"}}'


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
    def test_every_approval_transition_is_allowed(
        self, sagemaker: Client, register: Register, before: Any, after: Any
    ) -> None:
        arn = register(ModelApprovalStatus=before)
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=after)
        assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == after

    def test_an_update_keeps_members_that_it_does_not_set(self, sagemaker: Client, register: Register) -> None:
        arn = register(ModelPackageDescription="first", ModelLifeCycle={"Stage": "QA", "StageStatus": "OnHold"})
        before = sagemaker.describe_model_package(ModelPackageName=arn)
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
        after = sagemaker.describe_model_package(ModelPackageName=arn)
        changed = {"ModelApprovalStatus", "LastModifiedTime", "LastModifiedBy", "ResponseMetadata"}
        assert {k: v for k, v in after.items() if k not in changed} == {
            k: v for k, v in before.items() if k not in changed
        }

    def test_an_update_merges_metadata_before_it_removes_keys(self, sagemaker: Client, register: Register) -> None:
        arn = register(CustomerMetadataProperties={"a": "1", "b": "2", "c": "3"})
        sagemaker.update_model_package(
            ModelPackageArn=arn,
            CustomerMetadataProperties={"b": "two", "d": "4"},
            CustomerMetadataPropertiesToRemove=["a", "d", "absent"],
        )
        described = sagemaker.describe_model_package(ModelPackageName=arn)
        assert described["CustomerMetadataProperties"] == {"b": "two", "c": "3"}

    def test_all_metadata_can_be_removed(self, sagemaker: Client, register: Register) -> None:
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

    def test_content_and_status_of_a_model_card_cannot_change_together(
        self, sagemaker: Client, register: Register
    ) -> None:
        arn = register(ModelCard={"ModelCardContent": "{}", "ModelCardStatus": "Draft"})
        both: Any = {"ModelCardContent": CARD, "ModelCardStatus": "Approved"}
        code, sentence = refusal(sagemaker.update_model_package, ModelPackageArn=arn, ModelCard=both)
        assert code == "ValidationException"
        assert sentence == "You cannot update both model card content and model card status in a single call."
        sagemaker.update_model_package(ModelPackageArn=arn, ModelCard={"ModelCardContent": CARD})
        card = sagemaker.describe_model_package(ModelPackageName=arn)["ModelCard"]
        assert card == {"ModelCardContent": CARD, "ModelCardStatus": "Draft"}
        bare = sagemaker.describe_model_package(ModelPackageName=arn, IncludedData="MetadataOnly")
        assert bare["ModelCard"] == {"ModelCardStatus": "Draft"}

    def test_the_content_of_an_archived_model_card_cannot_change(self, sagemaker: Client, register: Register) -> None:
        arn = register(ModelCard={"ModelCardContent": "{}", "ModelCardStatus": "Archived"})
        assert refusal(sagemaker.update_model_package, ModelPackageArn=arn, ModelCard={"ModelCardContent": CARD}) == (
            "ValidationException",
            "Model Card is in Archived state",
        )
        sagemaker.update_model_package(ModelPackageArn=arn, ModelCard={"ModelCardStatus": "Draft"})
        assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelCard"]["ModelCardStatus"] == "Draft"

    @pytest.mark.parametrize(
        "content",
        [
            "not json",
            "[]",
            '{"model_package_details": {}}',
            '{"model_overview": {"model_name": "churn"}}',
            '{"model_overview": []}',
        ],
    )
    def test_an_invalid_model_card_is_rejected(
        self, sagemaker: Client, group: str, register: Register, content: str
    ) -> None:
        card: Any = {"ModelCardContent": content, "ModelCardStatus": "Draft"}
        code, _ = refusal(sagemaker.create_model_package, ModelPackageGroupName=group, ModelCard=card)
        assert code == "ValidationException"
        assert refusal(sagemaker.update_model_package, ModelPackageArn=register(), ModelCard=card)[0] == code

    def test_source_uri_and_specification_cannot_be_set_together(
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

    def test_other_members_of_an_update_replace_the_stored_values(self, sagemaker: Client, register: Register) -> None:
        arn = register(ModelLifeCycle={"Stage": "Staging", "StageStatus": "OnHold", "StageDescription": "wait"})
        stage: Any = {"Stage": "Production", "StageStatus": "Approved"}
        sagemaker.update_model_package(
            ModelPackageArn=arn, ModelLifeCycle=stage, ModelPackageRegistrationType="Logged", SourceUri="git://churn"
        )
        described = sagemaker.describe_model_package(ModelPackageName=arn)
        assert described["ModelLifeCycle"] == stage
        assert described["ModelPackageRegistrationType"] == "Logged"
        assert described["SourceUri"] == "git://churn"

    def test_a_client_token_applies_an_update_once(self, sagemaker: Client, register: Register) -> None:
        arn = register()
        approve: Any = {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved", "ClientToken": "decide-once"}
        assert sagemaker.update_model_package(**approve)["ModelPackageArn"] == arn
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
        assert sagemaker.update_model_package(**approve)["ModelPackageArn"] == arn
        assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "Rejected"
        other = {**approve, "ModelApprovalStatus": "Rejected"}
        assert refusal(sagemaker.update_model_package, **other)[0] == "ConflictException"

    def test_an_empty_update_changes_nothing(self, sagemaker: Client, register: Register) -> None:
        arn = register()
        assert sagemaker.update_model_package(ModelPackageArn=arn)["ModelPackageArn"] == arn
        assert "LastModifiedTime" not in sagemaker.describe_model_package(ModelPackageName=arn)

    def test_an_unversioned_package_cannot_be_updated(self, sagemaker: Client) -> None:
        arn = sagemaker.create_model_package(ModelPackageName="solo", InferenceSpecification=UNVERSIONED_SPECIFICATION)[
            "ModelPackageArn"
        ]
        code, _ = refusal(sagemaker.update_model_package, ModelPackageArn=arn, ModelApprovalStatus="Approved")
        assert code == "ValidationException"

"""Nobody approves content that they changed: not in the same update, and not later."""

from __future__ import annotations

from typing import Any

import pytest
from approval.test_rules import ALICE, BOB, CAROL, DAVE, PENDING, Registry, refused, with_rules

from sagemaker_registry.backends.errors import AccessDeniedException, ConflictException

CREATOR = "creator-may-not-approve"
ONE = 'rules.r = {is = "approvers", count = 1}'
TWO = 'rules.r = {is = "approvers", count = 2}'
RULES = [("", CREATOR), (ONE, "r"), (TWO, "r")]
SPECIFICATION = {
    "Containers": [{"Image": "evil:1"}],
    "SupportedContentTypes": ["a/b"],
    "SupportedResponseMIMETypes": ["a/b"],
}
CONTENT: list[dict[str, Any]] = [
    {"InferenceSpecification": SPECIFICATION},
    {"SourceUri": "s3://evil/model.tar.gz"},
    {"CustomerMetadataProperties": {"accuracy": "0.99"}},
    {"AdditionalInferenceSpecificationsToAdd": [{"Name": "evil", "Containers": [{"Image": "evil:1"}]}]},
    {"ModelCard": {"ModelCardContent": "{}", "ModelCardStatus": "Draft"}},
]


def names_of(content: dict[str, Any]) -> str:
    return next(iter(content))


@pytest.fixture(params=RULES, ids=["creator", "one", "two"])
def registry(request: pytest.FixtureRequest) -> Registry:
    return with_rules(*request.param)


@pytest.mark.parametrize("content", CONTENT, ids=names_of)
def test_content_cannot_be_changed_and_approved_in_one_update(registry: Registry, content: dict[str, Any]) -> None:
    arn = registry.register(DAVE)
    before = registry.describe(arn)
    call = lambda: registry.update(ALICE, arn, ModelApprovalStatus="Approved", **content)  # noqa: E731
    assert "changed the content of this version" in refused(AccessDeniedException, call)
    assert registry.describe(arn) == before


@pytest.mark.parametrize("content", CONTENT, ids=names_of)
def test_content_cannot_be_changed_and_approved_later(registry: Registry, content: dict[str, Any]) -> None:
    arn = registry.register(DAVE)
    registry.update(ALICE, arn, **content)
    registry.update(BOB, arn, CustomerMetadataProperties={"note": "unrelated"})
    for caller in (ALICE, BOB):
        message = refused(AccessDeniedException, lambda caller=caller: registry.decide(caller, arn))
        assert "changed the content of this version" in message
    assert registry.status(arn) == PENDING
    registry.decide(CAROL, arn)


def test_an_editor_can_still_reject_and_others_can_still_approve(registry: Registry) -> None:
    arn = registry.register(DAVE)
    registry.update(ALICE, arn, CustomerMetadataProperties={"accuracy": "0.9"})
    assert registry.decide(ALICE, arn, "Rejected") == "Rejected"
    registry.decide(BOB, arn, PENDING)
    with pytest.raises(AccessDeniedException):
        registry.decide(ALICE, arn)
    registry.decide(BOB, arn)


def test_decisions_and_the_life_cycle_are_no_content(registry: Registry) -> None:
    arn = registry.register(DAVE)
    registry.decide(ALICE, arn, "Rejected")
    registry.update(ALICE, arn, ModelLifeCycle={"Stage": "Testing", "StageStatus": "Ready"})
    registry.update(ALICE, arn, ApprovalDescription="another reason")
    registry.decide(BOB, arn, PENDING)
    registry.decide(ALICE, arn)


@pytest.mark.parametrize("content", CONTENT, ids=names_of)
def test_content_of_an_approved_version_cannot_change(registry: Registry, content: dict[str, Any]) -> None:
    arn = registry.register(DAVE)
    for caller in (ALICE, BOB):
        if registry.status(arn) != "Approved":
            registry.decide(caller, arn)
    before = registry.describe(arn)
    for more in ({}, {"ModelApprovalStatus": "Approved"}):
        with pytest.raises((ConflictException, AccessDeniedException)) as caught:
            registry.update(CAROL, arn, **content, **more)
        assert "cannot change; return it to PendingManualApproval first." in caught.value.message
    assert registry.describe(arn) == before
    registry.update(CAROL, arn, ModelApprovalStatus=PENDING, **content)
    with pytest.raises(AccessDeniedException):
        registry.decide(CAROL, arn)


def test_members_that_a_frozen_rule_lets_change_are_no_content() -> None:
    registry = with_rules('rules.f = {is = "frozen", may_change = ["CustomerMetadataProperties"]}', f"{CREATOR} f")
    arn = registry.register(DAVE)
    registry.update(ALICE, arn, CustomerMetadataProperties={"deployed": "yes"})
    assert registry.decide(ALICE, arn) == "Approved"
    registry.update(ALICE, arn, CustomerMetadataProperties={"deployed": "no"})


def test_approvals_of_earlier_content_do_not_count_and_the_history_says_so() -> None:
    registry = with_rules(TWO, "r")
    arn = registry.register(DAVE)
    assert registry.decide(ALICE, arn) == PENDING
    registry.update(CAROL, arn, CustomerMetadataProperties={"accuracy": "0.99"})
    entry = registry.extension("history", {"group": "churn/1", "max_results": 1}, DAVE)["changes"][0]
    assert "The content changed; earlier approvals no longer count: alice." in str(entry)
    assert registry.decide(BOB, arn) == PENDING
    assert registry.decide(ALICE, arn) == "Approved"


def test_explain_says_that_an_editor_cannot_approve(registry: Registry) -> None:
    arn = registry.register(DAVE)
    registry.update(ALICE, arn, CustomerMetadataProperties={"accuracy": "0.9"})
    explained = registry.extension("explain", {"arn": arn}, ALICE)
    (approval,) = [one for one in explained["transitions"] if one["to"] == "Approved"]
    assert approval["allowed"] is False
    assert "changed the content of this version" in str(approval["rules"])


def test_editors_are_known_although_the_rule_is_newer() -> None:
    registry = with_rules("", "")
    arn = registry.register(DAVE)
    registry.update(ALICE, arn, CustomerMetadataProperties={"accuracy": "0.9"})
    registry.decide(BOB, arn, "Rejected")
    ruled = with_rules("", CREATOR)
    ruled._rows = registry._rows
    with pytest.raises(AccessDeniedException):
        ruled.decide(ALICE, arn)
    assert ruled.decide(BOB, arn) == "Approved"

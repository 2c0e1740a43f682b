"""Approval as a state machine: every transition of every profile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagemaker_registry.backends import identities
from sagemaker_registry.backends.approval import profiles
from sagemaker_registry.backends.approval.profiles import NEW, PROFILES, STATES, Profile, Transition
from sagemaker_registry.backends.base import BackendOptions, Caller
from sagemaker_registry.backends.errors import ConflictException, RegistryError, ValidationException
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.service import model
from sagemaker_registry.backends.settings import ApprovalTable, ProfileTable, Settings, TransitionTable
from sagemaker_registry.backends.store.rows import PACKAGES
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows

pytest_plugins = ("support.postgres",)

ALICE, BOB = Caller(access_key="alice"), Caller(access_key="bob")
GROUP = {"ModelPackageGroupName": "churn"}
KEY = (ALICE.account, ALICE.region, "churn", 1)

TRANSITIONS = """
                                        aws  documented  strict
new                   -> Pending        yes  yes         yes
new                   -> Approved       yes  yes         no
new                   -> Rejected       yes  yes         no
Pending               -> Pending        yes  yes         yes
Pending               -> Approved       yes  yes         yes
Pending               -> Rejected       yes  yes         yes
Approved              -> Pending        yes  no          no
Approved              -> Approved       yes  yes         no
Approved              -> Rejected       yes  yes         yes
Rejected              -> Pending        yes  no          yes
Rejected              -> Approved       yes  yes         no
Rejected              -> Rejected       yes  yes         no
"""
FULL_NAMES = {"Pending": "PendingManualApproval"}


def transitions_table() -> Iterator[tuple[str, str, str, bool]]:
    names, *lines = [line.split() for line in TRANSITIONS.strip().splitlines()]
    for source, _, target, *allowed in lines:
        for name, word in zip(names, allowed, strict=True):
            yield name, FULL_NAMES.get(source, source), FULL_NAMES.get(target, target), word == "yes"


def registry(profile: str, **tables: Any) -> LocalRegistry:
    approving = (ApprovalTable(groups=("*",), profile=profile),)
    made = LocalRegistry(SQLiteRows(None), options=BackendOptions(Settings(approval=approving, **tables)))
    made.call("CreateModelPackageGroup", GROUP, ALICE)
    return made


def stored(made: LocalRegistry, key: tuple[Any, ...] = KEY) -> tuple[int, dict[str, Any]]:
    """Return the revision and the stored record of a version, including members that no response shows."""
    with made._rows.reading() as rows:
        row = rows.get(PACKAGES, key)
    assert row is not None
    return row["rev"], row["record"]


def registered_in(made: LocalRegistry, profile: Profile, state: str) -> str:
    """Register a version, bring it to a state by transitions of the profile, and return its ARN."""
    path = shortest(profile, state)
    arn: str = made.call("CreateModelPackage", {**GROUP, "ModelApprovalStatus": path[0]}, ALICE)["ModelPackageArn"]
    for step in path[1:]:
        made.call("UpdateModelPackage", decision(arn, step), ALICE)
    return arn


def shortest(profile: Profile, state: str) -> list[str]:
    """Return the states on the shortest path of a version to one."""
    paths = [[target] for target in profile.targets(NEW)]
    for path in paths:
        if path[-1] == state:
            return path
        paths += [[*path, target] for target in profile.targets(path[-1]) if target not in path]
    raise AssertionError(f"{state} cannot be reached")


def decision(arn: str, status: str, reason: str = "because") -> dict[str, Any]:
    return {"ModelPackageArn": arn, "ModelApprovalStatus": status, "ApprovalDescription": reason}


def test_the_table_has_every_possible_transition() -> None:
    asked = {(source, target) for _, source, target, _ in transitions_table()}
    assert asked == {(source, target) for source in (NEW, *STATES) for target in STATES}
    assert {name for name, *_ in transitions_table()} == set(PROFILES)
    assert set(model.enum("ModelApprovalStatus")) == set(STATES)


@pytest.mark.parametrize(("name", "source", "target", "allowed"), [*transitions_table()])
def test_a_profile_allows_only_the_transitions_of_the_table(name: str, source: str, target: str, allowed: bool) -> None:
    with registry(name) as made:
        if source == NEW:
            refused = ValidationException
            sent = {**GROUP, "ModelApprovalStatus": target}
            before, change = None, lambda: made.call("CreateModelPackage", sent, ALICE)
        else:
            refused = ConflictException
            arn = registered_in(made, PROFILES[name], source)
            before, change = stored(made), lambda: made.call("UpdateModelPackage", decision(arn, target), BOB)
        if allowed:
            change()
            assert stored(made)[1]["ModelApprovalStatus"] == target
            return
        with pytest.raises(refused) as caught:
            change()
        assert f"the profile `{name}` " in caught.value.message
        if before is None:
            assert made.call("ListModelPackages", GROUP, ALICE)["ModelPackageSummaryList"] == []
        else:
            assert f"is {source} (" in caught.value.message
            assert stored(made) == before


def test_the_default_status_is_allowed_by_every_profile() -> None:
    for profile in PROFILES:
        with registry(profile) as made:
            made.call("CreateModelPackage", GROUP, ALICE)
            assert stored(made)[1]["ModelApprovalStatus"] == profiles.INITIAL


def test_profiles_do_not_apply_to_unversioned_packages() -> None:
    with registry("strict") as made:
        specification = {
            "Containers": [{"Image": "i"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
            "SupportedTransformInstanceTypes": ["ml.m5.large"],
            "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
        }
        request = {"ModelPackageName": "solo", "InferenceSpecification": specification}
        made.call("CreateModelPackage", {**request, "ModelApprovalStatus": "Approved"}, ALICE)
        made.call("DeleteModelPackage", {"ModelPackageName": "solo"}, ALICE)


def test_a_rejected_decision_names_the_earlier_reviewer_and_the_time() -> None:
    with registry("strict") as made:
        arn = registered_in(made, PROFILES["strict"], "Approved")
        with pytest.raises(ConflictException) as caught:
            made.call("UpdateModelPackage", decision(arn, "Approved"), BOB)
        assert f"ModelPackage {arn} is Approved (set by {ALICE.arn} at 20" in caught.value.message
        assert caught.value.message.endswith(
            "the profile `strict` does not allow a transition to Approved, only to Rejected."
        )


def test_a_decision_repeated_with_its_client_token_is_applied_once() -> None:
    with registry("strict") as made:
        arn = made.call("CreateModelPackage", GROUP, ALICE)["ModelPackageArn"]
        request = {**decision(arn, "Approved"), "ClientToken": "a-token-of-the-client"}
        assert made.call("UpdateModelPackage", request, ALICE) == made.call("UpdateModelPackage", request, ALICE)
        assert stored(made)[0] == 1


STEPS = st.tuples(st.sampled_from(STATES), st.sampled_from(["", "why"]), st.sampled_from(["alice", "bob"]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(PROFILES)), asked=st.lists(STEPS, min_size=1, max_size=8))
def test_a_rejected_decision_changes_nothing_and_others_are_transitions_of_the_profile(
    name: str, asked: list[tuple[str, str, str]]
) -> None:
    with registry(name) as made:
        arn = made.call("CreateModelPackage", GROUP, ALICE)["ModelPackageArn"]
        for status, reason, who in asked:
            rev, before = stored(made)
            try:
                made.call("UpdateModelPackage", decision(arn, status, reason), Caller(access_key=who))
            except RegistryError:
                assert stored(made) == (rev, before)
            else:
                assert PROFILES[name].transition(before["ModelApprovalStatus"], status)
                after = stored(made)
                assert (after[0], after[1]["ModelApprovalStatus"]) == (rev + 1, status)


def test_a_user_defined_profile_is_a_table_of_transitions() -> None:
    transitions = (
        TransitionTable(source="new", target=("PendingManualApproval", "Rejected")),
        TransitionTable(source=("PendingManualApproval", "Rejected"), target="Approved"),
    )
    with registry("one-way", profiles={"one-way": ProfileTable(transitions)}) as made:
        arn = made.call("CreateModelPackage", {**GROUP, "ModelApprovalStatus": "Rejected"}, ALICE)["ModelPackageArn"]
        made.call("UpdateModelPackage", decision(arn, "Approved"), ALICE)
        with pytest.raises(
            ConflictException, match="profile `one-way` does not allow a transition to Rejected: Approved is final"
        ):
            made.call("UpdateModelPackage", decision(arn, "Rejected"), ALICE)


def test_a_life_cycle_allows_only_its_transitions() -> None:
    transitions = (
        TransitionTable(source="new", target="Development/*"),
        TransitionTable(source=("Development/*", "Staging/*"), target="Staging/*"),
        TransitionTable(source="Staging/Approved", target="Production/*", requires=("approval-is",)),
    )
    approving = (ApprovalTable(groups=("churn",), life_cycle="stages"),)
    tables = Settings(approval=approving, life_cycles={"stages": ProfileTable(transitions)})
    with LocalRegistry(SQLiteRows(None), options=BackendOptions(tables)) as made:
        made.call("CreateModelPackageGroup", GROUP, ALICE)
        with pytest.raises(
            ValidationException,
            match="cannot start with ModelLifeCycle Production/x; the profile `stages` allows only Dev",
        ):
            made.call("CreateModelPackage", {**GROUP, **stage("Production", "x")}, ALICE)
        arn = made.call("CreateModelPackage", {**GROUP, **stage("Development", "x")}, ALICE)["ModelPackageArn"]

        def enter(*state: str) -> None:
            made.call("UpdateModelPackage", {"ModelPackageArn": arn, **stage(*state)}, ALICE)

        with pytest.raises(ConflictException, match="`stages` does not allow a transition to Production/Appr"):
            enter("Production", "Approved")
        enter("Staging", "InProgress")
        enter("Staging", "Approved")
        enter("Staging", "Approved", "the same again, described otherwise")
        with pytest.raises(
            ConflictException, match=r"`approval-is`: The approval status is Pending.*; Approved is required"
        ):
            enter("Production", "Live")
        made.call("UpdateModelPackage", {**decision(arn, "Approved"), **stage("Production", "Live")}, ALICE)
        assert stored(made)[1]["ModelLifeCycle"] == stage("Production", "Live")["ModelLifeCycle"]


def stage(name: str, status: str, description: str | None = None) -> dict[str, Any]:
    described = {"StageDescription": description} if description else {}
    return {"ModelLifeCycle": {"Stage": name, "StageStatus": status, **described}}


def test_without_a_life_cycle_every_stage_may_follow_any_other() -> None:
    with registry("strict") as made:
        arn = made.call("CreateModelPackage", {**GROUP, **stage("Production", "x")}, ALICE)["ModelPackageArn"]
        made.call("UpdateModelPackage", {"ModelPackageArn": arn, **stage("Development", "y")}, ALICE)


def decide(made: LocalRegistry, who: str, status: str, rev: int | None) -> str:
    """Decide on the first version through the extension API; return "won" or the error."""
    asked = {"group": "churn", "version": 1, "status": status, "reason": who, "rev": rev}
    try:
        made.extension("decide", {k: v for k, v in asked.items() if v is not None}, Caller(access_key=who))
    except ConflictException as error:
        return error.message
    return "won"


def test_a_decision_on_an_old_revision_names_the_newer_change() -> None:
    with registry("aws") as made:
        arn = made.call("CreateModelPackage", GROUP, ALICE)["ModelPackageArn"]
        seen = made.extension("explain", {"arn": arn}, BOB)["rev"]
        assert decide(made, "alice", "Approved", seen) == "won"
        before = stored(made)
        told = decide(made, "bob", "Rejected", seen)
        assert told.startswith(f"ModelPackage {arn} was set to Approved by {ALICE.arn} at 20")
        assert told.endswith(" while you were deciding; read it again before you retry.")
        assert stored(made) == before
        made.call("UpdateModelPackage", {"ModelPackageArn": arn, "CustomerMetadataProperties": {"a": "1"}}, ALICE)
        assert f"{arn} was changed by {ALICE.arn} at 20" in decide(made, "bob", "Rejected", seen + 1)
        assert decide(made, "bob", "Rejected", seen + 2) == "won"
        assert decide(made, "alice", "Approved", None) == "won"


@pytest.fixture(params=["file", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Settings], LocalRegistry]]:
    """Return a function that opens a registry for many threads."""
    with ExitStack() as opened:

        def open_shared(tables: Settings) -> LocalRegistry:
            rows: Any
            if request.param == "file":
                rows = SQLiteRows(tmp_path / "registry.db")
            else:
                if "CI" not in os.environ:
                    pytest.importorskip("psycopg_pool", reason="pip install 'sagemaker-registry[postgres]'")
                from sagemaker_registry.backends.store.postgres import PostgresRows

                rows = PostgresRows(request.getfixturevalue("postgres_url"))
            made = opened.enter_context(LocalRegistry(rows, options=BackendOptions(tables)))
            made.call("CreateModelPackageGroup", GROUP, ALICE)
            return made

        yield open_shared


def test_one_of_many_decisions_on_the_same_revision_succeeds(shared: Callable[[Settings], LocalRegistry]) -> None:
    """The history is linear: every revision was decided on once, and the next decision saw its result."""
    made = shared(Settings())
    arn = made.call("CreateModelPackage", GROUP, ALICE)["ModelPackageArn"]
    reviewers, attempts = 8, 12

    def review(number: int) -> list[tuple[int, str, str, str]]:
        """Repeatedly read the version and decide on it; return each revision, status, decision and outcome."""
        who, history = f"reviewer-{number}", []
        for attempt in range(attempts):
            seen = made.extension("explain", {"arn": arn}, Caller(access_key=who))
            status = ("Approved", "Rejected")[(number + attempt) % 2]
            history.append((seen["rev"], seen["status"], status, decide(made, who, status, seen["rev"])))
        return history

    with ThreadPoolExecutor(reviewers) as pool:
        history = [one for done in pool.map(review, range(reviewers)) for one in done]
    won = {rev: (found, left) for rev, found, left, told in history if told == "won"}
    assert len(won) == len([told for *_, told in history if told == "won"])
    assert sorted(won) == list(range(len(won)))
    status = profiles.INITIAL
    for rev in range(len(won)):
        assert won[rev][0] == status
        status = won[rev][1]
    assert (stored(made)[0], stored(made)[1]["ModelApprovalStatus"]) == (len(won), status)
    lost = [told for *_, told in history if told != "won"]
    assert all(f"ModelPackage {arn} was set to " in told and "while you were deciding" in told for told in lost)


def test_concurrent_approvals_are_not_lost(shared: Callable[[Settings], LocalRegistry]) -> None:
    approving = ApprovalTable(groups=("*",), profile="strict", rules=("four",))
    made = shared(Settings(approval=(approving,), rules={"four": {"is": "approvers", "count": 4}}))
    arn = made.call("CreateModelPackage", GROUP, ALICE)["ModelPackageArn"]

    def approve(number: int) -> str:
        try:
            made.call("UpdateModelPackage", decision(arn, "Approved"), Caller(access_key=f"reviewer-{number}"))
        except ConflictException as error:
            return error.message
        return ""

    with ThreadPoolExecutor(6) as pool:
        error_log = [told for told in pool.map(approve, range(6)) if told]
    assert len(error_log) == 2
    assert all("does not allow a transition to Approved, only to Rejected." in told for told in error_log)
    told = made.extension("explain", {"arn": arn}, ALICE)
    assert (told["status"], told["rev"], len(told["approvals"])) == ("Approved", 4, 4)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [("Staging/*", "*/Approved", True), ("a?c", "abc", True), ("a", "b", False), ("a*", "*b", True), ("", "*", True)],
)
def test_patterns_meet_if_a_text_matches_both(a: str, b: str, expected: bool) -> None:
    assert identities.meet(a, b) is identities.meet(b, a) is expected


def test_an_unreachable_source_is_reported() -> None:
    lost = Profile("lost", (Transition(NEW, "Approved"), Transition("Rejected", "Approved")))
    assert lost.unreachable() == "Rejected"
    assert [profile.unreachable() for profile in PROFILES.values()] == [None] * len(PROFILES)

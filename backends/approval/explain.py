"""Explanations of the possible transitions of a version, with the result of each rule."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from .change import APPROVAL, LIFE_CYCLE, Change, RuleResult, Step
from .evaluation import LEDGER, evaluate_state, evaluate_step, since
from .profiles import NEW, STATES, Profile, life_cycle_state
from .rulebook import Policy


def explain(policy: Policy, change: Change, rev: int | None = None, reason: str | None = None) -> dict[str, Any]:
    """Return a version's status, its origin, and its possible transitions with the result of each rule.

    `change` has the version as `before` and `after`, and the caller who would decide. `rev` is the revision, for a
    decision that must fail if the version has changed since. `reason` is the reason that would be sent.
    """
    record = change.before
    state = life_cycle_state(record.get(LIFE_CYCLE))
    explanation = {
        "version": record["ModelPackageArn"],
        "status": record[APPROVAL],
        "since": since(record),
        "profile": policy.profile.name,
        "approvals": [
            {"name": one["Name"], "arn": one["Arn"], "reason": one["Reason"], "at": one["At"] / 1000}
            for one in record.get(LEDGER, {}).get("Approvals", [])
        ],
        "caller": {"name": change.caller.name, "arn": change.caller.arn, "groups": [*change.caller.groups]},
        "transitions": [
            _transition(change, policy, policy.profile, Step(APPROVAL, record[APPROVAL], to, reason)) for to in STATES
        ],
        "always": [_row(result) for result in evaluate_state(policy, change)],
    }
    if rev is not None:
        explanation["rev"] = rev
    if policy.life_cycle is not None:
        explanation["life_cycle"] = {
            "name": policy.life_cycle.name,
            "state": None if state == NEW else state,
            "transitions": [
                _transition(change, policy, policy.life_cycle, Step(LIFE_CYCLE, state, to, reason))
                for to in policy.life_cycle.targets(state)
            ],
        }
    return explanation


def _transition(change: Change, policy: Policy, profile: Profile, step: Step) -> dict[str, Any]:
    """Return a transition; `allowed` is None if it depends on the request, or on further approvals."""
    transition = profile.transition(step.source, step.target)
    if transition is None:
        why = f"The profile `{profile.name}` does not allow a transition from {step.source} to {step.target}."
        return {"to": step.target, "allowed": False, "why": why, "rules": []}
    after = {**change.after, **({step.member: step.target} if step.member == APPROVAL else {})}
    results = evaluate_step(policy, replace(change, after=after, hypothetical=True), step)
    return {
        "to": step.target,
        "allowed": _allowed(results),
        "why": transition.note,
        "rules": [_row(result) for result in results],
    }


def _allowed(results: list[RuleResult]) -> bool | None:
    outcomes = {result.outcome for result in results}
    if "failed" in outcomes or ("pending" in outcomes and not any(result.counts for result in results)):
        return False
    return None if {"pending", "needs_input"} & outcomes else True


def _row(result: RuleResult) -> dict[str, Any]:
    row: dict[str, Any] = {"rule": result.rule, "is": result.kind, "outcome": result.outcome, "why": result.why}
    if result.threshold is not None:
        row["threshold"] = result.threshold
    return row


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version in the parameters of extensions: its `arn` (or GROUP/N), or its `group` and `version`."""

    arn: str = ""
    group: str = ""
    version: int = 0


class Asked(Version, frozen=True, forbid_unknown_fields=True):
    """The parameters of `explain`: a version, the caller who would decide (name, ARN or access key), and the reason."""

    identity: str = ""
    reason: str | None = None

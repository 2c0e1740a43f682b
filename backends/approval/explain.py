"""What may become of a version, and why: each possible move with each of its rules, for people and consoles."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from .change import APPROVAL, LIFE_CYCLE, Change, Step
from .evaluation import LEDGER, Finding, judge_state, judge_step, since
from .profiles import NEW, STATES, Profile, life_cycle_state
from .rulebook import Regime


def explain(regime: Regime, change: Change, rev: int | None = None, reason: str | None = None) -> dict[str, Any]:
    """Return a version's status, how it came by it, and its moves with what each rule says of them.

    Args:
        regime: what its group obeys.
        change: the version as it is, before and after; its caller is who would move it.
        rev: the revision, for a decision that holds only if nobody was quicker.
        reason: that would be sent along.
    """
    record = change.before
    state = life_cycle_state(record.get(LIFE_CYCLE))
    told = {
        "version": record["ModelPackageArn"],
        "status": record[APPROVAL],
        "since": since(record),
        "profile": regime.profile.name,
        "approvals": [
            {"name": one["Name"], "arn": one["Arn"], "reason": one["Reason"], "at": one["At"] / 1000}
            for one in record.get(LEDGER, {}).get("Approvals", [])
        ],
        "caller": {"name": change.caller.name, "arn": change.caller.arn, "groups": [*change.caller.groups]},
        "moves": [_move(regime, change, Step(APPROVAL, record[APPROVAL], to, reason)) for to in STATES],
        "always": [_row(finding) for finding in judge_state(regime, change)],
    }
    if rev is not None:
        told["rev"] = rev
    if regime.life_cycle is not None:
        told["life_cycle"] = {
            "name": regime.life_cycle.name,
            "state": None if state == NEW else state,
            "moves": [
                _move(regime, change, Step(LIFE_CYCLE, state, to, reason), regime.life_cycle)
                for to in regime.life_cycle.targets(state)
            ],
        }
    return told


def _move(regime: Regime, change: Change, step: Step, patterns: Profile | None = None) -> dict[str, Any]:
    """Return a move: whether it is allowed (None: it waits or depends on the request), its note, and its rules."""
    profile = patterns or regime.profile
    move = profile.move(step.source, step.target)
    if move is None:
        why = f"The profile {profile.name} has no move from {step.source} to {step.target}."
        return {"to": step.target, "allowed": False, "why": why, "rules": []}
    after = {**change.after, **({step.member: step.target} if step.member == APPROVAL else {})}
    findings = judge_step(regime, replace(change, after=after, hypothetical=True), step)
    return {
        "to": step.target,
        "allowed": _allowed(findings),
        "why": move.note,
        "rules": [_row(finding) for finding in findings],
    }


def _allowed(findings: list[Finding]) -> bool | None:
    outcomes = {finding.verdict.outcome for finding in findings}
    counts = any(finding.verdict.counts for finding in findings)
    if "broken" in outcomes or ("waits" in outcomes and not counts):
        return False
    return None if {"waits", "asks"} & outcomes else True


def _row(finding: Finding) -> dict[str, Any]:
    verdict = finding.verdict
    return {
        "rule": finding.rule.name,
        "is": finding.rule.kind.name,
        "outcome": verdict.outcome,
        "why": verdict.why,
    }


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version as extensions take it: by its `arn` (or GROUP/N), or by `group` and `version`."""

    arn: str = ""
    group: str = ""
    version: int = 0


class Asked(Version, frozen=True, forbid_unknown_fields=True):
    """What `explain` takes: a version, who would decide (a name, an ARN or an access key), and with which reason."""

    identity: str = ""
    reason: str | None = None

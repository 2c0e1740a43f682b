"""What becomes of a change that a group's regime judges: a refusal that names every broken rule, or a record.

The same for the registry's own store, inside the transaction of the change, and for a guard in front of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from ..errors import AccessDeniedException, ConflictException, RegistryError, ValidationException
from .change import APPROVAL, LIFE_CYCLE, Change, Record, Step, Verdict, creator_of, moment
from .profiles import APPROVED, NEW, life_cycle_state
from .rulebook import Regime
from .rules import Approvers, Frozen, Rule

LEDGER = "_Approval"
"""Where a record keeps who set its status and when, whether nothing has changed it since, and the approvals so far.

It is no member of a shape, so no answer shows it.
"""

MAX_DESCRIPTION = 1024

SEVERITY = (AccessDeniedException, ConflictException, ValidationException)
"""Of several broken rules, whose code the refusal has: the first of these."""


class Finding(msgspec.Struct, frozen=True):
    """What one rule says of a change."""

    rule: Rule
    verdict: Verdict


def steps(before: Record, after: Record, request: Mapping[str, Any]) -> list[Step]:
    """Return the moves a change makes: of the approval, of the life cycle, of both or neither."""
    found = []
    if not before or APPROVAL in request:
        source = before[APPROVAL] if before else NEW
        found.append(Step(APPROVAL, source, after[APPROVAL], request.get("ApprovalDescription") if before else None))
    source, target = life_cycle_state(before.get(LIFE_CYCLE)), life_cycle_state(after.get(LIFE_CYCLE))
    if source != target:  # the same stage and status again, with another description, is no move
        found.append(Step(LIFE_CYCLE, source, target, after[LIFE_CYCLE].get("StageDescription")))
    return found


def judge(regime: Regime, change: Change, request: Mapping[str, Any]) -> list[Finding]:
    """Return what the rules say of a change they allow.

    Args:
        regime: what its group obeys.
        change: what is asked, without a step.
        request: the members that were sent.

    Raises:
        ConflictException: a move the profile has no row for, or rules about time or state are broken.
        ValidationException: a status a version cannot be registered with, or something is missing or wrong.
        AccessDeniedException: it is not the caller who may do this.
    """
    findings = [] if change.is_new else judge_state(regime, change)
    made = steps(change.before, change.after, request) if change.after else []
    for step in made:
        findings += judge_step(regime, change, step)
    broken = [finding for finding in findings if finding.verdict.outcome == "broken"]
    broken += _uncounted(findings)
    if broken:
        raise _refusal(change, made, broken)
    return findings


def judge_state(regime: Regime, change: Change) -> list[Finding]:
    """Return what the rules say that judge every change of a version."""
    return [Finding(rule, rule.judge(change)) for rule in regime.rules if not rule.kind.of_moves]


def judge_step(regime: Regime, change: Change, step: Step) -> list[Finding]:
    """Return what the rules of a move say; of an approval, those of its row and its group's, else those of its row.

    Raises:
        ConflictException, ValidationException: there is no row for it.
    """
    profile = regime.profile if step.member == APPROVAL else regime.life_cycle
    if profile is None:
        return []
    move = profile.move(step.source, step.target)
    if move is None:
        raise no_such_move(change.before or change.after, step, profile.name, profile.targets(step.source))
    rules = (
        regime.guarding(move, step.target)
        if step.member == APPROVAL
        else [regime.known[name] for name in move.requires]
    )
    judged = replace(change, step=step)
    return [Finding(rule, rule.judge(judged)) for rule in rules]


def no_such_move(record: Record, step: Step, profile: str, targets: tuple[str, ...]) -> RegistryError:
    """Return the refusal of a move without a row: what is, since when, and what could be."""
    possible = " or ".join(targets)
    if step.source == NEW:
        sentence = f"A version of {record['ModelPackageGroupName']} cannot begin as {step.target} ({step.member}): "
        return ValidationException(f"{sentence}the profile {profile} lets it begin as {possible}.")
    sentence = (
        f"ModelPackage {record['ModelPackageArn']} is {step.source} ({since(record)}), and the profile {profile} "
    )
    could = f"it can become {possible}." if targets else "that is final."
    return ConflictException(f"{sentence}does not let it become {step.target}: {could}")


def since(record: Record) -> str:
    """Return who gave a version its status, and when, as far as the record says."""
    ledger = record.get(LEDGER, {})
    if "By" in ledger:
        return f"set by {ledger['By']} at {moment(ledger['At'])}"
    if "LastModifiedTime" in record and LEDGER not in record:
        who = record.get("LastModifiedBy", {}).get("IamIdentity", {}).get("Arn", "somebody")
        return f"last changed by {who} at {moment(record['LastModifiedTime'] * 1000)}"
    return f"registered by {creator_of(record) or 'somebody'} at {moment(record['CreationTime'] * 1000)}"


def overtaken(record: Record) -> ConflictException:
    """Return the refusal of a change that was decided on by an older state of the version."""
    arn, ledger = record["ModelPackageArn"], record.get(LEDGER, {})
    if ledger.get("IsLatest"):
        what = f"was set to {record[APPROVAL]} by {ledger['By']} at {moment(ledger['At'])}"
    else:
        who = record.get("LastModifiedBy", record["CreatedBy"]).get("IamIdentity", {}).get("Arn", "another request")
        what = f"was changed by {who} at {moment(record.get('LastModifiedTime', record['CreationTime']) * 1000)}"
    return ConflictException(f"ModelPackage {arn} {what}, while you were deciding: read it and try again.")


def kept_approvals(regime: Regime, change: Change) -> list[Record]:
    """Return the approvals so far that still stand: none, if what was approved changes."""
    harmless = {LIFE_CYCLE, "ApprovalDescription"}
    for rule in regime.rules:
        if isinstance(rule.options, Frozen):
            harmless |= {*rule.options.may_change}
    approvals: list[Record] = change.before.get(LEDGER, {}).get("Approvals", [])
    return [] if change.touched - harmless else approvals


def settle(change: Change, request: Mapping[str, Any], findings: list[Finding]) -> dict[str, Any]:
    """Return the record a change that is allowed leaves behind.

    An approval that others must follow is recorded, and leaves the status as it was; ApprovalDescription then says how
    far it is, so that every client can show it (our choice).
    """
    before, record = change.before, dict(change.after)
    ledger: dict[str, Any] = {k: v for k, v in before.get(LEDGER, {}).items() if k in ("By", "At")}
    approvals = [*change.approvals]
    if APPROVAL in request and before:
        rules = [finding for finding in findings if isinstance(finding.rule.options, Approvers)]
        if record[APPROVAL] != APPROVED:
            approvals = []
        elif any(finding.verdict.counts for finding in rules):
            approvals.append(_approval(change, request.get("ApprovalDescription", "")))
        if any(finding.verdict.outcome == "waits" for finding in rules):
            record |= {APPROVAL: before[APPROVAL], "ApprovalDescription": _so_far(approvals, rules)}
        else:
            ledger |= {"By": change.caller.arn, "At": change.now, "IsLatest": True}
    if approvals:
        ledger["Approvals"] = approvals
    record.pop(LEDGER, None)
    if ledger:
        record[LEDGER] = ledger
    return record


def _approval(change: Change, reason: str) -> dict[str, Any]:
    caller = change.caller
    return {
        "Name": caller.name,
        "Arn": caller.arn,
        "Groups": [*caller.groups],
        "At": change.now,
        "Reason": reason,
    }


def _so_far(approvals: list[Record], rules: list[Finding]) -> str:
    """Say how many have approved, and who: `1 of 2 approvals so far: alice (ticket 42)`."""
    people = ", ".join(one["Name"] + (f" ({one['Reason']})" if one["Reason"] else "") for one in approvals)
    wanted = f" of {rules[0].rule.options.count}" if len(rules) == 1 else ""
    more = "" if len(rules) == 1 else "; " + " and ".join(rule.rule.name for rule in rules) + " must hold"
    return f"{len(approvals)}{wanted} approvals so far: {people}{more}"[:MAX_DESCRIPTION]


def _uncounted(findings: list[Finding]) -> list[Finding]:
    """Return the rules that wait for others, if the caller's approval counts for none of them."""
    waiting = [finding for finding in findings if finding.verdict.outcome == "waits"]
    return [] if any(finding.verdict.counts for finding in findings) else waiting


def _refusal(change: Change, made: list[Step], broken: list[Finding]) -> RegistryError:
    record = change.before or change.after
    named = record.get("ModelPackageArn") or f"of {record['ModelPackageGroupName']}"
    wanted = " and ".join(step.target for step in made)
    what = "be deleted" if not change.after else f"become {wanted}" if wanted else "change"
    sentences = " ".join(f"{finding.rule.name}: {finding.verdict.why}" for finding in broken)
    code = next(code for code in SEVERITY if any(finding.verdict.refusal is code for finding in broken))
    return code(f"ModelPackage {named} cannot {what}. {sentences}")

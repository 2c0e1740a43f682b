"""Evaluation of a change against the policy of its group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ..errors import AccessDeniedException, ConflictException, RegistryError, ValidationException
from .change import APPROVAL, LIFE_CYCLE, Change, Record, RuleResult, Step, creator_of, moment
from .profiles import APPROVED, NEW, PENDING, life_cycle_state
from .rule import Rule, failed
from .rulebook import Policy

LEDGER = "_Approval"
"""The member of a record with the origin and time of its status, whether that is the latest change, the approvals, and
the ARNs of the callers who changed the content. No shape has this member, so no response shows it."""

MAX_DESCRIPTION = 1024

SEVERITY = (AccessDeniedException, ConflictException, ValidationException)
"""The errors of rules, most severe first; of several failed rules, the most severe error is raised."""


def steps(before: Record, after: Record, request: Mapping[str, Any]) -> list[Step]:
    """Return the transitions that a change makes: of the approval status, of the life cycle, of both or neither."""
    found = []
    if not before or APPROVAL in request:
        source = before[APPROVAL] if before else NEW
        found.append(Step(APPROVAL, source, after[APPROVAL], request.get("ApprovalDescription") if before else None))
    source, target = life_cycle_state(before.get(LIFE_CYCLE)), life_cycle_state(after.get(LIFE_CYCLE))
    if source != target:  # a new description of the same stage and status is not a transition
        found.append(Step(LIFE_CYCLE, source, target, after[LIFE_CYCLE].get("StageDescription")))
    return found


def evaluate(policy: Policy, change: Change, request: Mapping[str, Any]) -> list[RuleResult]:
    """Return the results of the rules for a change without a step, if they allow it; `request` has the members sent.

    Raises:
        ConflictException: the profile does not allow the transition, or a rule about time or state failed.
        ValidationException: a version cannot be registered with the status, or something is missing or invalid.
        AccessDeniedException: the caller is not allowed to make the change.
    """
    results = [] if change.is_new else evaluate_state(policy, change)
    made = steps(change.before, change.after, request) if change.after else []
    for step in made:
        results += evaluate_step(policy, change, step)
    results += _evaluate_content(policy, change)
    failures = [result for result in results if result.outcome == "failed"]
    if not any(result.counts for result in results):  # no rule counts the caller's approval
        failures += [result for result in results if result.outcome == "pending"]
    if failures:
        raise _refusal(change, made, failures)
    return results


def evaluate_state(policy: Policy, change: Change) -> list[RuleResult]:
    return _rule_results({name: rule for name, rule in policy.rules.items() if not rule.of_transitions}, change)


def _evaluate_content(policy: Policy, change: Change) -> list[RuleResult]:
    """Return a failed result if the content of a version would change that is, and stays, approved by other people."""
    status = change.before.get(APPROVAL), change.after.get(APPROVAL)
    content = sorted(content_of(policy, change)) if status == (APPROVED, APPROVED) else []
    why = f"The version is {APPROVED}, so its {', '.join(content)} cannot change; return it to {PENDING} first."
    return [
        replace(failed(why, ConflictException), rule=name, kind=rule.kind())
        for name, rule in policy.used().items()
        if content and rule.by_others
    ]


def evaluate_step(policy: Policy, change: Change, step: Step) -> list[RuleResult]:
    """Return the results of a transition's rules: those it requires and, for an approval status, those of its group.

    Raises:
        ConflictException, ValidationException: the profile does not allow the transition.
    """
    profile = policy.profile if step.member == APPROVAL else policy.life_cycle
    if profile is None:
        return []
    transition = profile.transition(step.source, step.target)
    if transition is None:
        raise _no_such_transition(change.before or change.after, step, profile.name, profile.targets(step.source))
    rules = policy.required(transition)
    if step.member == APPROVAL:
        rules |= {name: rule for name, rule in policy.rules.items() if rule.guards(step.target)}
    return _rule_results(rules, replace(change, step=step))


def _rule_results(rules: Mapping[str, Rule], change: Change) -> list[RuleResult]:
    return [replace(rule.evaluate(change), rule=name, kind=rule.kind()) for name, rule in rules.items()]


def _no_such_transition(record: Record, step: Step, profile: str, targets: tuple[str, ...]) -> RegistryError:
    possible = " or ".join(targets)
    if step.source == NEW:
        start = f"A version of {record['ModelPackageGroupName']} cannot start with {step.member} {step.target}"
        return ValidationException(f"{start}; the profile `{profile}` allows only {possible}.")
    state = f"ModelPackage {record['ModelPackageArn']} is {step.source} ({since(record)})"
    allowed = f", only to {possible}." if targets else f": {step.source} is final."
    return ConflictException(f"{state}; the profile `{profile}` does not allow a transition to {step.target}{allowed}")


def since(record: Record) -> str:
    """Return the origin and time of a version's status or, if they are unknown, of its last change or registration."""
    ledger = record.get(LEDGER, {})
    if "By" in ledger:
        return f"set by {ledger['By']} at {moment(ledger['At'])}"
    if "LastModifiedTime" in record and LEDGER not in record:
        who = record.get("LastModifiedBy", {}).get("IamIdentity", {}).get("Arn", "an unknown caller")
        return f"last changed by {who} at {moment(record['LastModifiedTime'] * 1000)}"
    return f"registered by {creator_of(record) or 'an unknown caller'} at {moment(record['CreationTime'] * 1000)}"


def overtaken(record: Record) -> ConflictException:
    """Return the error for a decision that was based on an older revision of the version."""
    arn, ledger = record["ModelPackageArn"], record.get(LEDGER, {})
    if ledger.get("IsLatest"):
        what = f"was set to {record[APPROVAL]} by {ledger['By']} at {moment(ledger['At'])}"
    else:
        who = record.get("LastModifiedBy", record["CreatedBy"]).get("IamIdentity", {}).get("Arn", "another request")
        what = f"was changed by {who} at {moment(record.get('LastModifiedTime', record['CreationTime']) * 1000)}"
    return ConflictException(f"ModelPackage {arn} {what} while you were deciding; read it again before you retry.")


def content_of(policy: Policy, change: Change) -> set[str]:
    """Return the members of the content that a change touches: what reviewers approve, and rules evaluate."""
    harmless = {LIFE_CYCLE, "ApprovalDescription"}.union(*(rule.keeps_approvals for rule in policy.rules.values()))
    return change.touched - harmless


def with_review(policy: Policy, change: Change) -> Change:
    """Return a change with the approvals so far, unless it discards them, and with the editors of the content."""
    ledger = change.before.get(LEDGER, {})
    editors, approvals = [*change.editors, *ledger.get("Editors", ())], ledger.get("Approvals", ())
    if change.before and change.after and content_of(policy, change):
        approvals = ()
        if change.caller.arn not in editors:
            editors.append(change.caller.arn)
    return replace(change, approvals=approvals, editors=editors)


def discarded_approvals(policy: Policy, change: Change) -> list[dict[str, str]]:
    """Return a note for the history entry of a change of the content that discards approvals."""
    people = [one["Name"] for one in change.before.get(LEDGER, {}).get("Approvals", ())]
    if not people or not change.after or not content_of(policy, change):
        return []
    why = f"The content changed; earlier approvals no longer count: {', '.join(people)}."
    return [{"rule": name, "is": "pending", "why": why} for name, rule in policy.used().items() if rule.by_others]


def settle(change: Change, request: Mapping[str, Any], results: list[RuleResult]) -> dict[str, Any]:
    """Return the record to store for an allowed change.

    If more approvals are required, the approval is recorded and the status stays unchanged. ApprovalDescription then
    describes the progress, so that every client can show it (our choice).
    """
    before, record = change.before, dict(change.after)
    ledger: dict[str, Any] = {k: v for k, v in before.get(LEDGER, {}).items() if k in ("By", "At")}
    if change.editors:
        ledger["Editors"] = [*change.editors]
    approvals = [*change.approvals]
    if APPROVAL in request and before:
        counting = [result for result in results if result.approvals]
        if record[APPROVAL] != APPROVED:
            approvals = []
        elif any(result.counts for result in counting):
            reason = request.get("ApprovalDescription", "")
            who = {"Name": change.caller.name, "Arn": change.caller.arn, "Groups": [*change.caller.groups]}
            approvals.append({**who, "At": change.now, "Reason": reason})
        if any(result.outcome == "pending" for result in counting):
            record |= {APPROVAL: before[APPROVAL], "ApprovalDescription": _so_far(approvals, counting)}
        else:
            ledger |= {"By": change.caller.arn, "At": change.now, "IsLatest": True}
    if approvals:
        ledger["Approvals"] = approvals
    record.pop(LEDGER, None)
    if ledger:
        record[LEDGER] = ledger
    return record


def _so_far(approvals: list[Record], counting: list[RuleResult]) -> str:
    """Describe the progress of approvals: `1 of 2 approvals so far: alice (ticket 42)`."""
    people = ", ".join(one["Name"] + (f" ({one['Reason']})" if one["Reason"] else "") for one in approvals)
    wanted = f" of {counting[0].approvals}" if len(counting) == 1 else ""
    more = "" if len(counting) == 1 else "; " + " and ".join(result.rule for result in counting) + " must pass"
    return f"{len(approvals)}{wanted} approvals so far: {people}{more}"[:MAX_DESCRIPTION]


def _refusal(change: Change, made: list[Step], failures: list[RuleResult]) -> RegistryError:
    record = change.before or change.after
    named = record.get("ModelPackageArn") or f"of {record['ModelPackageGroupName']}"
    wanted = " and ".join(step.target for step in made)
    what = "be deleted" if not change.after else f"become {wanted}" if wanted else "change"
    sentences = " ".join(f"`{result.rule}`: {result.why}" for result in failures)
    code = next(code for code in SEVERITY if any(result.error is code for result in failures))
    return code(f"ModelPackage {named} cannot {what}. {sentences}")

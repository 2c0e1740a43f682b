"""Evaluation of approval rules: within the transaction of a change, before it as a prefetch, and for `explain`.

Rules may read S3, which can be slow. A `prefetch_for_...` function returns a callable that evaluates the version's
current state outside any transaction to fill a CachingProbe; within the transaction, only changed data is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NoReturn

from msgspec.structs import replace

from ... import arns
from ...approval import evaluation
from ...approval.change import APPROVAL, Change, RuleResult
from ...approval.explain import Asked, Version
from ...approval.explain import explain as explanation
from ...approval.profiles import APPROVED, INITIAL
from ...approval.rule import OBJECTS, TAGS
from ...approval.rulebook import Policy
from ...arns import Arn
from ...base import Probe
from ...errors import NotHandled, RegistryError, ValidationException
from ...service import constraints, records
from ...service.operations import deployed_packages
from ...store.rows import GROUPS
from ..context import Answer, RequestContext

Record = Mapping[str, Any]


class Decision(Version, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The request of `decide`: a version, its new status, the reason, and the revision that was reviewed."""

    status: str
    reason: str | None = None
    rev: int | None = None


def change_of(context: RequestContext, group: Arn, policy: Policy, before: Record, after: Record) -> Change:
    """Return the change of a version as rules see it; `before` or `after` may be empty."""
    tags: dict[str, str] = {}
    if TAGS in policy.needs:
        row = context.rows.get(GROUPS, group.group_key)
        tags = {tag["Key"]: tag["Value"] for tag in row["record"].get("Tags", [])} if row else {}
    change = Change(context.caller, context.now, before, after, tags, probe=context.probe)
    return evaluation.with_review(policy, change)


def lock(context: RequestContext, arn: Arn) -> Policy:
    """Return the policy of a version's group; if its rules use tags, lock the group's row first, as all callers do."""
    policy = context.rulebook.policy(arn.name)
    if TAGS in policy.needs:
        context.rows.get(GROUPS, arn.group_key)
    return policy


def registered(context: RequestContext, arn: Arn, record: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a new version if its group's policy allows its initial state.

    Raises:
        RegistryError: the policy does not allow it; see `evaluation.evaluate`.
    """
    policy = context.rulebook.policy(arn.name)
    if not policy.is_free:
        _evaluate(context, policy, change_of(context, arn, policy, {}, record), record)
    return record


def updated(
    context: RequestContext, arn: Arn, policy: Policy, before: Record, after: Record, params: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the record after an update if the group's policy allows it.

    Raises:
        RegistryError: the policy does not allow it; see `evaluation.evaluate`.
    """
    change = change_of(context, arn, policy, before, after)
    results = _evaluate(context, policy, change, params)
    context.notes.extend(evaluation.discarded_approvals(policy, change))
    return evaluation.settle(change, params, results)


def check_delete(context: RequestContext, arn: Arn, policy: Policy, record: Record) -> None:
    if arn.version and not policy.is_free:
        _evaluate(context, policy, change_of(context, arn, policy, record, {}), {})


def _evaluate(context: RequestContext, policy: Policy, change: Change, request: Mapping[str, Any]) -> list[RuleResult]:
    """Evaluate a change in its transaction and add the rule results to its history."""
    results = evaluation.evaluate(policy, change, request)
    context.notes.extend({"rule": one.rule, "is": one.outcome, "why": one.why} for one in results)
    return results


def prefetch_for_update(context: RequestContext, params: Mapping[str, Any]) -> Callable[[], object]:
    arn = context.package(params["ModelPackageArn"])
    return _prefetch(context, arn, params, lambda record: records.edited(record, params))


def prefetch_for_create(context: RequestContext, params: Mapping[str, Any]) -> Callable[[], object]:
    if "ModelPackageGroupName" not in params:
        return _no_prefetch
    group = context.versions(params["ModelPackageGroupName"])
    policy = context.rulebook.policy(group.name)
    if OBJECTS not in policy.needs:
        return _no_prefetch
    record = {APPROVAL: INITIAL, **params, "ModelPackageGroupName": group.name}
    change = change_of(context, group, policy, {}, record)
    return lambda: _fill_probe(lambda: evaluation.evaluate(policy, change, record))


def prefetch_for_explain(context: RequestContext, asked: Asked) -> Callable[[], object]:
    arn = _named(context, asked)
    return _prefetch(context, arn, {APPROVAL: "Approved"}, lambda record: {**record, APPROVAL: "Approved"})


def prefetch_for_decide(context: RequestContext, decision: Decision) -> Callable[[], object]:
    return prefetch_for_update(context, request_of(context, decision))


def explain(context: RequestContext, asked: Asked) -> dict[str, Any]:
    """Return the possible transitions of a version with their rule results.

    Raises:
        ValidationException: no such version, or an unversioned package.
    """
    arn = _named(context, asked)
    row = context.package_row(arn)
    if not arn.version:
        raise ValidationException(f"ModelPackage {arn} is unversioned: it has no approval.")
    who = context.rulebook.identities.called(asked.identity, context.caller) if asked.identity else context.caller
    policy = context.rulebook.policy(arn.name)
    change = change_of(replace(context, caller=who), arn, policy, row["record"], row["record"])
    return explanation(policy, change, row["rev"], asked.reason)


def request_of(context: RequestContext, decision: Decision) -> dict[str, Any]:
    """Convert a decision to an UpdateModelPackage request.

    Raises:
        ValidationException: a status or reason that UpdateModelPackage does not accept.
    """
    arn = _resolved(context, decision)
    request = {"ModelPackageArn": str(arn), APPROVAL: decision.status}
    if decision.reason is not None:
        request["ApprovalDescription"] = decision.reason
    constraints.check("UpdateModelPackage", request)
    return request


def _prefetch(
    context: RequestContext, arn: Arn, request: Mapping[str, Any], edit: Callable[[dict[str, Any]], dict[str, Any]]
) -> Callable[[], object]:
    policy = context.rulebook.policy(arn.name)
    if OBJECTS not in policy.needs or not arn.version:
        return _no_prefetch
    record = context.package_row(arn)["record"]
    change = change_of(context, arn, policy, record, edit(record))
    return lambda: _fill_probe(lambda: evaluation.evaluate(policy, change, request))


def _fill_probe(evaluate: Callable[[], object]) -> None:
    """Evaluate only to fill the probe: the transaction evaluates again and decides."""
    try:
        evaluate()
    except RegistryError as error:
        if error.status >= 500:  # the service queried is unavailable
            raise


def _no_prefetch() -> None:
    """Prefetch nothing."""


def _named(context: RequestContext, version: Version) -> Arn:
    return replace(context, operation="DescribeModelPackage").authorize(_resolved(context, version))


def _resolved(context: RequestContext, version: Version) -> Arn:
    if version.arn:
        return arns.resolve(context.caller, arns.PACKAGE, version.arn)
    if not (version.group and version.version > 0):
        raise ValidationException("Name a version: by arn, or by group and version.")
    return arns.version_of(arns.resolve(context.caller, arns.GROUP, version.group), version.version)


class CachingProbe:
    """Cache the answers of another probe."""

    def __init__(self, probe: Probe) -> None:
        self.artifact_exists = cache(probe.artifact_exists)
        self.image_exists = cache(probe.image_exists)
        self.containers = cache(probe.containers)
        self.content = cache(probe.content)


def allow(context: RequestContext, params: Mapping[str, Any]) -> NoReturn:
    """Pass on a CreateModel request if all packages it names may be deployed.

    Raises:
        NotHandled: every package may be deployed.
        ValidationException: a package does not exist or is not Approved.
    """
    for name in deployed_packages(params):
        record = context.package_row(context.package(name))["record"]
        status = record.get("ModelApprovalStatus", APPROVED)  # unversioned packages have no approval
        if status != APPROVED:
            raise ValidationException(
                f"ModelPackage {record['ModelPackageArn']} cannot be deployed: its approval status is {status}, "
                "and only Approved versions can be."
            )
    raise NotHandled


ANSWERS = {
    "CreateModel": Answer(allow),
}

"""Access to groups of other accounts: evaluation of a group's resource policy for a caller.

As in IAM, a matching Deny wins, and access requires a matching Allow. The permissions that the caller's own account
would have to grant are assumed (our choice). Conditions are not evaluated (our choice, on the safe side): an Allow with
a `Condition` never allows, and a Deny with one always denies.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any

import msgspec
import orjson

from ..arns import GROUP, Arn
from ..base import Caller
from ..store.rows import POLICIES
from ..store.transactions import View

Statement = Mapping[str, Any]

ALLOW, DENY = "Allow", "Deny"


def allows(rows: View, caller: Caller, operation: str, arn: Arn) -> bool:
    """Return whether a group's policy lets a caller from another account perform the operation.

    `arn` is the group, one of its versions, or all of them (version `*`); unversioned packages have no policy.
    """
    if arn.kind != GROUP and not arn.version:
        return False
    row = rows.get(POLICIES, (arn.region, arn.account, arn.name))
    return row is not None and _policy(row["record"]["ResourcePolicy"]).allows(caller, operation, arn)


def discoverable(rows: View, caller: Caller) -> list[Arn]:
    """Return the groups of other accounts in the caller's region that the caller may describe and discover.

    A policy that allows the action `*`, or names a role, grants access to its group but does not make it discoverable
    (documented for AWS RAM). AWS requires promoting a custom policy first; here every promotable policy counts as
    promoted (our choice).
    """
    found = rows.find(POLICIES, [("region", "=", caller.region)], POLICIES.key, limit=sys.maxsize)
    shared = [
        (Arn(caller.partition, caller.region, row["account"], GROUP, row["name"]), row["record"]["ResourcePolicy"])
        for row in found
        if row["account"] != caller.account
    ]
    return [
        arn
        for arn, text in shared
        if (policy := _policy(text)).promotable and policy.allows(caller, "DescribeModelPackageGroup", arn)
    ]


class _Rule(msgspec.Struct, frozen=True):
    """A compiled statement: its effect, and a matcher for each of its elements."""

    effect: str
    principal: Callable[[Caller], bool]
    action: Callable[[str], bool]
    resource: Callable[[str], bool]

    def applies(self, caller: Caller, action: str, resource: str) -> bool:
        return self.principal(caller) and self.action(action) and self.resource(resource)


class _Policy(msgspec.Struct, frozen=True):
    """A compiled policy; AWS RAM calls a policy `promotable` if it can make its group discoverable."""

    rules: tuple[_Rule, ...]
    promotable: bool

    def allows(self, caller: Caller, operation: str, arn: Arn) -> bool:
        action, resource = f"sagemaker:{operation}".lower(), str(arn)
        return {rule.effect for rule in self.rules if rule.applies(caller, action, resource)} == {ALLOW}


@lru_cache(maxsize=128)  # a policy can have 20 KB
def _policy(text: str) -> _Policy:
    statements: list[Statement] = as_list(orjson.loads(text)["Statement"])
    rules = tuple(
        _Rule(
            effect=statement["Effect"],
            principal=_principal(statement),
            action=_pattern(statement, "Action", str.lower),
            resource=_pattern(statement, "Resource", str),
        )
        for statement in statements
        if statement["Effect"] == DENY or "Condition" not in statement
    )
    return _Policy(rules, not any(map(_unpromotable, statements)))


def _unpromotable(statement: Statement) -> bool:
    return statement["Effect"] == ALLOW and (
        "*" in as_list(statement.get("Action", []))
        or any(name.startswith("arn:") and not name.endswith(":root") for name in _named(statement["Principal"]))
    )


def _principal(statement: Statement) -> Callable[[Caller], bool]:
    if "Principal" in statement:
        named = _named(statement["Principal"])
        return lambda caller: not named.isdisjoint({*_account_names(caller), caller.arn, "*"})
    spared = _named(statement["NotPrincipal"])
    return lambda caller: spared.isdisjoint({*_exact_names(caller), "*"})


def _named(principal: Any) -> frozenset[str]:
    """Return the AWS principals of an element; services and federated users cannot be callers."""
    return frozenset(as_list(principal.get("AWS", []) if isinstance(principal, Mapping) else principal))


def _account_names(caller: Caller) -> tuple[str, str]:
    return caller.account, f"arn:{caller.partition}:iam::{caller.account}:root"


def _exact_names(caller: Caller) -> tuple[str, ...]:
    """Return the caller's exact names: NotPrincipal exempts a user only if it names that user (documented by IAM)."""
    names = _account_names(caller)
    return names if caller.arn in names else (caller.arn,)


def _pattern(statement: Statement, element: str, fold: Callable[[str], str]) -> Callable[[str], bool]:
    """Return the matcher of `Action` or `Resource`, or the negated one of `NotAction` or `NotResource`."""
    if element in statement:
        return _globs(statement[element], fold)
    excluded = _globs(statement[f"Not{element}"], fold)
    return lambda text: not excluded(text)


def _globs(patterns: Any, fold: Callable[[str], str]) -> Callable[[str], bool]:
    """Return a matcher for any of the patterns; expressions from `translate` never backtrack."""
    escaped = (fold(pattern).replace("[", "[[]") for pattern in as_list(patterns))
    match = re.compile("|".join(map(translate, escaped))).match
    return lambda text: match(text) is not None


def as_list(value: Any) -> list[Any]:
    """Return a list unchanged and wrap any other value in one: policies allow both forms."""
    return value if isinstance(value, list) else [value]

"""The context of a request: its caller, its time and its transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from .. import arns
from ..approval.rulebook import Rulebook
from ..arns import Arn
from ..base import BackendOptions, Caller, Probe
from ..errors import AccessDeniedException
from ..settings import Settings
from ..store.rows import PACKAGES, Condition, Key, Row
from ..store.transactions import Transaction
from . import permissions


class RequestContext(msgspec.Struct, frozen=True):
    """The data of a request that rules can read and history records.

    `now` is in epoch ms; `rows` is a read-only view if the operation only reads; `reason` is the ApprovalDescription of
    the request; rules append JSON values that explain their results to `notes`, which is stored in history.
    """

    operation: str
    caller: Caller
    rows: Transaction
    now: int
    settings: Settings
    rulebook: Rulebook
    probe: Probe
    reason: str | None = None
    notes: list[Any] = msgspec.field(default_factory=list)

    def group(self, text: str) -> Arn:
        """Resolve a group by name or ARN and authorize this operation on it."""
        return self.authorize(arns.resolve(self.caller, arns.GROUP, text))

    def versions(self, text: str) -> Arn:
        """Resolve a group by name or ARN and authorize this operation on its versions."""
        group = arns.resolve(self.caller, arns.GROUP, text)
        self.authorize(arns.version_of(group, "*"))
        return group

    def package(self, text: str) -> Arn:
        """Resolve a package by name, `Group/N` or ARN and authorize this operation on it."""
        return self.authorize(arns.resolve(self.caller, arns.PACKAGE, text))

    def package_row(self, arn: Arn) -> Row:
        """Return the row of a package, or raise AWS's "does not exist" error."""
        row = self.rows.get(PACKAGES, arn.package_key)
        if row is None:
            raise arns.does_not_exist(arn)
        return row

    def authorize(self, arn: Arn) -> Arn:
        """Return the ARN if it is in the caller's account, or if its group's policy allows the operation.

        Raises:
            AccessDeniedException: another account's resource, not shared with the caller; the message is IAM's.
        """
        if arn.account == self.caller.account or permissions.allows(self.rows, self.caller, self.operation, arn):
            return arn
        raise AccessDeniedException(
            f"User: {self.caller.arn} is not authorized to perform: sagemaker:{self.operation} on resource: {arn} "
            f"because no resource-based policy allows the sagemaker:{self.operation} action"
        )

    def key(self, name: str) -> Key:
        """Return the key, in the caller's account and region, of a group and of the head of its history."""
        return (self.caller.account, self.caller.region, name)

    def account_conditions(self) -> list[Condition]:
        return [("account", "=", self.caller.account), ("region", "=", self.caller.region)]


class Answer(msgspec.Struct, frozen=True):
    """The implementation of an operation: `answer` returns a record for a transaction and the parameters.

    Before the transaction, `prepare` validates and completes the parameters, and the callable that `prefetch` returns
    queries other services for data the rules need. With `is_projected`, the answer already matches its output shape.
    """

    answer: Callable[[RequestContext, Mapping[str, Any]], Mapping[str, Any]]
    prepare: Callable[[Mapping[str, Any], Caller, BackendOptions], Mapping[str, Any]] = lambda params, *_: params
    prefetch: Callable[[RequestContext, Any], Callable[[], object]] | None = None
    is_projected: bool = False

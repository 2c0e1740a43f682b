"""One call being answered: who asked, when, and the transaction it runs in."""

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
    """What a rule may know of a call, and what history keeps of it.

    `now` is in epoch ms; `rows` can only read where the operation only reads; `reason` is the ApprovalDescription that
    came with the call; in `notes` rules leave JSON values that say what they found, for its rows of history.
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
        """Return the group the caller means by a name or an ARN, and may use in this operation."""
        return self.authorize(arns.resolve(self.caller, arns.GROUP, text))

    def versions(self, text: str) -> Arn:
        """Return the group the caller means by a name or an ARN, and whose versions may be used in this operation."""
        group = arns.resolve(self.caller, arns.GROUP, text)
        self.authorize(arns.version_of(group, "*"))
        return group

    def package(self, text: str) -> Arn:
        """Return the package the caller means by a name, `Group/N` or an ARN, and may use in this operation."""
        return self.authorize(arns.resolve(self.caller, arns.PACKAGE, text))

    def package_row(self, arn: Arn) -> Row:
        """Return the row of a package; raise AWS's "does not exist" if there is none."""
        row = self.rows.get(PACKAGES, arn.package_key)
        if row is None:
            raise arns.does_not_exist(arn)
        return row

    def authorize(self, arn: Arn) -> Arn:
        """Return the ARN if it is the caller's own, or its group's policy lets the caller do this.

        Raises:
            AccessDeniedException: another account's resource, not opened to the caller; the sentence is IAM's.
        """
        if arn.account == self.caller.account or permissions.allows(self.rows, self.caller, self.operation, arn):
            return arn
        raise AccessDeniedException(
            f"User: {self.caller.arn} is not authorized to perform: sagemaker:{self.operation} on resource: {arn} "
            f"because no resource-based policy allows the sagemaker:{self.operation} action"
        )

    def key(self, name: str) -> Key:
        """Return the key of a group of the caller's account and region, and of the head of a history."""
        return (self.caller.account, self.caller.region, name)

    def account_conditions(self) -> list[Condition]:
        return [("account", "=", self.caller.account), ("region", "=", self.caller.region)]


class Answer(msgspec.Struct, frozen=True):
    """How the registry answers an operation: `answer` returns a record for a transaction and the parameters.

    Before the transaction, `prepare` checks and completes the parameters, and the callable that `prefetch` returns asks
    other services what the rules need. With `is_projected`, the answer has the members of its output shape already.
    """

    answer: Callable[[RequestContext, Mapping[str, Any]], Mapping[str, Any]]
    prepare: Callable[[Mapping[str, Any], Caller, BackendOptions], Mapping[str, Any]] = lambda params, *_: params
    prefetch: Callable[[RequestContext, Any], Callable[[], object]] | None = None
    is_projected: bool = False

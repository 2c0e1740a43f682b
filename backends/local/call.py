"""One call being answered: who asked, when, and the transaction it runs in."""

from __future__ import annotations

from dataclasses import dataclass

from ..base import Caller
from . import arns
from .arns import Arn
from .rows import Condition, Writing


@dataclass(frozen=True, slots=True)
class Call:
    """What a rule may know of a call. `now` is in epoch ms; `rows` can only read where the operation only reads."""

    operation: str
    caller: Caller
    rows: Writing
    now: int

    def group(self, text: str) -> Arn:
        """Return the group the caller means by a name or an ARN."""
        return arns.resolve(self.caller, arns.GROUP, text, self.operation)

    def package(self, text: str) -> Arn:
        """Return the package the caller means by a name, `Group/N` or an ARN."""
        return arns.resolve(self.caller, arns.PACKAGE, text, self.operation)

    def place(self) -> list[Condition]:
        """Return the conditions that keep to the caller's account and region."""
        return [("account", "=", self.caller.account), ("region", "=", self.caller.region)]

"""One call being answered: who asked, when, and the transaction it runs in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..base import Caller
from . import arns
from .arns import Arn
from .rows import Condition


@dataclass(frozen=True, slots=True)
class Call:
    """What a rule may know of a call. `rows` is a Writing for operations that write, else a Reading; `now` in ms."""

    operation: str
    caller: Caller
    rows: Any
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

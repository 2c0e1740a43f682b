"""Requests a registry has answered, for assertions: `control.calls("UpdateModelPackage").once(...)`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, overload

SHOWN = 20
"""Requests that a failure shows at most, the latest."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: what was asked for, by whom, when, and what came of it.

    `params` are JSON values under AWS's names; `outcome` is `ok`, or the code of the error it was answered with.
    """

    number: int
    operation: str
    params: Mapping[str, Any]
    outcome: str
    message: str
    account: str
    region: str
    principal: str
    request_id: str
    at: datetime
    milliseconds: float

    @classmethod
    def from_entry(cls, found: Mapping[str, Any]) -> Call:
        """Read a request as a registry's log has it."""
        return cls(**{**found, "at": datetime.fromtimestamp(found["at"], UTC)})

    @property
    def is_answered(self) -> bool:
        """Whether what was asked for was done, and the client heard of it."""
        return self.outcome == "ok"

    def differences(self, expected: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Return in which members the request is not as expected, each with what it has and what was expected."""
        return {
            name: (self.params.get(name, MISSING), value)
            for name, value in expected.items()
            if self.params.get(name, MISSING) != value
        }


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()


@dataclass(frozen=True)
class Calls(Sequence[Call]):
    """Requests in the order they came in; assertions about those that were answered.

    A request that was refused, throttled say, and sent again by boto3 is here twice, and once among the answered.
    """

    items: tuple[Call, ...]
    operation: str | None = None

    @overload
    def __getitem__(self, index: int) -> Call: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Call, ...]: ...

    def __getitem__(self, index: int | slice) -> Call | tuple[Call, ...]:
        return self.items[index]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Call]:
        return iter(self.items)

    @property
    def answered(self) -> tuple[Call, ...]:
        return tuple(call for call in self.items if call.is_answered)

    @property
    def refused(self) -> tuple[Call, ...]:
        return tuple(call for call in self.items if not call.is_answered)

    def matching(self, **params: Any) -> tuple[Call, ...]:
        """Return the answered requests that have these members with these values; others they may have besides."""
        return tuple(call for call in self.answered if not call.differences(params))

    def once(self, **params: Any) -> Call:
        """Assert that exactly one request with these members was answered; return it.

        Raises:
            AssertionError: none was, or several were; the sentence shows what there was instead.
        """
        __tracebackhide__ = True
        return self.times(1, **params)[0]

    def times(self, count: int, **params: Any) -> tuple[Call, ...]:
        """Assert that exactly so many requests with these members were answered; return them.

        Raises:
            AssertionError: it was another number; the sentence shows what there was instead.
        """
        __tracebackhide__ = True
        found = self.matching(**params)
        if len(found) != count:
            raise AssertionError(self._failure(_times(count), found, params))
        return found

    def any(self, **params: Any) -> Call:
        """Assert that at least one request with these members was answered; return the first.

        Raises:
            AssertionError: none was; the sentence shows what there was instead.
        """
        __tracebackhide__ = True
        found = self.matching(**params)
        if not found:
            raise AssertionError(self._failure("at least once", found, params))
        return found[0]

    def never(self, **params: Any) -> None:
        """Assert that no request with these members was answered.

        Raises:
            AssertionError: one was; the sentence shows which.
        """
        __tracebackhide__ = True
        self.times(0, **params)

    def _failure(self, how_often: str, found: Sequence[Call], params: Mapping[str, Any]) -> str:
        """Return the message of a failed assertion, with a line for each request and each member that differs."""
        what = self.operation or "A request"
        wanted = f" with {', '.join(f'{name}={value!r}' for name, value in params.items())}" if params else ""
        lines = [f"{what} was expected {how_often}{wanted}, and came {_times(len(found))}."]
        lines += ["What came (- expected, + sent):" if params else "What came:"] if self.items else []
        for call in self.items[-SHOWN:]:
            lines += _lines(call, params)
        if len(self.items) > SHOWN:
            lines.insert(1, f"  (the latest {SHOWN} of {len(self.items)})")
        return "\n".join(lines)


def _lines(call: Call, params: Mapping[str, Any]) -> list[str]:
    outcome = "" if call.is_answered else f"  {call.outcome}: {call.message}"
    lines = [f"  {call.number}. {call.operation} by {call.principal}{outcome}"]
    differing = call.differences(params)
    for name, value in call.params.items():
        if name not in differing:
            lines.append(f"       {name}={value!r}")
    for name, (found, wanted) in differing.items():
        lines += [f"     - {name}={wanted!r}", f"     + {name}={found!r}"]
    return lines


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")

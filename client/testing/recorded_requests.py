"""Recorded requests and assertions on them: `control.calls("UpdateModelPackage").once(...)`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, overload

SHOWN = 20
"""Maximum requests in the message of a failed assertion; the latest ones are shown."""


@dataclass(frozen=True, slots=True)
class Call:
    """A recorded request.

    Attributes:
        number: The number of the request, in the order of arrival.
        operation: The AWS operation.
        params: The parameters, as JSON values under AWS's names.
        outcome: `ok`, or the code of the error.
        message: The error message.
        account: The account ID.
        region: The AWS region.
        principal: The caller.
        request_id: The request ID.
        at: The time of the request.
        milliseconds: The duration.
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
        """Return a request from an entry of the extension `calls`."""
        return cls(**{**found, "at": datetime.fromtimestamp(found["at"], UTC)})

    @property
    def is_answered(self) -> bool:
        """Whether the request succeeded."""
        return self.outcome == "ok"

    def differences(self, expected: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Return the parameters that differ from the expected ones, each as (actual, expected)."""
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
    """A sequence of recorded requests, oldest first, with assertions on those that succeeded.

    A request that was rejected, for example throttled, and retried by boto3 is recorded twice. Only the successful
    attempt counts in assertions.
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
        """The requests that succeeded."""
        return tuple(call for call in self.items if call.is_answered)

    @property
    def refused(self) -> tuple[Call, ...]:
        """The requests that failed."""
        return tuple(call for call in self.items if not call.is_answered)

    def matching(self, **params: Any) -> tuple[Call, ...]:
        """Return the successful requests with these parameters; further parameters are ignored."""
        return tuple(call for call in self.answered if not call.differences(params))

    def once(self, **params: Any) -> Call:
        """Assert that exactly one request with these parameters succeeded, and return it.

        Raises:
            AssertionError: The number of requests differs; the message lists the recorded requests.
        """
        __tracebackhide__ = True
        return self.times(1, **params)[0]

    def times(self, count: int, **params: Any) -> tuple[Call, ...]:
        """Assert that exactly `count` requests with these parameters succeeded, and return them.

        Raises:
            AssertionError: The number of requests differs; the message lists the recorded requests.
        """
        __tracebackhide__ = True
        found = self.matching(**params)
        if len(found) != count:
            raise AssertionError(self._failure(_times(count), found, params))
        return found

    def any(self, **params: Any) -> Call:
        """Assert that at least one request with these parameters succeeded, and return the first.

        Raises:
            AssertionError: No request succeeded; the message lists the recorded requests.
        """
        __tracebackhide__ = True
        found = self.matching(**params)
        if not found:
            raise AssertionError(self._failure("at least once", found, params))
        return found[0]

    def never(self, **params: Any) -> None:
        """Assert that no request with these parameters succeeded.

        Raises:
            AssertionError: A request succeeded; the message lists it.
        """
        __tracebackhide__ = True
        self.times(0, **params)

    def _failure(self, how_often: str, found: Sequence[Call], params: Mapping[str, Any]) -> str:
        """Return the message of a failed assertion, with a line for each request and each different parameter."""
        what = self.operation or "A request"
        wanted = f" with {', '.join(f'{name}={value!r}' for name, value in params.items())}" if params else ""
        lines = [f"{what} was expected {how_often}{wanted}, but succeeded {_times(len(found))}."]
        lines += ["Recorded requests (- expected, + sent):" if params else "Recorded requests:"] if self.items else []
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

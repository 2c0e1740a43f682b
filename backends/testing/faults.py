"""Fault injection: throttling, errors, latency, lost responses, stale lists and failed validations."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from functools import partial
from typing import Annotated, Any, Final, TypeAlias

import msgspec
import msgspec.structs

from ..base import Caller
from ..errors import (
    ConflictException,
    ConnectionDropped,
    InternalFailure,
    RegistryError,
    ServiceUnavailable,
    ThrottlingException,
    ValidationException,
)

SEED: Final = 20261124
"""Fixed, so that faults with a rate are reproducible; clearing all faults resets the generator."""

MARK: Final = "ModelPackageArn"
"""The member that identifies the version that a part of a response describes."""

Params: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = dict[str, Any]
Pass: TypeAlias = Callable[[], Answer]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An injected fault.

    `operation` is a pattern (`*`, `?`), `rate` the share of affected requests from 0 to 1, `count` the number of
    requests after which the fault ends (default: no limit), `seconds` the delay of `latency` or the age of a
    `stale-list`, and `message` replaces the default error message.
    """

    kind: str
    operation: str = "*"
    rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0, le=300)] = 1.0
    message: str = ""


class _Armed(msgspec.Struct):
    """A fault, its number, and the number of requests that it affected."""

    number: int
    fault: Fault
    hits: int = 0

    @property
    def is_over(self) -> bool:
        return self.fault.count is not None and self.hits >= self.fault.count


class Faults:
    """The active faults; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep) -> None:
        self.clock = clock
        self.sleep = sleep
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._failed: set[str] = set()
        self._last = 0
        self._random = random.Random(SEED)  # noqa: S311 - must be reproducible, not secret

    def add(self, fault: Fault) -> dict[str, Any]:
        """Activate a fault and return it with its number.

        Raises:
            ValidationException: The kind is unknown.
        """
        if fault.kind not in KINDS:
            raise ValidationException(f"Unknown fault kind {fault.kind[:100]!r}: expected one of {', '.join(KINDS)}.")
        with self._lock:
            self._last += 1
            self._armed.append(_Armed(self._last, fault))
            return _shown(self._armed[-1])

    def shown(self) -> list[dict[str, Any]]:
        with self._lock:
            return [_shown(armed) for armed in self._armed]

    def clear(self, number: int | None = None) -> int:
        """Remove one fault, or all, and return how many were removed.

        Raises:
            ValidationException: No fault has that number.
        """
        with self._lock:
            kept = [armed for armed in self._armed if number not in (None, armed.number)]
            gone = len(self._armed) - len(kept)
            if number is not None and not gone:
                raise ValidationException(f"There is no fault {number}.")
            self._armed = kept
            if number is None:
                self._failed.clear()
                self._random.seed(SEED)
            return gone

    def answer(self, operation: str, params: Params, caller: Caller, pass_on: Callable[..., Answer]) -> Answer:
        if not self._armed and not self._failed:
            return pass_on(operation, params, caller)

        def inner() -> Answer:
            return pass_on(operation, params, caller)

        for fault in self._hitting(operation):
            inner = partial(KINDS[fault.kind], self, fault, inner)
        answer: Answer = self._with_failures(inner())
        return answer

    def fail_validation(self, arn: str) -> None:
        with self._lock:
            self._failed.add(arn)

    def _hitting(self, operation: str) -> list[Fault]:
        with self._lock:
            found = []
            for armed in self._armed:
                if armed.is_over or not fnmatchcase(operation, armed.fault.operation):
                    continue
                only = ONLY.get(armed.fault.kind)
                if only is not None and not only(operation):
                    continue
                if armed.fault.rate >= 1 or self._random.random() < armed.fault.rate:
                    armed.hits += 1
                    found.append(armed.fault)
            return found

    def _with_failures(self, answer: Any) -> Any:
        if not self._failed:
            return answer
        if isinstance(answer, list):
            return [self._with_failures(inner) for inner in answer]
        if not isinstance(answer, dict):
            return answer
        seen = {name: self._with_failures(inner) for name, inner in answer.items()}
        if seen.get(MARK) in self._failed and "ModelPackageStatus" in seen:
            seen["ModelPackageStatus"] = "Failed"
            if "ModelPackageStatusDetails" in seen:
                failure = {"Name": "validation", "Status": "Failed", "FailureReason": "Injected fault."}
                seen["ModelPackageStatusDetails"] = {
                    **seen["ModelPackageStatusDetails"],
                    "ValidationStatuses": [failure],
                }
        return seen


def _shown(armed: _Armed) -> dict[str, Any]:
    return {"number": armed.number, **msgspec.structs.asdict(armed.fault), "hits": armed.hits}


Kind: TypeAlias = Callable[[Faults, Fault, Pass], Answer]


def _refusing(error: type[RegistryError], sentence: str) -> Kind:
    """Return a kind that rejects a request before it is executed."""

    def refuse(faults: Faults, fault: Fault, inner: Pass) -> Answer:
        raise error(fault.message or sentence)

    return refuse


def _latency(faults: Faults, fault: Fault, inner: Pass) -> Answer:
    faults.sleep(fault.seconds)
    return inner()


def _answer_lost(faults: Faults, fault: Fault, inner: Pass) -> Answer:
    inner()
    raise ConnectionDropped(fault.message or "The request was executed, but its response was dropped (injected fault).")


def _stale_list(faults: Faults, fault: Fault, inner: Pass) -> Answer:
    """Leave out items created in the last `seconds`."""
    horizon = datetime.fromtimestamp(faults.clock(), UTC) - timedelta(seconds=fault.seconds)
    return {
        name: [item for item in found if _created(item) <= horizon] if isinstance(found, list) else found
        for name, found in inner().items()
    }


def _created(item: Any) -> datetime:
    """Return the creation time of a list item; results of Search have it one level deeper."""
    if isinstance(item, dict):
        for part in (item, *(inner for inner in item.values() if isinstance(inner, dict))):
            if isinstance(part.get("CreationTime"), datetime):
                moment: datetime = part["CreationTime"]
                return moment
    return datetime.min.replace(tzinfo=UTC)


def _failing_validation(faults: Faults, fault: Fault, inner: Pass) -> Answer:
    answer = inner()
    faults.fail_validation(answer[MARK])
    return answer


KINDS: Final[dict[str, Kind]] = {
    "throttling": _refusing(ThrottlingException, "Rate exceeded"),
    "unavailable": _refusing(ServiceUnavailable, "The service is unavailable (injected fault)."),
    "failure": _refusing(InternalFailure, "The service failed (injected fault)."),
    "conflict": _refusing(ConflictException, "Another request is changing the resource (injected fault)."),
    "latency": _latency,
    "answer-lost": _answer_lost,
    "stale-list": _stale_list,
    "validation-fails": _failing_validation,
}

ONLY: Final[dict[str, Callable[[str], bool]]] = {
    # These kinds affect only the operations for which they make sense, whatever the pattern.
    "stale-list": lambda operation: operation.startswith("List") or operation == "Search",
    "validation-fails": lambda operation: operation == "CreateModelPackage",
}

"""A backend that adds test control to another: reset, snapshots, a clock, faults and a request log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Protocol, runtime_checkable

import msgspec

from ..base import Backend, Caller, Empty, Extension, parsed
from ..errors import UnknownOperationException, ValidationException
from ..store.transactions import StoreSnapshot
from ..views import iso
from .clock import Clock
from .faults import Fault, Faults
from .request_log import Log

START: Final = "start"
"""The name of the snapshot taken when the server starts."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


@runtime_checkable
class Store(Protocol):
    """A backend that supports snapshots and deletion of its whole store."""

    def take_snapshot(self) -> Any: ...

    def restore_snapshot(self, snapshot: Any) -> None: ...

    def clear(self, account: str | None, region: str | None, name: str | None) -> None: ...


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The scope of a reset: by account, region, and group or unversioned package; everything by default."""

    account: str | None = None
    region: str | None = None
    group: str | None = None


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The name of a snapshot."""

    name: Name


class Moment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The time to freeze the clock at: epoch seconds or ISO 8601; the current time by default."""

    at: float | str | None = None


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of seconds to advance the clock by."""

    seconds: Annotated[float, msgspec.Meta(ge=0)]


class Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number of a fault; all faults by default."""

    number: int | None = None


class Calls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A filter of the request log: one operation, and numbers above `since`."""

    operation: str | None = None
    since: int = 0


class ControlledBackend(Backend):
    """A backend in front of another, which uses the same `clock` and is closed with it.

    `recognize` maps callers to identities as the other backend does, so that the log contains users, not access keys.
    """

    def __init__(
        self,
        backend: Backend,
        clock: Clock | None = None,
        recognize: Callable[[Caller], Caller] = lambda caller: caller,
    ) -> None:
        self._recognize = recognize
        self.clock = clock or Clock()
        self.faults = Faults(self.clock)
        self.log = Log(self.clock)
        self.operations, self.outbox = backend.operations, backend.outbox
        self._backend = backend
        self._lock = threading.Lock()
        self._snapshots: dict[str, StoreSnapshot] = {}
        has_store = isinstance(backend, Store)
        self._offered = {name: row for name, row in EXTENSIONS.items() if has_store or not row.needs_store}
        self.extensions = {**backend.extensions, **{name: row.writes for name, row in self._offered.items()}}

    def call(self, operation: str, params: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        with self.log.noting(operation, params, self._recognize(caller)):
            return self.faults.answer(operation, params, caller, self._backend.call)

    def extension(self, name: str, params: Mapping[str, Any], caller: Caller) -> Any:
        if name not in self._offered:
            return self._backend.extension(name, params, caller)
        row = self._offered[name]
        return msgspec.to_builtins(row.answer(self, parsed(name, params, row.params)))

    def request_id(self) -> str:
        return self.clock.request_id()

    def snapshot(self, name: str) -> None:
        """Save the state of the registry under a name, replacing an earlier snapshot of that name."""
        store = self._store()
        with self._lock:
            snapshot = store.take_snapshot()
            before, self._snapshots[name] = self._snapshots.get(name), snapshot
        if before is not None:
            before.close()

    def restore(self, name: str) -> None:
        """Restore a snapshot; clear the log and the faults, and resume the clock.

        Raises:
            ValidationException: No snapshot has that name.
        """
        store = self._store()
        with self._lock:
            store.restore_snapshot(self._found(name))
        self.forget()

    def snapshots(self) -> list[str]:
        with self._lock:
            return sorted(self._snapshots)

    def reset(self, account: str | None = None, region: str | None = None, group: str | None = None) -> None:
        """Delete everything, or the records of an account, region or group, including their history.

        A full reset also clears the log and the faults and resumes the clock. Snapshots are kept.
        """
        self._store().clear(account, region, group)
        if account is region is group is None:
            self.forget()

    def ping(self) -> None:
        self._backend.ping()

    def close(self) -> None:
        with self._lock:
            for snapshot in self._snapshots.values():
                snapshot.close()
            self._snapshots.clear()
        self._backend.close()

    def forget(self) -> None:
        """Clear the log and the faults, and resume the clock."""
        self.faults.clear()
        self.clock.resume()
        self.log.clear()

    def _store(self) -> Store:
        if not isinstance(self._backend, Store):
            raise UnknownOperationException("This registry does not support reset and snapshots; serve one in memory.")
        return self._backend

    def _found(self, name: str) -> StoreSnapshot:
        if name not in self._snapshots:
            existing = ", ".join(sorted(self._snapshots)) or "none"
            raise ValidationException(f"There is no snapshot {name[:100]!r}; existing snapshots: {existing}.")
        return self._snapshots[name]


def _reset(controlled: ControlledBackend, asked: Place) -> dict[str, Any]:
    controlled.reset(asked.account, asked.region, asked.group)
    return {}


def _snapshot(controlled: ControlledBackend, asked: Named) -> dict[str, Any]:
    controlled.snapshot(asked.name)
    return {"snapshots": controlled.snapshots()}


def _restore(controlled: ControlledBackend, asked: Named) -> dict[str, Any]:
    controlled.restore(asked.name)
    return {}


def _clear_calls(controlled: ControlledBackend, _: Empty) -> dict[str, Any]:
    controlled.log.clear()
    return {}


def _time(controlled: ControlledBackend) -> dict[str, Any]:
    now = controlled.clock()
    moment = iso(datetime.fromtimestamp(now, UTC))
    return {"now": moment, "seconds": now, "stopped": controlled.clock.is_stopped}


def _freeze(controlled: ControlledBackend, asked: Moment) -> dict[str, Any]:
    controlled.clock.freeze(None if asked.at is None else _seconds(asked.at))
    return _time(controlled)


def _advance(controlled: ControlledBackend, asked: Step) -> dict[str, Any]:
    _seconds(controlled.clock() + asked.seconds)  # rejects times that a record cannot store
    controlled.clock.advance(asked.seconds)
    return _time(controlled)


def _resume(controlled: ControlledBackend, _: Empty) -> dict[str, Any]:
    controlled.clock.resume()
    return _time(controlled)


def _seconds(at: float | str) -> float:
    """Return a time in epoch seconds; raise ValidationException if it is invalid or a record cannot store it."""
    try:
        if isinstance(at, str) and not at.replace(".", "", 1).isdigit():
            moment = datetime.fromisoformat(at)
            at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        seconds = float(at)
        if seconds < 0:
            raise ValueError(at)
        datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ValidationException(
            f"Invalid time {str(at)[:100]!r}: use ISO 8601, such as 2026-11-24T12:00:00Z, or epoch seconds."
        ) from error
    return seconds


EXTENSIONS: Final[dict[str, Extension]] = {
    "reset": Extension(_reset, Place, writes=True, needs_store=True),
    "snapshot": Extension(_snapshot, Named, writes=True, needs_store=True),
    "snapshots": Extension(lambda controlled, _: controlled.snapshots(), needs_store=True),
    "restore": Extension(_restore, Named, writes=True, needs_store=True),
    "clock": Extension(lambda controlled, _: _time(controlled), needs_store=True),
    "clock/freeze": Extension(_freeze, Moment, writes=True, needs_store=True),
    "clock/advance": Extension(_advance, Step, writes=True, needs_store=True),
    "clock/resume": Extension(_resume, writes=True, needs_store=True),
    "faults": Extension(lambda controlled, _: controlled.faults.shown()),
    "faults/add": Extension(lambda controlled, fault: controlled.faults.add(fault), Fault, writes=True),
    "faults/clear": Extension(
        lambda controlled, asked: {"cleared": controlled.faults.clear(asked.number)}, Number, writes=True
    ),
    "calls": Extension(lambda controlled, asked: controlled.log.calls(asked.operation, asked.since), Calls),
    "calls/clear": Extension(_clear_calls, writes=True),
}

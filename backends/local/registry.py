"""The local registry: each operation is one transaction whose result is projected to its output shape."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from random import uniform
from typing import Any, Final, TypeAlias, TypeVar, cast

import msgspec
import orjson

from .. import arns
from ..approval.rule import APPROVALS, CALLERS, OBJECTS
from ..approval.rulebook import Rulebook
from ..base import Backend, BackendOptions, Caller, NoProbe, Probe, parsed
from ..errors import (
    BackendUnavailable,
    ConflictException,
    NotHandled,
    SerializationFailure,
    ThrottlingException,
    UnknownOperationException,
)
from ..service import constraints, projection
from ..service.operations import OPERATIONS
from ..store import snapshots
from ..store.rows import GROUPS, TOKENS, Key
from ..store.transactions import Rows, StoreSnapshot, Transaction
from .context import Answer, RequestContext
from .extensions import EXTENSIONS
from .history import events
from .history.journal import Journal
from .history.outbox import Outbox
from .operations import approvals, groups, packages, policies, tags
from .operations.approvals import CachingProbe
from .search import search

CLIENT_TOKEN_LIFETIME_MS = 24 * 60 * 60 * 1000

Clock = Callable[[], float]
T = TypeVar("T")

PAUSES = tuple(0.005 * 2**n for n in range(9))
"""The maximum pauses in seconds before retries of a transaction that lost a race."""

Prefetch: TypeAlias = Callable[[RequestContext, Any], Callable[[], object]] | None

ANSWERS: Final[Mapping[str, Answer]] = {
    **groups.ANSWERS,
    **packages.ANSWERS,
    **tags.ANSWERS,
    **policies.ANSWERS,
    **search.ANSWERS,
    **approvals.ANSWERS,
}


class LocalRegistry(Backend):
    """A Backend on a store, which it owns and closes.

    Raises:
        BackendUnavailable: a rule in the settings cannot be enforced; the store is closed.
    """

    operations = frozenset(ANSWERS)
    extensions = {name: row.writes for name, row in EXTENSIONS.items()}  # noqa: RUF012 - declared this way by Backend

    def __init__(
        self,
        rows: Rows,
        clock: Clock | None = None,
        options: BackendOptions | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._rows = rows
        self._sleep = sleep
        self._options = options or BackendOptions()
        self._clock = clock or self._options.clock
        try:
            self._rulebook = Rulebook(self._options.settings, self._options.identify)
            objects = set() if isinstance(self._options.probe, NoProbe) else {OBJECTS}
            self._rulebook.check_needs({*self.operations, APPROVALS, CALLERS, *objects}, "this registry")
        except BackendUnavailable:
            rows.close()
            raise
        self.outbox = Outbox(rows, self._clock)
        """The events of all accounts, for the dispatcher."""

    def call(self, operation: str, params: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        if operation not in ANSWERS:
            raise UnknownOperationException(f"This registry does not support {operation}.")
        row, handler = OPERATIONS[operation], ANSWERS[operation]
        constraints.check(operation, params)
        if not row.is_ours(params):
            raise NotHandled
        caller = self._rulebook.identities.recognize(caller)
        prepared = handler.prepare(params, caller, self._options)
        probe = self._prefetch(handler.prefetch, operation, prepared, caller)
        reason = params.get("ApprovalDescription")
        settings = self._options.settings

        def once() -> Mapping[str, Any]:
            if row.writes:
                with self._transaction(operation, caller, probe, writes=True, reason=reason) as context:
                    return idempotent(context, params, partial(handler.answer, context, prepared))
            now = int(self._clock() * 1000)
            with self._rows.reading() as seen:
                rows = cast("Transaction", seen)
                return handler.answer(
                    RequestContext(operation, caller, rows, now, settings, self._rulebook, probe), prepared
                )

        record = self._retried(once)
        return cast("dict[str, Any]", record if handler.is_projected else projection.projection(operation)(record))

    def extension(self, name: str, params: Mapping[str, Any], caller: Caller) -> Any:
        if name not in EXTENSIONS:
            return super().extension(name, params, caller)
        row = EXTENSIONS[name]
        given = parsed(name, params, row.params)
        caller = self._rulebook.identities.recognize(caller)
        operation, reason = row.operation or name, getattr(given, "reason", None)
        probe = self._prefetch(row.prefetch, operation, given, caller)
        if row.needs_positions:
            self.outbox.assign_positions()

        def once() -> Any:
            with self._transaction(operation, caller, probe, writes=row.writes, reason=reason) as context:
                return row.answer(context, given)

        return msgspec.to_builtins(self._retried(once))

    def _prefetch(self, prefetch: Prefetch, operation: str, params: Any, caller: Caller) -> Probe:
        """Query other services for the data the rules need, outside any transaction; return a probe with the data."""
        if prefetch is None or OBJECTS not in self._rulebook.needs:
            return self._options.probe
        probe = CachingProbe(self._options.probe)
        with self._transaction(operation, caller, probe, writes=False) as context:
            ask = prefetch(context, params)
        ask()
        return probe

    def _retried(self, once: Callable[[], T]) -> T:
        """Run a transaction, and retry it a few times if it conflicts with another one.

        PostgreSQL reports only deadlocks, because writers lock the rows they depend on; compatible databases report
        more conflicts.
        """
        for pause in PAUSES:
            try:
                return once()
            except SerializationFailure:
                self._sleep(uniform(0, pause))  # noqa: S311 - keeps two retries from colliding again
        return once()

    @contextmanager
    def _transaction(
        self, operation: str, caller: Caller, probe: Probe, *, writes: bool, reason: str | None = None
    ) -> Iterator[RequestContext]:
        """Open a transaction for a request; a commit also records its changes as history and events."""
        settings, now = self._options.settings, int(self._clock() * 1000)
        if not writes:
            with self._rows.reading() as seen:
                yield RequestContext(
                    operation, caller, cast("Transaction", seen), now, settings, self._rulebook, probe, reason
                )
            return
        with self._rows.writing() as transaction:
            journal = Journal(transaction)
            context = RequestContext(operation, caller, journal, now, settings, self._rulebook, probe, reason)
            yield context
            tells = events.note(journal, journal.write(context)) or operation in EXTENSIONS
        if tells:
            self.outbox.notifier.notify()

    def take_snapshot(self) -> StoreSnapshot:
        """Return a copy of the whole store; like the next two methods, only for `testing.controlled`."""
        return self._rows.take_snapshot()

    def restore_snapshot(self, snapshot: StoreSnapshot) -> None:
        self._rows.restore_snapshot(snapshot)

    def clear(self, account: str | None = None, region: str | None = None, name: str | None = None) -> None:
        """Delete all rows, or those of an account, a region or a name, including history."""
        given: list[tuple[str, str | None]] = [("account", account), ("region", region), ("name", name)]
        snapshots.clear(self._rows, [(column, "=", value) for column, value in given if value is not None])

    def ping(self) -> None:
        """Read from the store, and write if the last write failed, so that a healthy answer means writes work."""
        with self._rows.reading() as rows:
            rows.find(GROUPS, [("account", "=", "")], limit=1)
        self._rows.check_writing()

    def close(self) -> None:
        self._rows.close()


def idempotent(
    context: RequestContext, params: Mapping[str, Any], answer: Callable[[], Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Process a request; repeat the first answer if its client token was already used in this account and region.

    Raises:
        ConflictException: the token was used for another request.
    """
    token = params.get("ClientToken")
    if token is None:
        return answer()
    digest = hashlib.sha256(orjson.dumps(params, option=orjson.OPT_SORT_KEYS)).hexdigest()
    key = (context.caller.account, context.caller.region, context.operation, token)
    row = dict(zip(TOKENS.key, key, strict=True)) | {"created": context.now, "rev": 0, "digest": digest, "record": {}}
    if digest.endswith("0"):  # one request in 16: looking every time costs more than the expired rows
        _forget(context)
    stored = context.rows.insert(TOKENS, row)
    if not stored:
        _forget(context)  # the existing token may have expired
        _forget_of_an_ended_group(context, key)
        stored = context.rows.insert(TOKENS, row)
    if stored:
        result = answer()
        context.rows.update(TOKENS, key, 0, {"record": result})
        return result
    seen = context.rows.get(TOKENS, key)
    if seen is None:  # deleted meanwhile by a server whose clock is ahead
        raise ThrottlingException("Rate exceeded")
    if seen["digest"] != digest:
        raise ConflictException(
            f"ClientToken {token} was already used for a {context.operation} request with other parameters."
        )
    first: Mapping[str, Any] = seen["record"]
    return first


def _forget_of_an_ended_group(context: RequestContext, key: Key) -> None:
    """Forget a token whose version belonged to a group that was deleted: a new one of that name reuses its ARNs."""
    seen = context.rows.get(TOKENS, key)
    if seen is None or "ModelPackageArn" not in seen["record"]:
        return
    arn = arns.parse(context.caller, arns.PACKAGE, seen["record"]["ModelPackageArn"])
    group = context.rows.get(GROUPS, arn.group_key) if arn.version else None
    if arn.version and (group is None or group["created"] > seen["created"]):
        context.rows.delete(TOKENS, TOKENS.keyed(key))


def _forget(context: RequestContext) -> None:
    context.rows.delete(
        TOKENS, [*context.account_conditions(), ("created", "<", context.now - CLIENT_TOKEN_LIFETIME_MS + 1)]
    )

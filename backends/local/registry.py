"""The registry: each operation is one transaction over rows, and each answer a record seen through its output shape."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self

import msgspec

from .. import constraints, model, scope
from ..base import Caller, Surroundings
from ..errors import Elsewhere, UnknownOperationException, ValidationException
from . import deployment, events, groups, packages, policies, search, tags, tokens
from .call import Call
from .controls import CONTROLS
from .deliveries import Outbox
from .journal import Journal
from .rows import GROUPS, Rows

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Operation:
    """How an operation is answered: by a function from a call and its parameters to a record.

    Args:
        answer: the function.
        writes: whether it needs a transaction that writes.
        prepare: what needs no transaction, or asks others, and so comes before it: checks, and what the parameters
            stand for.
        is_ours: of an operation shared with the rest of SageMaker, whether a request is about this registry's
            resources; asked of requests that are within the model's constraints.
    """

    answer: Callable[[Call, Mapping[str, Any]], Mapping[str, Any]]
    writes: bool = False
    prepare: Callable[[Mapping[str, Any], Caller, Surroundings], Mapping[str, Any]] = lambda params, *_: params
    is_ours: Callable[[Mapping[str, Any]], bool] = scope.always


OPERATIONS: dict[str, Operation] = {
    "CreateModelPackageGroup": Operation(groups.create, writes=True),
    "DescribeModelPackageGroup": Operation(groups.describe),
    "ListModelPackageGroups": Operation(groups.list_groups),
    "DeleteModelPackageGroup": Operation(groups.delete, writes=True),
    "CreateModelPackage": Operation(packages.create, writes=True, prepare=packages.prepare),
    "DescribeModelPackage": Operation(packages.describe),
    "ListModelPackages": Operation(packages.list_packages),
    "UpdateModelPackage": Operation(packages.update, writes=True),
    "DeleteModelPackage": Operation(packages.delete, writes=True),
    "BatchDescribeModelPackage": Operation(packages.batch_describe),
    "AddTags": Operation(tags.add, writes=True, is_ours=scope.names_ours),
    "ListTags": Operation(tags.list_tags, is_ours=scope.names_ours),
    "DeleteTags": Operation(tags.delete, writes=True, is_ours=scope.names_ours),
    "PutModelPackageGroupPolicy": Operation(policies.put, writes=True),
    "GetModelPackageGroupPolicy": Operation(policies.get),
    "DeleteModelPackageGroupPolicy": Operation(policies.delete, writes=True),
    "Search": Operation(search.search, is_ours=scope.searches_ours),
    "GetSearchSuggestions": Operation(search.suggestions, is_ours=scope.searches_ours),
    "CreateModel": Operation(deployment.allow, is_ours=deployment.is_ours),
}


class LocalRegistry:
    """A Backend over rows: AWS's rules, written once for every store.

    Args:
        rows: the store; closed with the registry.
        clock: the time, in epoch seconds.
        surroundings: its switches, and where artefacts and images are looked for.
    """

    operations = frozenset(OPERATIONS)
    controls = {name: control.writes for name, control in CONTROLS.items()}  # noqa: RUF012 - as the seam has it

    def __init__(self, rows: Rows, clock: Clock = time.time, surroundings: Surroundings | None = None) -> None:
        self._rows = rows
        self._clock = clock
        self._surroundings = surroundings or Surroundings()
        self.outbox = Outbox(rows, clock)
        """The events of every account, for who delivers them."""

    def call(self, operation: str, params: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Answer one operation; see `Backend.call`."""
        if operation not in OPERATIONS:
            raise UnknownOperationException(f"This registry does not answer {operation}.")
        handler = OPERATIONS[operation]
        constraints.check(operation, params)
        if not handler.is_ours(params):
            raise Elsewhere
        prepared = handler.prepare(params, caller, self._surroundings)
        reason = params.get("ApprovalDescription")
        with self._transaction(operation, caller, writes=handler.writes, reason=reason) as call:
            record = tokens.once(call, params, partial(handler.answer, call, prepared))
        answer: dict[str, Any] = model.projection(operation)(record)
        return answer

    def control(self, name: str, params: Mapping[str, Any], caller: Caller) -> Any:
        """Do one thing beyond AWS's API; see `Backend.control`."""
        if name not in CONTROLS:
            raise UnknownOperationException(f"This registry has no {name!r}: it has {', '.join(sorted(CONTROLS))}.")
        control = CONTROLS[name]
        try:
            asked = msgspec.convert(params, control.params, strict=False)
        except msgspec.ValidationError as error:
            raise ValidationException(f"{name}: {error}") from error
        if control.settles:
            self.outbox.settle()
        with self._transaction(name, caller, writes=control.writes) as call:
            return msgspec.to_builtins(control.answer(call, asked))

    @contextmanager
    def _transaction(
        self, operation: str, caller: Caller, *, writes: bool, reason: str | None = None
    ) -> Iterator[Call]:
        """Open a transaction for a call; what it changes is history, and an event, when it commits."""
        tells = False
        transaction: Any = self._rows.writing if writes else self._rows.reading
        with transaction() as rows:
            journal = Journal(rows)
            seen = journal if writes else rows
            call = Call(operation, caller, seen, int(self._clock() * 1000), self._surroundings.settings, reason)
            yield call
            if writes:
                tells = events.note(journal, journal.write(call)) or operation in CONTROLS
        if tells:
            self.outbox.bell.ring()

    def ping(self) -> None:
        """Read from the store, so that a registry that answers is one that can."""
        with self._rows.reading() as rows:
            rows.find(GROUPS, [("account", "=", "")], limit=1)

    def close(self) -> None:
        self._rows.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

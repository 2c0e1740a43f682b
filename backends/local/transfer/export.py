"""Export of a registry as lines: rows with their numbers, times, authors and history.

A line is a JSON object of one of four types: `change`, `group`, `policy`, `package`. Lines are grouped by name, and the
history of a name precedes its current state; `importing` stores them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Final

import msgspec
import orjson

from ...errors import ConflictException
from ...store.rows import GROUPS, HEADS, HISTORY, PACKAGES, POLICIES, Condition, Row, Table
from ..context import RequestContext
from ..history.queries import iso
from ..pagination import position_of, query_of, token_of

MAX_LINES: Final = 500
MAX_BYTES: Final = 2**20
"""The approximate maximum size of an export page; its last line may exceed it."""

Moment = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
"""A time in epoch ms, until the end of the year 9999."""
Number = Annotated[int, msgspec.Meta(ge=0, le=999_999_999)]
Record = dict[str, Any]


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """The common part of all line types: the columns of a row without its account and region."""

    table: ClassVar[Table]
    name: str


class Group(_Line, frozen=True, tag="group"):
    """A group, with its version counter."""

    table = GROUPS
    created: Moment
    last_version: Number
    record: Record


class Policy(_Line, frozen=True, tag="policy"):
    """The policy of a group."""

    table = POLICIES
    record: Record


class Package(_Line, frozen=True, tag="package"):
    """A version of a group, or an unversioned package with `version` 0."""

    table = PACKAGES
    version: Number
    created: Moment
    modified: Moment
    record: Record


class Change(_Line, frozen=True, tag="change"):
    """A row of history."""

    table = HISTORY
    seq: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    at: Moment
    actor: str
    principal: str
    request_id: str
    operation: str
    kind: str
    arn: str
    version: Number
    content: str
    previous: str
    hash: str


Line = Group | Policy | Package | Change


class Export(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names to export, by patterns (`*`, `?`); all by default."""

    groups: list[str] | None = None
    next_token: str | None = None


def export(context: RequestContext, asked: Export) -> dict[str, Any]:
    """Return a page of lines in the caller's account and region.

    Raises:
        ConflictException: a name that spans several pages changed between them.
    """
    query = query_of(context, {"groups": asked.groups})
    start = ("", DONE, 0, 0)
    position = position_of(query, asked.next_token, len(start)) if asked.next_token is not None else start
    walk = _Walk(context, asked.groups)
    following = walk.resume(position)
    answer = {
        "account": context.caller.account,
        "region": context.caller.region,
        "at": iso(context.now),
        "lines": walk.lines,
    }
    return answer | ({"next_token": token_of(query, following)} if following is not None else {})


PARTS: Final[tuple[type[_Line], ...]] = (Change, Group, Policy, Package)
"""The line types of a name, in the order of its lines."""

NUMBERS: Final = {HISTORY: "seq", PACKAGES: "version"}
"""The column that distinguishes the rows of a name, in tables with several rows per name."""

DONE: Final = len(PARTS)

Position = tuple[Any, ...]
"""The end of a page: a name, the part of it to continue with, a number in that part, the head of its history."""


class _Walk(msgspec.Struct):
    """The part of the walk through all names that one page makes."""

    context: RequestContext
    patterns: Sequence[str] | None
    lines: list[dict[str, Any]] = msgspec.field(default_factory=list)
    size: int = 0

    def resume(self, position: Position) -> Position | None:
        """Continue from a position; return where the next page begins, or None at the end."""
        name, part, number, head = position
        if part != DONE:
            stopped = self._finish(name, part, number, head)
            if stopped is not None:
                return stopped
        while (following := self._following(name)) is not None:
            if self._is_full():
                return (name, DONE, 0, 0)
            name = following
            if self._is_wanted(name):
                stopped = self._finish(name, 0, -1, self._head(name))
                if stopped is not None:
                    return stopped
        return None

    def _finish(self, name: str, part: int, number: int, head: int) -> Position | None:
        """Add the remaining lines of a name; return where to continue if they do not fit."""
        if self._head(name) != head:
            raise ConflictException(f"{name} was changed during the export: export it again.")
        for place in range(part, DONE):
            kind = PARTS[place]
            after = number if place == part else -1
            for row in self._rows(kind.table, name, after):
                if self._is_full():
                    return (name, place, after, head)
                self._add(kind, row)
                after = row[NUMBERS[kind.table]] if kind.table in NUMBERS else 0
        return None

    def _rows(self, table: Table, name: str, after: int) -> Iterator[Row]:
        where: list[Condition] = [*self.context.account_conditions(), ("name", "=", name)]
        if table not in NUMBERS:
            yield from self.context.rows.find(table, where, limit=1) if after < 0 else ()
            return
        yield from self.context.rows.find_all(table, where, (NUMBERS[table],), after=(after,), at_once=MAX_LINES)

    def _following(self, name: str) -> str | None:
        beyond: list[Condition] = [*self.context.account_conditions(), ("name", ">", name)]
        firsts = (
            self.context.rows.find(table, beyond, ("name", *([NUMBERS[table]] if table in NUMBERS else [])), limit=1)
            for table in (GROUPS, PACKAGES, HISTORY)
        )
        return min((row["name"] for rows in firsts for row in rows), default=None)

    def _head(self, name: str) -> int:
        found = self.context.rows.get(HEADS, self.context.key(name))
        return found["seq"] if found is not None else 0

    def _is_wanted(self, name: str) -> bool:
        return self.patterns is None or any(fnmatchcase(name, pattern) for pattern in self.patterns)

    def _is_full(self) -> bool:
        return len(self.lines) >= MAX_LINES or self.size >= MAX_BYTES

    def _add(self, kind: type[_Line], row: Row) -> None:
        line = {"type": kind.__struct_config__.tag, **{name: row[name] for name in kind.__struct_fields__}}
        self.lines.append(line)
        self.size += len(orjson.dumps(line))

"""Verification of history: finds rows, heads and resources that were changed outside the registry.

For each unchanged resource, this also checks derived data that has no hash: the columns used by lists, the terms used
by Search and, when all history is verified, surplus terms. A group's version counter is compared with its history; if
the group was imported or is older than history, earlier numbers are unknown, and only a counter that is too low is
found. Data that no answer shows is not checked: revisions, events and deliveries, answers stored for client tokens, and
columns of resources older than history.

A call examines a limited number of rows and returns a token for the next call, so that verifying a million changes does
not hold a transaction for minutes. For each name, a call reports only the first fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import orjson

from ...store.rows import GROUPS, HEADS, HISTORY, PACKAGES, TERMS, Condition, Key, Row, Table
from ..context import RequestContext
from ..operations import packages, record_checks
from ..pagination import position_of, query_of, token_of
from ..search import index
from . import queries
from .journal import BEFORE_THE_FIRST, KINDS, hash_of

TABLES_OF_TERMS: Final = {indexed.kind: table for table, indexed in index.INDEXED.items()}

MAX_ROWS: Final = 1000
"""Rows of history, or resources, examined per call."""

TABLES: Final = tuple(KINDS)

CHAINS: Final = -1
"""The stage that walks chains; then come the resources of each table, numbered by position in TABLES."""
SURPLUS: Final = len(TABLES)
"""The last stage, which checks every term; it runs only if their number differs from that of the resources."""

TERM: Final = tuple(column for column in TERMS.key if column not in ("account", "region"))


class Position(msgspec.Struct, frozen=True):
    """The position of a walk: in a chain (`number` is a row, `previous` its hash), among resources or among terms.

    `terms` counts the terms of the resources so far; `last`, `is_known` and `updates` are the fields of `_Numbers`.
    """

    stage: int = CHAINS
    name: str = ""
    number: int = 0
    previous: str = BEFORE_THE_FIRST
    last: int = 0
    is_known: bool = False
    updates: int = 0
    terms: int = 0
    kind: str = ""
    path: str = ""
    value: str = ""
    moment: int = 0


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The history to verify: of a group or an unversioned package by name or ARN, or all."""

    group: str | None = None
    next_token: str | None = None


def verify(context: RequestContext, asked: Query) -> dict[str, Any]:
    """Verify part of the history in the caller's account and region.

    Returns:
        `checked`, the number of rows verified; `chains`, the number of chains; `broken`, the faults with name, version,
        row and reason; `unrecorded`, the number of resources older than history; `next_token`, if there is more.

    Raises:
        ValidationException: there is no history for this name.
    """
    only = queries.named(context, asked.group)[0] if asked.group is not None else None
    query = query_of(context, {"group": asked.group})
    walk = _Walk(context, only)
    start = Position()
    if asked.next_token is not None:
        start = Position(*position_of(query, asked.next_token, len(Position.__struct_fields__)))
    position = walk.resume(start)
    if only is not None and asked.next_token is None and not walk.chains:
        raise queries.no_history(only)
    answer: dict[str, Any] = {
        "checked": walk.checked,
        "chains": walk.chains,
        "unrecorded": walk.unrecorded,
        "broken": walk.broken,
    }
    if position is not None:
        answer["next_token"] = token_of(query, msgspec.structs.astuple(position))
    return answer


class _Numbers(msgspec.Struct):
    """The version numbers of a group since its last creation, according to its chain; `last` is the highest.

    `is_known` is false after an import, because the file sets the counter. `updates` counts changes of the group
    itself; an import that only raises the counter adds a revision but no row.
    """

    last: int = 0
    is_known: bool = False
    updates: int = 0

    def follow(self, row: Row) -> None:
        if queries.begins_a_group(row):
            self.last, self.is_known, self.updates = 0, True, 0
        elif row["kind"] == KINDS[GROUPS]:
            self.updates += 1
        if row["operation"] == queries.IMPORT:
            self.is_known = False
        if row["kind"] == KINDS[PACKAGES]:
            self.last = max(self.last, row["version"])


class _Walk(msgspec.Struct):
    """The part of the walk through all chains and resources that one call makes."""

    context: RequestContext
    only: str | None
    left: int = msgspec.field(default_factory=lambda: MAX_ROWS)
    checked: int = 0
    chains: int = 0
    unrecorded: int = 0
    broken: list[dict[str, Any]] = msgspec.field(default_factory=list)

    def resume(self, at: Position) -> Position | None:
        """Continue from a position; return where the next call begins, or None at the end."""
        if at.stage == CHAINS:
            stopped = self._walk_chains(at)
            if stopped is not None:
                return stopped
            at = Position(CHAINS + 1, number=-1)
        if at.stage < SURPLUS:
            count = at.terms
            for stage in range(at.stage, SURPLUS):
                begin = at if stage == at.stage else Position(stage, number=-1)
                stopped, found = self._walk_resources(begin)
                count += found
                if stopped is not None:
                    return msgspec.structs.replace(stopped, terms=count)
            if (
                self.only is not None
                or self.context.rows.count(TERMS, self.context.account_conditions(), count + 1) == count
            ):
                return None
            at = Position(SURPLUS)
        return self._walk_terms(at)

    def _walk_chains(self, at: Position) -> Position | None:
        """Walk through chains after row `at.number`; 0 means that chain is finished."""
        name, seq, previous, numbers = at.name, at.number, at.previous, _Numbers(at.last, at.is_known, at.updates)
        while self.left > 0:
            if seq == 0:
                following = self._following(name)
                if following is None:
                    return None
                name, previous, numbers = following, BEFORE_THE_FIRST, _Numbers()
                self.chains += 1
            rows = self.context.rows.find(HISTORY, self._of(name), ("seq",), after=(seq,), limit=self.left)
            is_end = len(rows) < self.left
            self.left -= len(rows) or 1
            sound = self._follow(name, rows, seq, previous, numbers)
            if rows:
                seq, previous = rows[-1]["seq"], rows[-1]["hash"]
            if sound and is_end:
                sound = self._check_head(name, seq, previous)
            if sound:
                sound = self._check_resources(name, rows)
            if sound and is_end:
                self._check_numbers(name, seq, numbers)
            if is_end or not sound:
                seq = 0
        return Position(CHAINS, name, seq, previous, *msgspec.structs.astuple(numbers))

    def _following(self, name: str) -> str | None:
        if self.only is not None and name:
            return None
        beyond = (
            self._of(self.only) if self.only is not None else [*self.context.account_conditions(), ("name", ">", name)]
        )
        firsts = [
            *self.context.rows.find(HISTORY, beyond, ("name", "seq"), limit=1),
            *self.context.rows.find(HEADS, beyond, ("name",), limit=1),
        ]
        return min((row["name"] for row in firsts), default=None)

    def _follow(self, name: str, rows: Sequence[Row], seq: int, previous: str, numbers: _Numbers) -> bool:
        for row in rows:
            why = _fault(row, seq, previous)
            if why:
                self._report(name, row, why)
                return False
            self.checked += 1
            numbers.follow(row)
            seq, previous = row["seq"], row["hash"]
        return True

    def _check_resources(self, name: str, rows: Sequence[Row]) -> bool:
        for row in {(row["kind"], row["version"]): row for row in rows}.values():
            last = self._last_of_its_resource(row)
            why = self._fault_of_resource(row) if last == row["seq"] else None
            if last is None:
                why = "missing from a database index"
            if why:
                self._report(name, row, why)
                return False
        return True

    def _check_head(self, name: str, seq: int, previous: str) -> bool:
        head = self.context.rows.get(HEADS, self.context.key(name))
        if head is not None and (head["seq"], head["hash"]) == (seq, previous):
            return True
        why = "the head of the chain does not match its last entry"
        if head is None:
            why = "the head of the chain is missing"
        elif head["seq"] > seq:
            why = f"later entries are missing: the chain had {head['seq']} entries"
        self._report(name, {"seq": seq, "version": 0}, why)
        return False

    def _check_numbers(self, name: str, seq: int, numbers: _Numbers) -> None:
        group = self.context.rows.get(GROUPS, self.context.key(name)) if numbers.last or numbers.is_known else None
        if group is None:
            return
        counter, is_known = group["last_version"], numbers.is_known and group["rev"] == numbers.updates
        if counter < numbers.last or (is_known and counter != numbers.last):
            why = f"the group's next version would be {counter + 1}, but its last version was {numbers.last}"
            self._report(name, {"seq": seq, "version": 0}, why)

    def _last_of_its_resource(self, row: Row) -> int | None:
        same = [*self._of(row["name"]), ("version", "=", row["version"]), ("kind", "=", row["kind"])]
        last = self.context.rows.pick(("seq",), HISTORY, same, ("seq",), descending=True, limit=1)
        return int(last[0][0]) if last else None

    def _fault_of_resource(self, row: Row) -> str | None:
        table = next(table for table, kind in KINDS.items() if kind == row["kind"])
        place = dict(zip(HEADS.key, self.context.key(row["name"]), strict=True)) | {"version": row["version"]}
        stored = self.context.rows.get(table, table.key_of(place))
        after = orjson.loads(row["content"])["after"]
        if stored is None and after is None:
            return None
        if stored is None or after is None or stored["record"] != after:
            return f"the {row['kind']} differs from the state after this change"
        if column := moved(table, stored):
            return f"the {row['kind']}'s column {column}, which lists use, does not match its record"
        if table in index.INDEXED and any(
            self.context.rows.get(TERMS, key) is None for key in index.keys(table, stored)
        ):
            return f"search terms of the {row['kind']} are missing"
        return None

    def _walk_resources(self, at: Position) -> tuple[Position | None, int]:
        """Find resources without a recorded origin; return the stopping position and the number of their terms."""
        table = TABLES[at.stage]
        order = ("name", "version") if table is PACKAGES else ("name",)
        where = self._of(self.only) if self.only is not None else self.context.account_conditions()
        after, count = (at.name, at.number), 0
        while self.left > 0:
            limit = self.left
            rows = self.context.rows.find(table, where, order, after=after[: len(order)], limit=limit)
            self.left -= len(rows) or 1
            for row in rows:
                self._check_origin(table, row["name"], row.get("version", 0))
                count += len(terms_of(table, row))
                after = (row["name"], row.get("version", 0))
            if len(rows) < limit:
                return None, count
        return Position(at.stage, *after), count

    def _walk_terms(self, at: Position) -> Position | None:
        after: Key = (at.kind, at.path, at.value, at.moment, at.name, at.number)
        while self.left > 0:
            limit = self.left
            found = self.context.rows.find(TERMS, self.context.account_conditions(), TERM, after=after, limit=limit)
            self.left -= len(found) or 1
            for term in found:
                if not self._is_expected(term):
                    why = f"unexpected search term: {term['path']} {term['value']}"
                    self._report(term["name"], {"seq": None, "version": term["version"]}, why)
                after = tuple(term[column] for column in TERM)
            if len(found) < limit:
                return None
        kind, path, value, moment, name, version = after
        return Position(SURPLUS, name, version, kind=kind, path=path, value=value, moment=moment)

    def _is_expected(self, term: Row) -> bool:
        table = TABLES_OF_TERMS.get(term["kind"])
        row = self.context.rows.get(table, table.key_of(term)) if table is not None else None
        return table is not None and row is not None and TERMS.key_of(term) in terms_of(table, row)

    def _check_origin(self, table: Table, name: str, version: int) -> None:
        kind = KINDS[table]
        chain = self._of(name)
        if self.context.rows.pick(("seq",), HISTORY, [*chain, ("version", "=", version), ("kind", "=", kind)], limit=1):
            return
        first = self.context.rows.find(HISTORY, chain, ("seq",), limit=1)
        if first and queries.begins_a_group(first[0]) and (table is not PACKAGES or version):
            self._report(name, {"seq": None, "version": version}, f"no recorded change created this {kind}")
        else:
            self.unrecorded += 1

    def _report(self, name: str, row: Row, why: str) -> None:
        """Report the first fault of each name: others may follow from it."""
        if all(one["name"] != name for one in self.broken):
            self.broken.append({"name": name, "version": row["version"] or None, "seq": row["seq"], "why": why})

    def _of(self, name: str) -> list[Condition]:
        return [*self.context.account_conditions(), ("name", "=", name)]


def _fault(row: Row, seq: int, previous: str) -> str | None:
    if row["seq"] != seq + 1:
        missing = f"entry {seq + 1} is" if row["seq"] == seq + 2 else f"entries {seq + 1} to {row['seq'] - 1} are"
        return f"{missing} missing before this entry"
    if hash_of(row) != row["hash"]:
        return "the entry was modified after it was written"
    if row["previous"] != previous:
        return "the previous entry was rewritten"
    return None


def terms_of(table: Table, row: Row) -> set[Key]:
    return set(index.keys(table, row)) if table in index.INDEXED and isinstance(row["record"], dict) else set()


def moved(table: Table, row: Row) -> str | None:
    """Return a column that does not match the key and record of its row, if there is one."""
    followed = ((column, COLUMNS[column](row)) for column in table.others if column in COLUMNS)
    return next((column for column, value in followed if row[column] != value), None)


def _time(column: str) -> Callable[[Row], Any]:
    """Return the expected value, in milliseconds, of a time column; it cannot be checked without the member."""

    def time(row: Row) -> Any:
        members = (row["record"].get(member) for member in record_checks.TIMES[column])
        seconds = next((member for member in members if member is not None), None)
        return round(seconds * 1000) if isinstance(seconds, int | float) else row[column]

    return time


COLUMNS: Final[Mapping[str, Callable[[Row], Any]]] = {
    **{column: _time(column) for column in record_checks.TIMES},
    "type": lambda row: packages.VERSIONED if row["version"] else packages.UNVERSIONED,
    "approval": lambda row: row["record"].get("ModelApprovalStatus", ""),
}
"""Columns derived from the rest of their row, with the functions that derive them."""

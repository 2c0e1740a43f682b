"""Whether history is as it was written: finds every row, head and resource that was changed past the registry.

Of a resource that is as it should be, what is kept beside its record, and has no hash, is held against that: the
columns that lists go by, what Search finds it by, and, when all is verified, whether Search finds more. The number that
a group goes on with is held against those its history gave; of a group that was imported, or is older than history, the
file or nobody knows what was given before, and only a number too low is found. What no answer shows is not looked for:
revisions, events and their deliveries, answers kept for tokens, and columns of what is older than history.

A call looks at a bounded number of rows and answers a token with which the next goes on, so that a registry with a
million changes is verified without holding a transaction for minutes. Of a name that is broken, a call reports where it
is broken first.
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
"""Rows of history, or resources, that one call looks at."""

TABLES: Final = tuple(KINDS)

CHAINS: Final = -1
"""The stage in which chains are walked; those of the resources of each table follow, by their place in TABLES."""
SURPLUS: Final = len(TABLES)
"""The last stage, in which every term is looked at: only when there are not as many as resources have."""

TERM: Final = tuple(column for column in TERMS.key if column not in ("account", "region"))


class Position(msgspec.Struct, frozen=True):
    """The position of a walk: in a chain (`number` is a row, `previous` its hash), among resources, or among terms.

    `terms` counts those of the resources so far; `last`, `is_known` and `updates` are those of `_Numbers`.
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
    """What to verify: the history of a group or an unversioned package, by name or ARN, or all."""

    group: str | None = None
    next_token: str | None = None


def verify(context: RequestContext, asked: Query) -> dict[str, Any]:
    """Verify history in the caller's account and region, some of it at a time.

    Returns:
        `checked` rows of `chains`; those `broken`: name, version, row and why; how many resources are `unrecorded`,
        being older than history; `next_token`, if there is more.

    Raises:
        ValidationException: there is no history of that name.
    """
    only = queries.named(context, asked.group)[0] if asked.group is not None else None
    query = query_of(context, {"group": asked.group})
    walk = _Walk(context, only)
    start = Position()
    if asked.next_token is not None:
        start = Position(*position_of(query, asked.next_token, len(Position.__struct_fields__)))
    position = walk.go_on(start)
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
    """What a chain says of the numbers of a group, since it was last made; `last` is the highest that a version got.

    `is_known` is false after an import: a file has a number of its own. `updates` counts changes of the group itself;
    an import that does no more than raise its number leaves no row, but a revision.
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
    """One call's part of the way through all chains and resources."""

    context: RequestContext
    only: str | None
    left: int = msgspec.field(default_factory=lambda: MAX_ROWS)
    checked: int = 0
    chains: int = 0
    unrecorded: int = 0
    broken: list[dict[str, Any]] = msgspec.field(default_factory=list)

    def go_on(self, at: Position) -> Position | None:
        """Walk on from a position; return where the next call begins, or None at the end."""
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
        """Walk through chains from the row after `at.number`; 0 is the end of that chain."""
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
                why = "an index of the database does not know it"
            if why:
                self._report(name, row, why)
                return False
        return True

    def _check_head(self, name: str, seq: int, previous: str) -> bool:
        head = self.context.rows.get(HEADS, self.context.key(name))
        if head is not None and (head["seq"], head["hash"]) == (seq, previous):
            return True
        why = "the head of the chain names another row as its last"
        if head is None:
            why = "the chain has no head, which says what its last row is"
        elif head["seq"] > seq:
            why = f"the rows after it are missing: there were {head['seq']}"
        self._report(name, {"seq": seq, "version": 0}, why)
        return False

    def _check_numbers(self, name: str, seq: int, numbers: _Numbers) -> None:
        group = self.context.rows.get(GROUPS, self.context.key(name)) if numbers.last or numbers.is_known else None
        if group is None:
            return
        counter, is_known = group["last_version"], numbers.is_known and group["rev"] == numbers.updates
        if counter < numbers.last or (is_known and counter != numbers.last):
            why = (
                f"the group would give {counter + 1} to its next version, and the last number it gave is {numbers.last}"
            )
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
            return f"the {row['kind']} is not as this change left it"
        if column := moved(table, stored):
            return f"the {row['kind']} is as this change left it, but its column {column}, which lists go by, is not"
        if table in index.INDEXED and any(
            self.context.rows.get(TERMS, key) is None for key in index.keys(table, stored)
        ):
            return f"Search does not find the {row['kind']} by all there is in it"
        return None

    def _walk_resources(self, at: Position) -> tuple[Position | None, int]:
        """Look for resources that no change has made; return where it stopped, and how many terms those seen have."""
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
                if not self._is_somebodys(term):
                    why = f"Search finds it by what it has not: {term['path']} {term['value']}"
                    self._report(term["name"], {"seq": None, "version": term["version"]}, why)
                after = tuple(term[column] for column in TERM)
            if len(found) < limit:
                return None
        kind, path, value, moment, name, version = after
        return Position(SURPLUS, name, version, kind=kind, path=path, value=value, moment=moment)

    def _is_somebodys(self, term: Row) -> bool:
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
            self._report(name, {"seq": None, "version": version}, f"no change has made this {kind}")
        else:
            self.unrecorded += 1

    def _report(self, name: str, row: Row, why: str) -> None:
        """Note what is broken, once for each name: the rest may follow from it."""
        if all(one["name"] != name for one in self.broken):
            self.broken.append({"name": name, "version": row["version"] or None, "seq": row["seq"], "why": why})

    def _of(self, name: str) -> list[Condition]:
        return [*self.context.account_conditions(), ("name", "=", name)]


def _fault(row: Row, seq: int, previous: str) -> str | None:
    if row["seq"] != seq + 1:
        missing = f"row {seq + 1} is" if row["seq"] == seq + 2 else f"rows {seq + 1} to {row['seq'] - 1} are"
        return f"{missing} missing before it"
    if hash_of(row) != row["hash"]:
        return "it was changed after it was written"
    if row["previous"] != previous:
        return "it does not follow the row before it, which was written anew"
    return None


def terms_of(table: Table, row: Row) -> set[Key]:
    return set(index.keys(table, row)) if table in index.INDEXED and isinstance(row["record"], dict) else set()


def moved(table: Table, row: Row) -> str | None:
    """Return a column that is not what follows from the key and the record of its row."""
    followed = ((column, COLUMNS[column](row)) for column in table.others if column in COLUMNS)
    return next((column for column, value in followed if row[column] != value), None)


def _time(column: str) -> Callable[[Row], Any]:
    """Return what tells a column that holds a time, in milliseconds; of a record without one, nothing is known."""

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
"""Columns that follow from the rest of their row, and how."""

"""Query plans for Search: index lookups that yield a superset of the matching rows.

A plan excludes only rows that cannot match; the caller checks each row against the whole query. The planner considers
conditions that must all be met and, among those an index can answer, takes the one with the fewest rows. If all have
many rows, it reads an index in the order of the answer and stops when the answer is complete.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import orjson

from ...service.model import Shape
from ...store.rows import GROUPS, PACKAGES, TERMS, Condition, Key, Row, Table
from ..context import RequestContext
from ..operations import validation
from . import index
from .expressions import TEXT, TIMESTAMP, property_of

FEW: Final = 500
"""Up to this many rows are read and sorted, rather than read in order."""
MAX_TAGGED_GROUPS: Final = 100
"""The maximum number of tagged groups whose versions are looked up group by group."""

MAX_DIGITS: Final = 18
"""Digits of an integer that a store can compare."""

Expression = Mapping[str, Any]

_NOT_AS_STORED: Final = ("ModelPackageName", *validation.MEMBERS, index.TAGS)
"""Members that Search shows with other values than stored."""

_NAMES: Final = {
    GROUPS: ("ModelPackageGroupName", "ModelPackageGroupArn"),
    PACKAGES: ("ModelPackageName", "ModelPackageArn"),
}
_TIMES: Final = {
    GROUPS: {"CreationTime": "created"},
    PACKAGES: {"CreationTime": "created", "LastModifiedTime": "modified"},
}
"""Members stored as indexed columns, in milliseconds."""


class Lookup(msgspec.Struct, frozen=True):
    """Conditions whose rows, in the searched table or the text index, an index can find."""

    table: Table
    where: tuple[Condition, ...]

    def is_sorted_by(self, table: Table, column: str) -> bool:
        """Return whether an index yields the rows sorted by a column of the searched table."""
        if self.table is TERMS:
            return self.is_of_a_text and column == index.INDEXED[table].moment
        return self.where[-1][0] == column

    @property
    def is_of_a_text(self) -> bool:
        return self.table is TERMS and self.where[-1][0] == "value"


Lookups = tuple[Lookup, ...]
"""The union of several lookups."""


class Plan(msgspec.Struct):
    """A query plan: each of `choices` contains all matching rows.

    If known, the intersection of the lookups in `exact` is exactly the matching rows. All matching rows meet `texts`,
    conditions on stored records.
    """

    choices: list[Lookups] = msgspec.field(default_factory=list)
    exact: Lookups | None = None
    texts: list[Condition] = msgspec.field(default_factory=list)


def plan(context: RequestContext, table: Table, shape: Shape, expression: Expression | None, *, whole: bool) -> Plan:
    """Return the plan for a validated expression; `whole` states whether the expression is the entire query."""
    if expression is None:
        return Plan(exact=(Lookup(table, tuple(context.account_conditions())),) if whole else None)
    made = _Planner(context, table, shape).of_expression(expression)
    if not whole:
        made.exact = None
    return made


def count(context: RequestContext, lookups: Lookups, limit: int) -> int:
    found = 0
    for lookup in lookups:
        if found < limit:
            found += context.rows.count(lookup.table, lookup.where, limit - found)
    return found


def count_common(context: RequestContext, lookups: Lookups, limit: int) -> int:
    """Count the rows that are in all lookups, up to a limit."""
    if len(lookups) == 1:
        return count(context, lookups, limit)
    return context.rows.count_common(TERMS, [lookup.where for lookup in lookups], limit)


def rows(context: RequestContext, table: Table, lookups: Lookups, at_once: int) -> Iterator[Row]:
    """Yield each row of a table that the lookups find, without duplicates."""
    seen: set[Key] = set()
    for lookup in lookups:
        found = context.rows.find_all(lookup.table, lookup.where, _order(lookup), at_once=at_once)
        for row in _of_table(context, table, found, lookup):
            if len(lookups) > 1:  # a single lookup has no duplicates and may yield a million rows
                key = table.key_of(row)
                if key in seen:
                    continue
                seen.add(key)
            yield row


def _order(lookup: Lookup) -> tuple[str, ...]:
    """Return the sort order of the index that finds the rows; the column of a range comes first."""
    given = {column for column, how, _ in lookup.where if how == "="}
    ranges = [column for column, how, _ in lookup.where if how in ("<", ">")]
    return tuple(column for column in dict.fromkeys((*ranges, *lookup.table.key)) if column not in given)


def in_order(
    context: RequestContext,
    table: Table,
    lookup: Lookup,
    column: str,
    *,
    descending: bool,
    after: Key | None,
    at_first: int,
    most: int,
) -> Iterator[Row]:
    """Yield the rows of a lookup by a column, then by key, in batches that grow from `at_first` to `most` rows.

    The text index is sorted by its `moment`. `after` has the column's value and the key of the last row already read.
    """
    numbers = ("name", "version") if "version" in table.columns else ("name",)
    order = ("moment" if lookup.table is TERMS else column, *numbers)
    position = (after[0], *after[-len(numbers) :]) if after is not None else None
    limit = at_first
    while True:
        found = context.rows.find(lookup.table, lookup.where, order, descending=descending, after=position, limit=limit)
        yield from _of_table(context, table, found, lookup)
        if len(found) < limit:
            return
        position = tuple(found[-1][name] for name in order)
        limit = min(limit * 2, most)


def _of_table(context: RequestContext, table: Table, found: Iterable[Row], lookup: Lookup) -> Iterator[Row]:
    if lookup.table is table:
        yield from found
        return
    for term in found:
        row = context.rows.get(table, table.key_of(term))
        if row is not None:
            yield row


class _Planner:
    def __init__(self, context: RequestContext, table: Table, shape: Shape) -> None:
        self._call = context
        self._table = table
        self._shape = shape
        self._kind = index.INDEXED[table].kind

    def of_expression(self, expression: Expression) -> Plan:
        parts = [self._of_filter(asked) for asked in expression.get("Filters", ())]
        parts += [self._of_nested(asked) for asked in expression.get("NestedFilters", ())]
        parts += [self.of_expression(asked) for asked in expression.get("SubExpressions", ())]
        if len(parts) == 1:
            return parts[0]
        return self._all(parts) if expression.get("Operator", "And") == "And" else self._any(parts)

    def _all(self, parts: Iterable[Plan]) -> Plan:
        """Return the plan for a conjunction; bounds on the same time become one range."""
        parts = list(parts)
        exact = tuple(lookup for part in parts for lookup in part.exact or ())
        is_exact = all(part.exact for part in parts) and all(lookup.is_of_a_text for lookup in exact)
        made = Plan(exact=exact if is_exact else None)
        ranges: dict[str, list[Condition]] = {}
        for part in parts:
            made.texts += part.texts
            for choice in part.choices:
                column = choice[0].where[-1][0] if len(choice) == 1 and choice[0].table is self._table else ""
                if column in _TIMES[self._table].values():
                    ranges.setdefault(column, []).extend(choice[0].where[len(self._call.account_conditions()) :])
                else:
                    made.choices.append(choice)
        made.choices += [
            (Lookup(self._table, (*self._call.account_conditions(), *bounds)),) for bounds in ranges.values()
        ]
        return made

    def _any(self, parts: Sequence[Plan]) -> Plan:
        """Return the plan for a disjunction, which exists only if every part has a plan."""
        if not all(part.choices for part in parts):
            return Plan()
        return Plan([tuple(lookup for part in parts for lookup in part.choices[0])])

    def _of_nested(self, asked: Mapping[str, Any]) -> Plan:
        """Return the plan for a nested filter: its filters apply to the whole list, by full name; tags have no plan."""
        within = f"{asked['NestedPropertyName']}."
        if within == f"{index.TAGS}.":
            return Plan()
        names = [within + one["Name"].removeprefix(within) for one in asked["Filters"]]
        return self._all(
            self._of_filter({**one, "Name": name}) for one, name in zip(asked["Filters"], names, strict=True)
        )

    def _of_filter(self, asked: Mapping[str, Any]) -> Plan:
        name, operator, value = asked["Name"], asked.get("Operator", "Equals"), asked.get("Value", "")
        if "\0" in name + value:  # PostgreSQL cannot store or compare such text
            return Plan()
        made = _BY_OPERATOR[operator](self, name, value) if operator in _BY_OPERATOR else Plan()
        is_stored = name.partition(".")[0] not in _NOT_AS_STORED
        if operator in ("Equals", "Contains") and is_stored and property_of(self._shape, name).kind is TEXT:
            made.texts.append(("record", "contains", orjson.dumps(value).decode()[1:-1]))
        return made

    def _equal(self, name: str, value: str) -> Plan:
        place = self._call.account_conditions()
        if name in _NAMES[self._table]:
            return Plan([(Lookup(self._table, (*place, *_named(self._table, value))),)])
        if name in _TIMES[self._table]:
            return self._between(name, value, value)
        return self._texts(name, [value])

    def _among(self, name: str, value: str) -> Plan:
        made = self._texts(name, list(dict.fromkeys(value.split(","))))
        made.exact = None
        return made

    def _texts(self, name: str, values: Sequence[str]) -> Plan:
        if not index.is_kept(self._table, name):
            return Plan()
        of_path = [*self._call.account_conditions(), ("kind", "=", self._kind), ("path", "=", name)]
        lookups = [Lookup(TERMS, (*of_path, ("value", "=", value[: index.MAX_VALUE]))) for value in values]
        if name.partition(".")[0] == index.TAGS and self._table is PACKAGES:
            groups = self._of_tagged_groups(name, values)
            return Plan([(*lookups, *groups)] if groups is not None else [])
        is_exact = len(lookups) == 1 and len(values[0]) < index.MAX_VALUE
        return Plan([tuple(lookups)], exact=(lookups[0],) if is_exact else None)

    def _of_tagged_groups(self, name: str, values: Sequence[str]) -> list[Lookup] | None:
        """Return lookups for versions of groups with a tag, because versions inherit it; None if there are too many."""
        kind = index.INDEXED[GROUPS].kind
        found: list[Row] = []
        for value in values:
            where: list[Condition] = [*self._call.account_conditions(), ("kind", "=", kind), ("path", "=", name)]
            where.append(("value", "=", value[: index.MAX_VALUE]))
            found += self._call.rows.find(TERMS, where, limit=MAX_TAGGED_GROUPS + 1)
        if len(found) > MAX_TAGGED_GROUPS:
            return None
        place = self._call.account_conditions()
        return [Lookup(PACKAGES, (*place, ("name", "=", row["name"]), ("version", ">", 0))) for row in found]

    def _there(self, name: str, _: str) -> Plan:
        if not index.is_kept(self._table, name) or (name.startswith(index.TAGS) and self._table is PACKAGES):
            return Plan()
        lookup = Lookup(TERMS, (*self._call.account_conditions(), ("kind", "=", self._kind), ("path", "=", name)))
        return Plan([(lookup,)], exact=(lookup,))

    def _after(self, name: str, value: str) -> Plan:
        return self._between(name, value, None)

    def _before(self, name: str, value: str) -> Plan:
        return self._between(name, None, value)

    def _between(self, name: str, low: str | None, high: str | None) -> Plan:
        """Return a lookup for a time range, widened by up to 2 ms; the filter itself is exact."""
        column = _TIMES[self._table].get(name)
        if column is None:
            return Plan()
        bounds: list[Condition] = []
        if low is not None:
            bounds.append((column, ">", math.floor(TIMESTAMP.read(low) * 1000) - 2))
        if high is not None:
            bounds.append((column, "<", math.ceil(TIMESTAMP.read(high) * 1000) + 2))
        return Plan([(Lookup(self._table, (*self._call.account_conditions(), *bounds)),)])


_BY_OPERATOR: Final[Mapping[str, Callable[[_Planner, str, str], Plan]]] = {
    # The other operators are not indexed: they exclude few rows.
    "Equals": _Planner._equal,
    "In": _Planner._among,
    "Exists": _Planner._there,
    "GreaterThan": _Planner._after,
    "GreaterThanOrEqualTo": _Planner._after,
    "LessThan": _Planner._before,
    "LessThanOrEqualTo": _Planner._before,
}


def _named(table: Table, text: str) -> list[Condition]:
    """Return the key for a name, `Group/N` or ARN; for invalid text, a key that no row has."""
    _, slash, behind = text.partition("/") if text.startswith("arn:") else ("", "/", text)
    name, _, number = behind.partition("/") if slash else ("", "", "")
    if table is GROUPS:
        return [("name", "=", name)]
    is_number = number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS
    return [("name", "=", name), ("version", "=", int(number) if is_number else 0)]

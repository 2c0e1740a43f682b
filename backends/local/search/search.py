"""Search and GetSearchSuggestions for groups and packages; other AWS services handle other resources.

A plan finds candidate rows (see `planner`), which are projected as AWS shows them and matched one by one; only the
results of one page are kept in memory. If an index has the order of the answer, rows after the page are read only to
count them. If the order is a column and an index determines the matches, only the page is read. Our choices where AWS's
behavior is unknown: a page has 100 results without MaxResults; hits are counted up to 10,000, once for all pages;
records without the sort property come last; ties are sorted by ARN in the same direction, with numeric versions; text
is sorted by its first 512 characters, lists by their first element; there are up to 50 suggestions, and those for
packages include tags of groups without versions.
"""

from __future__ import annotations

import heapq
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec

from ... import arns
from ...arns import Arn
from ...errors import ValidationException
from ...service import model
from ...service.model import Shape
from ...store.rows import GROUPS, PACKAGES, TERMS, Condition, Key, Row, Table
from .. import permissions
from ..context import Answer, RequestContext
from ..operations import validation
from ..pagination import DEFAULT_PAGE, not_this_list, position_of, query_of, token_of
from . import index, planner
from . import sorting as search_sorting
from .expressions import STRUCTURE, Predicate, matching, property_of, visible
from .planner import Lookup
from .sorting import Sorting

ROWS_AT_ONCE = 500
MAX_HITS_COUNTED = 10_000
MAX_SUGGESTIONS = 50
SORTED_CHARACTERS = 512

DEFAULT_SORT = "LastModifiedTime"

Record = dict[str, Any]
See = Callable[[Row], Record]


class Resource(msgspec.Struct, frozen=True):
    """A searchable resource: a table, and `see`, which converts its rows to what AWS shows.

    Results can be sorted by `columns`, members with an index, and by `sortings`, members stored as columns without one.
    For rows of another account, its policy must allow `describe`. `of_group` selects the rows of a shared group, and
    `arn` returns the ARN of a row in a group.
    """

    table: Table
    columns: Mapping[str, str]
    sortings: Mapping[str, Sorting]
    see: Callable[[RequestContext], See]
    describe: str
    of_group: tuple[Condition, ...]
    arn: Callable[[Arn, Row], Arn]


def _see_packages(context: RequestContext) -> See:
    """Return a function that names a version `Group/N` and adds the tags of its group (both documented)."""

    @lru_cache(maxsize=1000)
    def tags(*group: str) -> Record:
        row = context.rows.get(GROUPS, group)
        return {"Tags": row["record"]["Tags"]} if row is not None and "Tags" in row["record"] else {}

    def see(row: Row) -> Record:
        record = validation.as_of(row["record"], context.now)
        if not row["version"]:
            return record
        group = tags(row["account"], row["region"], row["name"])
        return {**record, **group, "ModelPackageName": f"{row['name']}/{row['version']}"}

    return see


RESOURCES = {
    "ModelPackage": Resource(
        table=PACKAGES,
        columns={DEFAULT_SORT: "modified", "CreationTime": "created"},
        sortings={
            "ModelPackageVersion": Sorting("version", (("version", ">", 0),), (("version", "=", 0),)),
            "ModelPackageGroupName": Sorting("name", (("version", ">", 0),), (("version", "=", 0),)),
            "ModelApprovalStatus": Sorting("approval", (("approval", ">", ""),), (("approval", "=", ""),)),
        },
        see=_see_packages,
        describe="DescribeModelPackage",
        of_group=(("version", ">", 0),),
        arn=lambda group, row: arns.version_of(group, row["version"]),
    ),
    "ModelPackageGroup": Resource(
        table=GROUPS,
        columns={DEFAULT_SORT: "created", "CreationTime": "created"},
        sortings={"ModelPackageGroupName": Sorting("name")},
        see=lambda _: lambda row: row["record"],
        describe="DescribeModelPackageGroup",
        of_group=(),
        arn=lambda group, row: group,
    ),
}


class Direction(msgspec.Struct, frozen=True):
    """A SortOrder: selection of the first results, and whether a position is beyond another."""

    first: Callable[..., list[tuple[Key, Record]]]
    beyond: Callable[[Key, Key], bool]
    absent_is_more: bool


DIRECTIONS = {
    "Ascending": Direction(heapq.nsmallest, operator.gt, absent_is_more=True),
    "Descending": Direction(heapq.nlargest, operator.lt, absent_is_more=False),
}


def search(context: RequestContext, params: Mapping[str, Any]) -> Record:
    """Return a page of matching groups or packages, and the total number of matches.

    Raises:
        ValidationException: an unknown property, an invalid expression, or a token of another search.
    """
    resource, shape, query = RESOURCES[params["Resource"]], _shape(params), query_of(context, params)
    direction = DIRECTIONS[params.get("SortOrder", "Descending")]
    sort = params.get("SortBy", DEFAULT_SORT)
    wanted = _wanted(shape, params)
    position = _position(resource, shape, sort, direction)
    limit = params.get("MaxResults", DEFAULT_PAGE)
    after, total = _begin(resource, query, params)
    hits = 0

    def matching(found: Iterator[Row]) -> Iterator[tuple[Key, Record]]:
        nonlocal hits
        see = resource.see(context)
        for row in found:
            record = see(row)
            if wanted(record):
                hits += 1
                place = position(row, record)
                if after is None or direction.beyond(place, after):
                    yield place, record

    try:
        if params.get("CrossAccountFilterOption", "SameAccount") == "CrossAccount":
            page = direction.first(limit + 1, matching(_shared(context, resource)), key=operator.itemgetter(0))
        else:
            look = _look(context, resource, shape, params, total)
            begin = after if look.total is not None else None
            found = matching(look.rows(begin, limit + 1))
            if look.column is None:
                page = direction.first(limit + 1, found, key=operator.itemgetter(0))
            else:
                page = list(islice(found, limit + 1))
                if look.total is None:
                    while hits <= MAX_HITS_COUNTED and next(found, None) is not None:
                        pass
            total = look.total
    except TypeError:  # a forged token whose values do not have the types of this sort order
        if after is None:
            raise
        raise not_this_list() from None
    counted = hits if total is None else total
    relation = "GreaterThanOrEqualTo" if counted > MAX_HITS_COUNTED else "EqualTo"
    answer: Record = {
        "Results": [{params["Resource"]: record} for _, record in page[:limit]],
        "TotalHits": {"Value": min(counted, MAX_HITS_COUNTED), "Relation": relation},
    }
    if len(page) > limit:
        answer["NextToken"] = token_of(query, (*page[limit - 1][0], counted))
    return answer


def _begin(resource: Resource, query: bytes, params: Mapping[str, Any]) -> tuple[Key | None, int | None]:
    """Return the position after which a page begins, and the number of hits counted on the first page."""
    if "NextToken" not in params:
        return None, None
    *after, total = position_of(query, params["NextToken"], len(resource.table.key) + 3)
    if not isinstance(total, int):
        raise not_this_list()
    return tuple(after), total


class _Look(msgspec.Struct, frozen=True):
    """The candidate rows of a search: `rows` takes a position and the number of rows needed.

    If `column` is set, the rows are sorted by it like the answer; `total` is the number of matches, if already known.
    """

    rows: Callable[[Key | None, int], Iterator[Row]]
    column: str | None = None
    total: int | None = None


def _look(
    context: RequestContext, resource: Resource, shape: Shape, params: Mapping[str, Any], total: int | None
) -> _Look:
    """Choose between rows that an index finds, rows in the order of the answer, and all rows."""
    table, most = resource.table, MAX_HITS_COUNTED + 1
    whole = not params.get("VisibilityConditions")
    made = planner.plan(context, table, shape, params.get("SearchExpression"), whole=whole)
    column = resource.columns.get(params.get("SortBy", DEFAULT_SORT))
    every = Lookup(table, (*context.account_conditions(), *made.texts))
    exact = made.exact or ()
    descending = params.get("SortOrder", "Descending") == "Descending"
    sorting = resource.sortings.get(params.get("SortBy", DEFAULT_SORT))
    if sorting is not None and len(exact) == 1 and sorting.column in exact[0].table.columns:
        counted = planner.count(context, exact, most) if total is None else total

        def sorted_rows(after: Key | None, few: int) -> Iterator[Row]:
            return search_sorting.rows(context, table, exact[0], sorting, descending=descending, after=after, most=few)

        return _Look(sorted_rows, sorting.column, counted)
    if column is not None and len(exact) == 1 and exact[0].is_sorted_by(table, column):
        (lookup,) = exact  # the best choice
    else:
        choices = [(planner.count(context, choice, most), choice) for choice in made.choices]
        size, best = min(choices, key=operator.itemgetter(0), default=(most, (every,)))
        if column is None:
            return _Look(lambda *_: planner.rows(context, table, best, ROWS_AT_ONCE))
        in_order = [
            (number, choice[0])
            for number, choice in choices
            if len(choice) == 1 and choice[0].is_sorted_by(table, column)
        ]
        sorted_size, lookup = min(in_order, key=operator.itemgetter(0), default=(most, every))
        if size <= planner.FEW or (size < most and size < sorted_size):
            return _Look(lambda *_: planner.rows(context, table, best, ROWS_AT_ONCE))
    if exact and total is None:
        total = planner.count_common(context, exact, most)

    def rows(after: Key | None, few: int) -> Iterator[Row]:
        behind = _behind(after) if after is not None else None
        return planner.in_order(
            context, table, lookup, column, descending=descending, after=behind, at_first=few, most=ROWS_AT_ONCE
        )

    return _Look(rows, column, total)


def _behind(position: Key) -> Key:
    """Return the column's value and the key of a position, without its first element: all rows have the property."""
    behind = position[1:]
    if not all(isinstance(value, kind) for value, kind in zip(behind, (int, str, str, str, int), strict=False)):
        raise not_this_list()
    return behind


def suggestions(context: RequestContext, params: Mapping[str, Any]) -> Record:
    """Return property names that begin with the hint; of AWS's suggestions, groups and packages have only tags."""
    hint = params.get("SuggestionQuery", {}).get("PropertyNameQuery", {}).get("PropertyNameHint", "")
    tables = (
        {PACKAGES, GROUPS} if params["Resource"] == "ModelPackage" else {GROUPS}
    )  # versions have the tags of their group
    names = {name for table in tables for name in _suggested(context, index.INDEXED[table].kind, hint)}
    return {"PropertyNameSuggestions": [{"PropertyName": name} for name in sorted(names)[:MAX_SUGGESTIONS]]}


def _suggested(context: RequestContext, kind: str, hint: str) -> Iterator[str]:
    """Yield tag names that begin with a hint, in order; each lookup starts after the previous name."""
    every = f"{index.TAGS}."
    if not hint.startswith(every) and not every.startswith(hint):
        return
    begin = hint if hint.startswith(every) else every
    place: list[Condition] = [*context.account_conditions(), ("kind", "=", kind)]
    found = context.rows.find(TERMS, [*place, ("path", "=", begin)], limit=1)
    for _ in range(MAX_SUGGESTIONS):
        found = found or context.rows.find(TERMS, [*place, ("path", ">", begin)], ("path",), limit=1)
        if not found or not found[0]["path"].startswith(max(hint, every, key=len)):
            return
        begin = found[0]["path"]
        found = []
        yield begin


def _shape(params: Mapping[str, Any]) -> Shape:
    return model.members(model.named("SearchRecord"))[params["Resource"]]


def _wanted(shape: Shape, params: Mapping[str, Any]) -> Predicate:
    shown = visible(shape, params.get("VisibilityConditions", ()))
    matches = matching(shape, params["SearchExpression"]) if "SearchExpression" in params else shown
    return lambda record: matches(record) and shown(record)


def _position(resource: Resource, shape: Shape, name: str, direction: Direction) -> Callable[[Row, Record], Key]:
    """Return the sort key of a record: whether it has the property, then the value, then the key."""
    values = _values(resource, shape, name)

    def position(row: Row, record: Record) -> Key:
        value = next(iter(values(row, record)), None)
        absent = value is None
        short = value[:SORTED_CHARACTERS] if isinstance(value, str) else value  # a token has 8,192 characters at most
        return (
            absent == direction.absent_is_more,
            0 if absent else short,
            *(row[column] for column in resource.table.key),
        )

    return position


def _values(resource: Resource, shape: Shape, name: str) -> Callable[[Row, Record], Iterable[Any]]:
    if name in resource.columns:
        column = resource.columns[name]
        return lambda row, record: (row[column],)
    if name in resource.sortings:
        in_row = resource.sortings[name].values
        return lambda row, record: in_row(row)
    sorted_by = property_of(shape, name)
    if sorted_by.kind is STRUCTURE:
        raise ValidationException(f"SortBy {name} is {STRUCTURE.noun}; expected a property with scalar values.")
    return lambda row, record: sorted_by.values(record)


def _shared(context: RequestContext, resource: Resource) -> Iterator[Row]:
    """Yield the rows that other accounts' policies let the caller discover and describe."""
    for group in permissions.discoverable(context.rows, context.caller):
        lookup = Lookup(resource.table, (*GROUPS.keyed(group.group_key), *resource.of_group))
        for row in planner.rows(context, resource.table, (lookup,), ROWS_AT_ONCE):
            if permissions.allows(context.rows, context.caller, resource.describe, resource.arn(group, row)):
                yield row


ANSWERS = {
    "Search": Answer(search),
    "GetSearchSuggestions": Answer(suggestions),
}

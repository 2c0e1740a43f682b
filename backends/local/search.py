"""Search and GetSearchSuggestions over groups and packages; everything else that can be searched is the neighbours'.

Rows are read in pages, seen as AWS shows them and matched one by one; of those that match, no more than an answer
holds are kept. Where AWS is silent, our choices: a page has 100 results without MaxResults; hits are counted to 10,000;
a record without the property it is sorted by comes last; what is equal is sorted by ARN, versions as numbers, in the
same direction; text is sorted by its first 512 characters, lists by their first element; 50 suggestions are made.
"""

from __future__ import annotations

import heapq
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .. import model
from ..errors import ValidationException
from ..model import Shape
from . import arns, permissions, validation
from .arns import Arn
from .call import Call
from .paging import DEFAULT_PAGE, not_this_list, position_of, query_of, token_of
from .rows import GROUPS, PACKAGES, Condition, Key, Row, Table
from .search_expressions import STRUCTURE, Predicate, matching, property_of, visible

ROWS_AT_ONCE = 500
MOST_HITS_COUNTED = 10_000
MOST_SUGGESTIONS = 50
SORTED_CHARACTERS = 512

DEFAULT_SORT = "LastModifiedTime"

Record = dict[str, Any]
See = Callable[[Row], Record]


@dataclass(frozen=True, slots=True)
class Resource:
    """What is searched.

    Args:
        table: where it is kept.
        touched: the column that sorts by LastModifiedTime: records never modified have no such member.
        see: returns the function that makes a row what AWS shows of it.
        describe: the operation that another account's policy must allow for a row to be found.
        of_group: which rows of the table belong to a group that is shared.
        arn: the ARN of a row of a group.
    """

    table: Table
    touched: str
    see: Callable[[Call], See]
    describe: str
    of_group: tuple[Condition, ...]
    arn: Callable[[Arn, Row], Arn]


def _see_groups(call: Call) -> See:
    return lambda row: row["record"]


def _see_packages(call: Call) -> See:
    """A version is named `Group/N`, and has the tags of its group (both documented)."""

    @lru_cache(maxsize=1)  # the versions of a group follow each other
    def tags(*group: str) -> Record:
        row = call.rows.get(GROUPS, group)
        return {"Tags": row["record"]["Tags"]} if row is not None and "Tags" in row["record"] else {}

    def see(row: Row) -> Record:
        record = validation.seen(row["record"], call.now)
        if not row["version"]:
            return record
        group = tags(row["account"], row["region"], row["name"])
        return {**record, **group, "ModelPackageName": f"{row['name']}/{row['version']}"}

    return see


RESOURCES = {
    "ModelPackage": Resource(
        table=PACKAGES,
        touched="modified",
        see=_see_packages,
        describe="DescribeModelPackage",
        of_group=(("version", ">", 0),),
        arn=lambda group, row: arns.version_of(group, row["version"]),
    ),
    "ModelPackageGroup": Resource(
        table=GROUPS,
        touched="created",
        see=_see_groups,
        describe="DescribeModelPackageGroup",
        of_group=(),
        arn=lambda group, row: group,
    ),
}


@dataclass(frozen=True, slots=True)
class Direction:
    """A SortOrder: how the first of many are taken, and when a position is beyond another."""

    first: Callable[..., list[tuple[Key, Record]]]
    beyond: Callable[[Key, Key], bool]
    absent_is_more: bool


DIRECTIONS = {
    "Ascending": Direction(heapq.nsmallest, operator.gt, absent_is_more=True),
    "Descending": Direction(heapq.nlargest, operator.lt, absent_is_more=False),
}


def search(call: Call, params: Mapping[str, Any]) -> Record:
    """Return a page of the groups or packages that match, and how many there are in all.

    Raises:
        ValidationException: an unknown property, an expression that makes no sense, or a token of another search.
    """
    resource, shape, query = RESOURCES[params["Resource"]], _shape(params), query_of(call, params)
    direction = DIRECTIONS[params.get("SortOrder", "Descending")]
    wanted = _wanted(shape, params)
    position = _position(resource, shape, params.get("SortBy", DEFAULT_SORT), direction)
    width = len(resource.table.key) + 2
    after = position_of(query, params["NextToken"], width) if "NextToken" in params else None
    hits = 0

    def rest() -> Iterator[tuple[Key, Record]]:
        nonlocal hits
        for row, record in _found(call, resource, SOURCES[params.get("CrossAccountFilterOption", "SameAccount")]):
            if wanted(record):
                hits += 1
                place = position(row, record)
                if after is None or direction.beyond(place, after):
                    yield place, record

    limit = params.get("MaxResults", DEFAULT_PAGE)
    try:
        page = direction.first(limit + 1, rest(), key=operator.itemgetter(0))
    except TypeError:  # a token made by hand, whose values are not of the kinds this search sorts by
        if after is None:
            raise
        raise not_this_list() from None
    answer: Record = {
        "Results": [{params["Resource"]: record} for _, record in page[:limit]],
        "TotalHits": _total(hits),
    }
    if len(page) > limit:
        answer["NextToken"] = token_of(query, page[limit - 1][0])
    return answer


def suggestions(call: Call, params: Mapping[str, Any]) -> Record:
    """Return the names that begin with the hint: of what AWS suggests, groups and packages have tags only."""
    hint = params.get("SuggestionQuery", {}).get("PropertyNameQuery", {}).get("PropertyNameHint", "")
    names = {
        name
        for _, record in _found(call, RESOURCES[params["Resource"]], _own)
        for tag in record.get("Tags", ())
        if (name := f"Tags.{tag['Key']}").startswith(hint)
    }
    return {"PropertyNameSuggestions": [{"PropertyName": name} for name in sorted(names)[:MOST_SUGGESTIONS]]}


def _shape(params: Mapping[str, Any]) -> Shape:
    return model.members(model.named("SearchRecord"))[params["Resource"]]


def _wanted(shape: Shape, params: Mapping[str, Any]) -> Predicate:
    shown = visible(shape, params.get("VisibilityConditions", ()))
    matches = matching(shape, params["SearchExpression"]) if "SearchExpression" in params else shown
    return lambda record: matches(record) and shown(record)


def _total(hits: int) -> Record:
    if hits > MOST_HITS_COUNTED:
        return {"Value": MOST_HITS_COUNTED, "Relation": "GreaterThanOrEqualTo"}
    return {"Value": hits, "Relation": "EqualTo"}


def _position(resource: Resource, shape: Shape, name: str, direction: Direction) -> Callable[[Row, Record], Key]:
    """Return where a record stands in the order: first whether it has the property, then its value, then its key."""
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
    if name == DEFAULT_SORT:
        return lambda row, record: (row[resource.touched],)
    sorted_by = property_of(shape, name)
    if sorted_by.kind is STRUCTURE:
        raise ValidationException(f"SortBy {name} is {STRUCTURE.noun}: results are sorted by plain values.")
    return lambda row, record: sorted_by.values(record)


def _found(
    call: Call, resource: Resource, source: Callable[[Call, Resource], Iterator[Row]]
) -> Iterator[tuple[Row, Record]]:
    see = resource.see(call)
    return ((row, see(row)) for row in source(call, resource))


def _own(call: Call, resource: Resource) -> Iterator[Row]:
    return _scan(call, resource.table, call.place())


def _shared(call: Call, resource: Resource) -> Iterator[Row]:
    """Yield what other accounts' policies let the caller find and describe."""
    for group in permissions.discoverable(call.rows, call.caller):
        for row in _scan(call, resource.table, [*GROUPS.keyed(group.group_key), *resource.of_group]):
            if permissions.allows(call.rows, call.caller, resource.describe, resource.arn(group, row)):
                yield row


SOURCES = {"SameAccount": _own, "CrossAccount": _shared}


def _scan(call: Call, table: Table, where: list[Condition]) -> Iterator[Row]:
    """Yield the rows in the order of their key, a bounded number in memory at a time."""
    after: Key | None = None
    while True:
        rows = call.rows.find(table, where, table.key, after=after, limit=ROWS_AT_ONCE)
        yield from rows
        if len(rows) < ROWS_AT_ONCE:
            return
        after = tuple(rows[-1][column] for column in table.key)

"""Paged lists: declarative filters and sort orders, and tokens that are bound to one query.

A page is cut first and then filtered by approval status, as clients have observed: a page can be short or empty and
still have a token. Time bounds are exclusive (our choice).
"""

from __future__ import annotations

import hashlib
import operator
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from typing import Any

import msgspec
import orjson

from ..errors import ValidationException
from ..service import model, projection
from ..service.model import Shape
from ..service.projection import decoder_of, flagged, plain
from ..store.rows import Condition, Key, Operator, Row, Table
from .context import RequestContext

DEFAULT_PAGE = 100
"""The page size without MaxResults (our choice: AWS does not document it)."""

MATCHES: dict[Operator, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "contains": operator.contains,
}
"""The operators of conditions, for rows in memory."""

_DIGEST_BYTES = 12
_NOT_THE_QUERY = ("NextToken", "MaxResults")


class Filter(msgspec.Struct, frozen=True):
    """A list parameter as a condition on a column; with `after_page`, it filters a page that is already cut."""

    member: str
    column: str
    operator: Operator
    convert: Callable[[Any], Any] = lambda value: value
    after_page: bool = False


class Listing(msgspec.Struct, frozen=True):
    """The list operation of a table, whose entries are the output member `answer`.

    `orders` maps each value of SortBy to its columns, the default first; `descending` applies without SortOrder.
    `as_of` returns the state of a record at a moment (epoch ms); it is used for records with the member `flag`.
    """

    table: Table
    answer: str
    orders: Mapping[str, tuple[str, ...]]
    descending: bool
    filters: tuple[Filter, ...]
    as_of: Callable[[dict[str, Any], int], dict[str, Any]] = lambda record, now: record
    flag: str = ""


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def page(
    context: RequestContext, listing: Listing, params: Mapping[str, Any], place: list[Condition]
) -> dict[str, Any]:
    """Return one page of a table: the records in the output shape, and NextToken if there are more.

    `place` has conditions in addition to the filters, such as account and region.

    Raises:
        ValidationException: the token belongs to another list (our wording).
    """
    where = [*place, *_conditions(listing, params)]
    find = partial(context.rows.pick, _columns(listing, params), listing.table, where)
    read = _decoder(context.operation, listing.answer, listing.flag)
    summary = _summary(context.operation, listing.answer)

    def shown(texts: list[str]) -> list[dict[str, Any]]:
        try:
            records = [read(str(text)) for text in texts]  # on a damaged page, the value may not be text
            others: Iterable[int] = flagged(records, listing.flag)
        except msgspec.DecodeError:  # a record does not match the service model: show what it has
            records, others = [None] * len(texts), range(len(texts))
        for at in others:
            records[at] = summary(listing.as_of(orjson.loads(texts[at]), context.now))
        return plain(records)

    return _page(context, listing, params, find, shown)


def page_of(
    context: RequestContext, listing: Listing, params: Mapping[str, Any], rows: Iterable[Row]
) -> dict[str, Any]:
    conditions = _conditions(listing, params)
    kept = [row for row in rows if all(MATCHES[how](row[column], value) for column, how, value in conditions)]
    columns, summary = _columns(listing, params), _summary(context.operation, listing.answer)

    def find(order: Sequence[str], *, descending: bool, after: Key | None, limit: int) -> list[Key]:
        def position(row: Row) -> Key:
            return tuple(row[column] for column in order)

        beyond = MATCHES["<" if descending else ">"]
        rest = [row for row in kept if after is None or beyond(position(row), after)]
        found = sorted(rest, key=position, reverse=descending)[:limit]
        return [tuple(row[column] for column in columns) for row in found]

    def shown(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [summary(listing.as_of(record, context.now)) for record in records]

    return _page(context, listing, params, find, shown)


def _page(
    context: RequestContext,
    listing: Listing,
    params: Mapping[str, Any],
    find: Callable[..., list[Key]],
    shown: Callable[[list[Any]], list[dict[str, Any]]],
) -> dict[str, Any]:
    order = _order(listing, params)
    descending = params["SortOrder"] == "Descending" if "SortOrder" in params else listing.descending
    limit = params.get("MaxResults", DEFAULT_PAGE)
    query = query_of(context, params)
    after = position_of(query, params["NextToken"], len(order)) if "NextToken" in params else None
    rows = find(order, descending=descending, after=after, limit=limit + 1)
    kept = rows[:limit]
    wanted = tuple(rule.convert(params[rule.member]) for rule in _after_page(listing, params))
    answer: dict[str, Any] = {
        listing.answer: shown([row[-1] for row in kept if not wanted or row[len(order) : -1] == wanted])
    }
    if len(rows) > limit:
        answer["NextToken"] = token_of(query, kept[-1][: len(order)])
    return answer


def _columns(listing: Listing, params: Mapping[str, Any]) -> tuple[str, ...]:
    return (*_order(listing, params), *(rule.column for rule in _after_page(listing, params)), "record")


def _order(listing: Listing, params: Mapping[str, Any]) -> tuple[str, ...]:
    return listing.orders[params.get("SortBy", next(iter(listing.orders)))]


def _entry(operation: str, answer: str) -> Shape:
    entry: Shape = model.members(model.output_shape(operation))[answer].member
    return entry


@cache
def _summary(operation: str, answer: str) -> projection.Projection:
    return projection.projection_of(_entry(operation, answer))


@cache
def _decoder(operation: str, answer: str, flag: str) -> Callable[[str], Any]:
    return decoder_of(_entry(operation, answer), flag)


def _conditions(listing: Listing, params: Mapping[str, Any]) -> list[Condition]:
    return [
        (rule.column, rule.operator, rule.convert(params[rule.member]))
        for rule in listing.filters
        if rule.member in params and not rule.after_page
    ]


def _after_page(listing: Listing, params: Mapping[str, Any]) -> list[Filter]:
    return [rule for rule in listing.filters if rule.after_page and rule.member in params]


def query_of(context: RequestContext, params: Mapping[str, Any]) -> bytes:
    """Return the data a token is bound to: everything that determines the result list."""
    asked = {name: value for name, value in params.items() if name not in _NOT_THE_QUERY}
    return orjson.dumps(
        [context.operation, context.caller.account, context.caller.region, asked], option=orjson.OPT_SORT_KEYS
    )


def _digest(query: bytes, position: bytes) -> bytes:
    return hashlib.blake2b(query + b"\0" + position, digest_size=_DIGEST_BYTES).digest()


def token_of(query: bytes, position: Key) -> str:
    written = orjson.dumps(position)
    return urlsafe_b64encode(_digest(query, written) + written).decode()


def position_of(query: bytes, token: str, width: int) -> Key:
    """Return the position in a token of this query: one scalar for each column of the order."""
    try:
        content = urlsafe_b64decode(token.encode("ascii"))
        digest, position = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        found = orjson.loads(position) if digest == _digest(query, position) else None
    except ValueError:  # not base64, not ASCII
        found = None
    if isinstance(found, list) and len(found) == width and all(isinstance(value, str | int | float) for value in found):
        return tuple(found)
    raise not_this_list()


def not_this_list() -> ValidationException:
    """Return the error for a token of another list (our wording)."""
    return ValidationException(
        "NextToken is not valid for this request: send it with the same filters, order, account and region as the "
        "request that returned it."
    )

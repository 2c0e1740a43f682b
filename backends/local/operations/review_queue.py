"""Lists of versions for reviewers, by approval status, with full records and an index for each list.

ListModelPackages cuts a page first and filters it by approval status afterwards, as AWS does: among a hundred thousand
versions, a pending one can be a thousand pages away. These lists are our extension for consoles and tools.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Final, Literal

import msgspec
import msgspec.structs

from ... import arns
from ...errors import AccessDeniedException, ValidationException
from ...service import model
from ...store.rows import GROUPS, PACKAGES, Condition, Row, Table
from ...store.transactions import View
from ..context import RequestContext
from ..pagination import position_of, query_of, token_of
from . import validation

MAX_VERSIONS: Final = 101
"""101, so that a client can tell exactly 100 versions from more."""

MAX_PLACES: Final = 100

AFTER_EVERY_NAME: Final = "~"
"""Sorts after every name, since names consist of letters, digits and hyphens."""


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A query for versions of one group or all, by approval status; unversioned packages are never included."""

    group: str | None = None
    approval: str | None = None
    order: Literal["Ascending", "Descending"] = "Descending"
    max_results: Annotated[int, msgspec.Meta(ge=1, le=MAX_VERSIONS)] = 100
    next_token: str | None = None


def versions(context: RequestContext, asked: Query) -> dict[str, Any]:
    """Return a page of versions, newest first by default, each with its `record` and its revision `rev`.

    Raises:
        ValidationException: an unknown approval status, or a token of another list.
        AccessDeniedException: a group of another account.
    """
    where, order = _place(context, asked)
    given = msgspec.structs.asdict(asked)
    query = query_of(context, {name: given[name] for name in ("group", "approval", "order")})
    after = position_of(query, asked.next_token, len(order)) if asked.next_token is not None else None
    limit = asked.max_results
    descending = asked.order == "Descending"
    rows = context.rows.find(PACKAGES, where, order, descending=descending, after=after, limit=limit + 1)
    answer: dict[str, Any] = {"versions": [_shown(context, row) for row in rows[:limit]]}
    if len(rows) > limit:
        answer["next_token"] = token_of(query, tuple(rows[limit - 1][column] for column in order))
    return answer


def places(context: RequestContext, _: Any) -> list[dict[str, str]]:
    """Return up to 100 accounts and regions that have groups; nothing else about other accounts is revealed."""
    found = islice(places_of(context.rows, GROUPS), MAX_PLACES)
    return [{"account": account, "region": region} for account, region in found]


def places_of(rows: View, table: Table) -> Iterator[tuple[str, str]]:
    """Yield each account and region that has rows in a table with the key account, region and name."""
    after = ("", "", "")
    while found := rows.find(table, [("account", ">", "")], table.key, after=after, limit=1):
        account, region = found[0]["account"], found[0]["region"]
        yield account, region
        after = (account, region, AFTER_EVERY_NAME)


def _place(context: RequestContext, asked: Query) -> tuple[list[Condition], tuple[str, ...]]:
    """Return the conditions and the order; an index serves each combination without scanning other rows."""
    where = context.account_conditions()
    if asked.group is not None:
        group = arns.resolve(context.caller, arns.GROUP, asked.group)
        if group.account != context.caller.account:
            raise AccessDeniedException(f"{group} belongs to another account: its versions are not listed here.")
        where.append(("name", "=", group.name))
    if asked.approval is not None:
        known = model.enum("ModelApprovalStatus")
        if asked.approval not in known:
            raise ValidationException(f"approval is {asked.approval[:100]!r}; expected one of {', '.join(known)}.")
        where.append(("approval", "=", asked.approval))
    elif asked.group is None:
        where.append(("type", "=", "Versioned"))
    if asked.group is None:
        return where, ("created", "name", "version")
    return [*where, ("version", ">", 0)], ("version",)


def _shown(context: RequestContext, row: Row) -> dict[str, Any]:
    record = validation.as_of(row["record"], context.now)
    shown = {name: value for name, value in record.items() if not name.startswith("_")}
    return {"rev": row["rev"], "record": shown}

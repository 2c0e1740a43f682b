"""Queries of history: changes by author and time, and the state of a group at a moment.

A group that is older than its history has a chain without a beginning; its earlier state is reported as unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import translate
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any, Final, Literal

import msgspec
import msgspec.structs

from ... import arns, views
from ...errors import AccessDeniedException, ValidationException
from ...store.rows import HISTORY, PACKAGES, Condition, Row
from ..context import RequestContext
from ..operations import validation
from ..pagination import position_of, query_of, token_of

MAX_CHANGES: Final = 100
MAX_LOOKED_AT: Final = 2000
"""Rows examined per call when filtering by actor; a page can be short or empty and still have a token."""

IMPORT: Final = "import"
"""The operation of imported resources; earlier changes are known only if their rows were imported."""

_LAST_MOMENT: Final = 253_402_300_799
"""9999-12-31T23:59:59Z, in epoch seconds."""

Moment = str | int | float
"""ISO 8601 (UTC by default) or epoch seconds. A date without a time means the whole day."""


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A query for changes; without filters, all."""

    group: str | None = None
    """A group or an unversioned package, by name or ARN; `churn/3` selects a version."""
    version: Annotated[int, msgspec.Meta(le=2**63 - 1)] | None = None
    actor: str | None = None
    """A pattern (`*`, `?`) for the caller's ARN or the name at its end."""
    operation: str | None = None
    since: Moment | None = None
    until: Moment | None = None
    order: Literal["Ascending", "Descending"] = "Descending"
    max_results: Annotated[int, msgspec.Meta(ge=1, le=MAX_CHANGES)] = MAX_CHANGES
    next_token: str | None = None


class AsOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group and a moment; `version` selects that version instead of the newest approved one."""

    group: str
    moment: Moment
    version: Annotated[int, msgspec.Meta(ge=1)] | None = None


def changes(context: RequestContext, asked: Query) -> dict[str, Any]:
    """Return a page of changes in the caller's account and region, newest first by default."""
    where = _conditions(context, asked)
    order = ("seq",) if asked.group is not None else ("at", "name", "seq")
    given = msgspec.structs.asdict(asked)
    query = query_of(context, {name: given[name] for name in given if name not in ("next_token", "max_results")})
    after = position_of(query, asked.next_token, len(order)) if asked.next_token is not None else None
    is_asked = _actor(asked.actor)
    descending = asked.order == "Descending"
    found: list[Row] = []
    looked_at, more = 0, True
    while more and len(found) < asked.max_results and looked_at < MAX_LOOKED_AT:
        wanted = asked.max_results - len(found)
        rows = context.rows.find(HISTORY, where, order, descending=descending, after=after, limit=wanted + 1)
        more = len(rows) > wanted
        for row in rows[:wanted]:
            after = tuple(row[column] for column in order)
            found += [row] if is_asked(row["actor"]) else []
        looked_at += wanted
    answer: dict[str, Any] = {"changes": [entry(row) for row in found]}
    if more and after is not None:
        answer["next_token"] = token_of(query, after)
    return answer


class Content(msgspec.Struct, frozen=True):
    """The content of a row; on a damaged page, it can be any JSON."""

    before: Any
    after: Any
    reason: Any
    rules: Any


_CONTENT: Final = msgspec.json.Decoder(Content)


def content_of(row: Row) -> Content:
    """Decode the content of a row; on a damaged page, it may not be text."""
    return _CONTENT.decode(str(row["content"]))


def entry(row: Row) -> dict[str, Any]:
    content = content_of(row)
    return {
        "at": iso(msgspec.convert(row["at"], int)),  # on a damaged page, it may not be a number
        **{name: row[name] for name in ("actor", "principal", "request_id", "operation", "kind", "arn", "name")},
        "version": row["version"] or None,
        "before": _public(content.before),
        "after": _public(content.after),
        "reason": content.reason,
        "rules": content.rules,
        **{name: row[name] for name in ("seq", "previous", "hash")},
    }


def as_of(context: RequestContext, asked: AsOf) -> dict[str, Any]:
    """Return the newest approved version of a group at a moment, or the state of one version then.

    Returns:
        `version` and `record`, both None if there was no such version; `changed`, the change that led to this state;
        `asked_version`, the version requested, if any; `known_since`, where the known history begins, unless it is
        complete.

    Raises:
        ValidationException: there is no history of the group, or none at that moment.
    """
    name, of_name = named(context, asked.group)
    number = asked.version or of_name
    moment = milliseconds(asked.moment, "moment", end_of_day=True)
    chain = [*context.account_conditions(), ("name", "=", name)]
    first = next(iter(context.rows.find(HISTORY, chain, ("seq",), limit=1)), None)
    if first is None:
        raise no_history(name)
    from_the_beginning = begins_a_group(first) and first["operation"] != IMPORT
    if moment < first["at"] and not from_the_beginning:
        raise ValidationException(f"The history of {name} begins at {iso(first['at'])}: its earlier state is unknown.")
    of_version: list[Condition] = [("version", "=", number)] if number else []
    states = _states(context, chain, of_version, moment, from_the_beginning)
    wanted = (state for state in states if number or (state[1] or {}).get("ModelApprovalStatus") == "Approved")
    version, record, change = next(wanted, (None, None, None))
    return {
        "version": version if record is not None else None,
        "record": _public(record and validation.as_of(record, moment)),
        "changed": entry(change) if change is not None else None,
        "asked_version": number or None,
        "known_since": None if from_the_beginning else iso(first["at"]),
    }


def named(context: RequestContext, text: str) -> tuple[str, int]:
    """Parse a name, `Group/N` or ARN in the caller's account and region into a name and a version or 0."""
    arn = arns.parse(context.caller, arns.GROUP, text)
    if (arn.account, arn.region) != (context.caller.account, context.caller.region):
        raise AccessDeniedException(f"{text} is not in the caller's account and region: its history is not available.")
    return arn.name, int(arn.version)


def selection(context: RequestContext, group: str | None, version: int | None) -> list[Condition]:
    """Return conditions for the rows of the caller's group or version, or of all."""
    where = context.account_conditions()
    if group is not None:
        name, of_name = named(context, group)
        where.append(("name", "=", name))
        version = version if version is not None else of_name or None
    if version is not None:
        where.append(("version", "=", version))
    return where


def no_history(name: str) -> ValidationException:
    return ValidationException(f"There is no history of {name}: it has not changed since history recording began.")


def begins_a_group(row: Row) -> bool:
    """Return whether a row records the creation of a group; the history after it is complete."""
    return row["kind"] == "group" and content_of(row).before is None


def milliseconds(value: Moment, member: str, *, end_of_day: bool) -> int:
    """Convert a moment to epoch milliseconds; a date without a time means its end or its beginning.

    Raises:
        ValidationException: not a moment; the message names the member.
    """
    try:
        moment = float(value)
    except ValueError:
        moment = _iso_seconds(str(value), end_of_day=end_of_day)
    if not 0 <= moment <= _LAST_MOMENT:
        raise ValidationException(
            f"{member} is {str(value)[:100]!r}; expected a moment such as 2026-11-24T12:00:00Z or 2026-11-24, or epoch "
            "seconds."
        )
    return int(moment * 1000 + 1e-3)


def iso(moment: int) -> str:
    at = datetime.fromtimestamp(moment // 1000, UTC).replace(microsecond=moment % 1000 * 1000)
    return views.iso(at)


def _iso_seconds(text: str, *, end_of_day: bool) -> float:
    """Convert ISO 8601 to epoch seconds; return -1 for any other text."""
    try:
        at = datetime.fromisoformat(text.strip())
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text.strip()) and end_of_day:
            at += timedelta(days=1, milliseconds=-1)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return -1


def _conditions(context: RequestContext, asked: Query) -> list[Condition]:
    where = selection(context, asked.group, asked.version)
    if asked.operation is not None:
        where.append(("operation", "=", asked.operation))
    if asked.since is not None:
        where.append(("at", ">", milliseconds(asked.since, "since", end_of_day=False) - 1))
    if asked.until is not None:
        where.append(("at", "<", milliseconds(asked.until, "until", end_of_day=True) + 1))
    return where


@lru_cache(maxsize=256)
def _actor(pattern: str | None) -> Callable[[str], bool]:
    if pattern is None:
        return lambda arn: True
    matches = re.compile(translate(pattern.replace("[", "[[]"))).match
    return lambda arn: bool(matches(arn) or matches(re.split("[:/]", arn)[-1]))


def _public(record: dict[str, Any] | None) -> dict[str, Any] | None:
    return record and {name: value for name, value in record.items() if not name.startswith("_")}


State = tuple[int, dict[str, Any] | None, Row | None]
"""A version, its record at a moment, and the change that led to it, if known."""


def _states(
    context: RequestContext, chain: list[Condition], of_version: list[Condition], moment: int, from_the_beginning: bool
) -> Iterator[State]:
    versions: list[Condition] = [*chain, ("kind", "=", "package"), *(of_version or [("version", ">", 0)])]
    known = _last_changes(context, [*versions, ("at", "<", moment + 1)])
    if from_the_beginning:
        yield from known
        return
    before_history = {
        **{version: (version, record, None) for version, record in _untouched(context, chain, of_version, moment)},
        **{version: (version, record, None) for version, record in _first_befores(context, versions)},
    }
    states = {**before_history, **{state[0]: state for state in known}}
    yield from (states[version] for version in sorted(states, reverse=True))


def _last_changes(context: RequestContext, where: list[Condition]) -> Iterator[State]:
    found = context.rows.find_all(HISTORY, where, ("version", "seq"), descending=True, at_once=MAX_CHANGES)
    for version, rows in groupby(found, itemgetter("version")):
        last = next(rows)
        yield version, content_of(last).after, last


def _first_befores(context: RequestContext, versions: list[Condition]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield versions older than history, with their state when it began."""
    found = context.rows.find_all(HISTORY, versions, ("version", "seq"), at_once=MAX_CHANGES)
    for version, rows in groupby(found, itemgetter("version")):
        before = content_of(next(rows)).before
        if before is not None:
            yield version, before


def _untouched(
    context: RequestContext, chain: list[Condition], of_version: list[Condition], moment: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield versions older than history that have not changed since, with their current state."""
    where = [*chain, *(of_version or [("version", ">", 0)]), ("created", "<", moment + 1)]
    for row in context.rows.find_all(PACKAGES, where, ("version",), at_once=MAX_CHANGES):
        if not context.rows.find(HISTORY, [*chain, ("version", "=", row["version"])], limit=1):
            yield row["version"], row["record"]

"""Whether what concurrent reviewers saw of one version could have happened one after the other.

A history is what clients asked and were told, with when they asked and were told it. The registry's own history of the
version is the order to hold it against, so that checking is linear: five rules, each of which has a sentence. For
short histories `possible` searches all orders (Wing and Gong), without that witness: it checks the checker.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

DONE, REFUSED, UNKNOWN, READ = "done", "refused", "unknown", "read"


@dataclass(frozen=True)
class Event:
    """One request of one client: a decision on a revision, or a look.

    Args:
        invoked: when it was asked.
        returned: when it was answered; never, if nobody knows what came of it.
        outcome: DONE, REFUSED (somebody was first), UNKNOWN, or READ.
        rev: the revision that was decided on, or seen.
        status: what it should become, or was seen to be.
        reason: what tells this decision from all others.
    """

    client: int
    invoked: float
    returned: float
    outcome: str
    rev: int
    status: str
    reason: str = ""


@dataclass(frozen=True)
class Change:
    """One row of the registry's own history: the k-th leads from revision k-1 to k."""

    before: str
    after: str
    reason: str


def faults(events: Sequence[Event], changes: Sequence[Change], initial: str) -> Iterator[str]:
    """Yield a sentence for whatever cannot be, if the changes happened in the order of the registry's history."""
    place = {change.reason: number for number, change in enumerate(changes, 1)}
    if len(place) != len(changes):
        yield "a change is in history twice"
    yield from _in_history_once(events, place, changes)
    yield from _each_begins_where_the_last_ended(changes, initial)
    yield from _in_the_order_of_time(events, place)
    yield from _reads_are_of_their_time(events, changes, place, initial)
    yield from _nothing_else_happened(events, changes)


def _in_history_once(events: Sequence[Event], place: dict[str, int], changes: Sequence[Change]) -> Iterator[str]:
    """(1) What was acknowledged is in history, on the revision it was decided on; what was refused is not."""
    for event in events:
        if event.outcome == DONE and event.reason not in place:
            yield f"{event} was acknowledged, and is not in history"
        elif event.outcome in (DONE, UNKNOWN) and event.reason in place:
            number = place[event.reason]
            if number != event.rev + 1 or changes[number - 1].after != event.status:
                yield f"{event} is change {number} to {changes[number - 1].after}"
        elif event.outcome == REFUSED and event.reason in place:
            yield f"{event} was refused, and is in history"


def _each_begins_where_the_last_ended(changes: Sequence[Change], initial: str) -> Iterator[str]:
    """(2) Nothing was lost between two changes."""
    current = initial
    for number, change in enumerate(changes, 1):
        if change.before != current:
            yield f"change {number} is from {change.before}, and it was {current}"
        current = change.after


def _in_the_order_of_time(events: Sequence[Event], place: dict[str, int]) -> Iterator[str]:
    """(3) What was answered before another was asked comes before it."""
    made = sorted((event for event in events if event.reason in place), key=lambda one: place[one.reason])
    latest = -inf
    for event in made:
        if event.returned < latest:
            yield f"{event} is in history after one that was asked when it had been answered"
        latest = max(latest, event.invoked)


def _reads_are_of_their_time(
    events: Sequence[Event], changes: Sequence[Change], place: dict[str, int], initial: str
) -> Iterator[str]:
    """(4) What was seen was so at some moment between question and answer; a refusal saw that somebody was first.

    Who sees revision k has seen change k happen by the answer, and change k+1 not before the question. If every change
    has a moment that fits all that was seen of it, then so has every look.
    """
    states = [initial, *(change.after for change in changes)]
    earliest, latest = [-inf] * (len(states) + 1), [inf] * (len(states) + 1)
    for event in events:
        seen = event.rev + 1 if event.outcome == REFUSED else event.rev
        if event.reason in place:
            number = place[event.reason]
            earliest[number] = max(earliest[number], event.invoked)
            latest[number] = min(latest[number], event.returned)
        elif event.outcome in (READ, REFUSED):
            if seen >= len(states) or (event.outcome == READ and states[seen] != event.status):
                yield f"{event} was never so"
                continue
            latest[seen] = min(latest[seen], event.returned)
            if event.outcome == READ:
                earliest[seen + 1] = max(earliest[seen + 1], event.invoked)
    for number in range(len(changes), 0, -1):
        latest[number] = min(latest[number], latest[number + 1])
    for number in range(1, len(states)):
        earliest[number] = max(earliest[number], earliest[number - 1])
        if earliest[number] > latest[number]:
            yield f"change {number}, {changes[number - 1]}, was seen, and later not, or before it was asked for"


def _nothing_else_happened(events: Sequence[Event], changes: Sequence[Change]) -> Iterator[str]:
    """(5) Every change was asked for: acknowledged, or unknown, which may have happened, once."""
    asked = {event.reason for event in events if event.outcome in (DONE, UNKNOWN, REFUSED)}
    for number, change in enumerate(changes, 1):
        if change.reason not in asked:
            yield f"change {number}, {change}, was asked by nobody"


def possible(events: Sequence[Event], initial: str) -> bool:
    """Whether some order explains all answers: a search of all, for short histories (Wing and Gong, with memory)."""
    seen: set[tuple[frozenset[int], int, str]] = set()
    required = frozenset(number for number, event in enumerate(events) if event.outcome != UNKNOWN)

    def search(left: frozenset[int], rev: int, status: str) -> bool:
        if not left & required:
            return True
        if (left, rev, status) in seen:
            return False
        seen.add((left, rev, status))
        first_return = min(events[number].returned for number in left & required)
        for number in left:
            event = events[number]
            if event.invoked > first_return:
                continue  # another was answered before this one was asked
            if event.outcome in (DONE, UNKNOWN):
                fits, after = event.rev == rev, (rev + 1, event.status)
            elif event.outcome == REFUSED:
                fits, after = event.rev < rev, (rev, status)
            else:
                fits, after = (event.rev, event.status) == (rev, status), (rev, status)
            if fits and search(left - {number}, *after):
                return True
        return False

    return search(frozenset(range(len(events))), 0, initial)

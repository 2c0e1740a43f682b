"""Check whether the responses to concurrent reviewers of one version are linearizable.

A history contains the requests of clients and their responses, with the times of both. The registry's own history of
the version gives the order to check, so the check takes linear time: five rules, each with a message. For short
histories `possible` searches all orders (Wing and Gong) without that order, which checks the checker.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

DONE, REFUSED, UNKNOWN, READ = "done", "refused", "unknown", "read"


@dataclass(frozen=True)
class Event:
    """One request of one client: a decision on a revision, or a read.

    Args:\n    invoked: time of the request.\n    returned: time of the response; infinite if the outcome is unknown.\n
    outcome: DONE, REFUSED (another decision was first), UNKNOWN, or READ.\n    rev: the revision of the decision or the
    read.\n    status: the status of the decision or the read.\n    reason: identifies this decision.
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
    """One entry of the registry's history: the k-th leads from revision k-1 to k."""

    before: str
    after: str
    reason: str


def faults(events: Sequence[Event], changes: Sequence[Change], initial: str) -> Iterator[str]:
    """Yield a message for each violation, given the order of changes in the registry's history."""
    place = {change.reason: number for number, change in enumerate(changes, 1)}
    if len(place) != len(changes):
        yield "history contains a change twice"
    yield from _acknowledged_once(events, place, changes)
    yield from _without_gaps(changes, initial)
    yield from _in_order_of_time(events, place)
    yield from _reads_are_current(events, changes, place, initial)
    yield from _all_requested(events, changes)


def _acknowledged_once(events: Sequence[Event], place: dict[str, int], changes: Sequence[Change]) -> Iterator[str]:
    """(1) Acknowledged decisions are in history, on their revision; rejected ones are not."""
    for event in events:
        if event.outcome == DONE and event.reason not in place:
            yield f"{event} was acknowledged, but is not in history"
        elif event.outcome in (DONE, UNKNOWN) and event.reason in place:
            number = place[event.reason]
            if number != event.rev + 1 or changes[number - 1].after != event.status:
                yield f"{event} is stored as change {number} to {changes[number - 1].after}"
        elif event.outcome == REFUSED and event.reason in place:
            yield f"{event} was rejected, but is in history"


def _without_gaps(changes: Sequence[Change], initial: str) -> Iterator[str]:
    """(2) No change was lost between two changes."""
    current = initial
    for number, change in enumerate(changes, 1):
        if change.before != current:
            yield f"change {number} starts from {change.before}, but the status was {current}"
        current = change.after


def _in_order_of_time(events: Sequence[Event], place: dict[str, int]) -> Iterator[str]:
    """(3) A decision answered before another was requested comes before it."""
    made = sorted((event for event in events if event.reason in place), key=lambda one: place[one.reason])
    latest = -inf
    for event in made:
        if event.returned < latest:
            yield f"{event} is in history after a change that was requested later"
        latest = max(latest, event.invoked)


def _reads_are_current(
    events: Sequence[Event], changes: Sequence[Change], place: dict[str, int], initial: str
) -> Iterator[str]:
    """(4) Each read returned the state at some moment between request and response; a rejection saw an earlier
    decision.

    A read of revision k proves that change k happened before the response, and that change k+1 did not happen before
    the request. If every change has a moment that fits all reads of it, every read has one too.
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
                yield f"{event} read a state that never existed"
                continue
            latest[seen] = min(latest[seen], event.returned)
            if event.outcome == READ:
                earliest[seen + 1] = max(earliest[seen + 1], event.invoked)
    for number in range(len(changes), 0, -1):
        latest[number] = min(latest[number], latest[number + 1])
    for number in range(1, len(states)):
        earliest[number] = max(earliest[number], earliest[number - 1])
        if earliest[number] > latest[number]:
            yield f"change {number}, {changes[number - 1]}, was read and later not read, or read before its request"


def _all_requested(events: Sequence[Event], changes: Sequence[Change]) -> Iterator[str]:
    """(5) Every change was requested: it was acknowledged, or its outcome is unknown, which allows it once."""
    asked = {event.reason for event in events if event.outcome in (DONE, UNKNOWN, REFUSED)}
    for number, change in enumerate(changes, 1):
        if change.reason not in asked:
            yield f"change {number}, {change}, was not requested"


def possible(events: Sequence[Event], initial: str) -> bool:
    """Return whether some order explains all responses: a search of all orders, for short histories (Wing and Gong)."""
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
                continue  # another was answered before this one was requested
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

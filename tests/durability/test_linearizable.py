"""Approvals are compare-and-swap for every client: concurrent decisions are linearizable.

The checker is tested too: against a search of all orders, and with registries that are broken on purpose.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest

from durability.linearizability import DONE, READ, REFUSED, UNKNOWN, Change, Event, faults, possible
from durability.reviewers import INITIAL, STATUSES, Connection, changes_of, in_process, review, served
from sagemaker_registry.backends import open_backend
from sagemaker_registry.backends.base import Backend, Caller
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.rows import PACKAGES
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from sagemaker_registry.backends.store.transactions import Transaction
from support.server import Emulator

pytest_plugins = ("support.postgres",)

CLIENTS, REQUESTS = 4, 12
SHORT = 24
"""Requests of a history for which all orders are searched, too."""


@contextmanager
def in_two_processes_and_threads(
    serve: Callable[..., Emulator], url: str
) -> Iterator[tuple[Backend, list[Connection]]]:
    """One file: a registry in this process, shared by threads, and a server."""
    with open_backend(url) as backend:
        yield backend, [in_process(backend), served(serve("--backend", url).url)]


@contextmanager
def on_two_servers(serve: Callable[..., Emulator], url: str) -> Iterator[tuple[Backend, list[Connection]]]:
    """One database: two servers."""
    servers = [serve("--backend", url) for _ in range(2)]
    with open_backend(url) as backend:
        yield backend, [served(server.url) for server in servers]


def new_version(backend: Backend, group: str) -> None:
    backend.call("CreateModelPackageGroup", {"ModelPackageGroupName": group}, Caller())
    backend.call("CreateModelPackage", {"ModelPackageGroupName": group}, Caller())


@pytest.mark.sized(ci=10, nightly=500, release=5_000)
@pytest.mark.parametrize(
    ("store", "opened"),
    [("sqlite", in_two_processes_and_threads), ("postgres", on_two_servers)],
    ids=["sqlite: threads and two processes", "postgres: two servers"],
)
def test_concurrent_approvals_are_linearizable(
    store: str,
    opened: Any,
    rounds: Iterable[int],
    rng: random.Random,
    figures: dict[str, Any],
    tmp_path: Path,
    serve: Callable[..., Emulator],
    request: pytest.FixtureRequest,
) -> None:
    url = request.getfixturevalue("postgres_url") if store == "postgres" else f"sqlite:///{tmp_path}/registry.db"
    outcomes: Counter[str] = Counter()
    checked = searched = overlapping = 0
    with opened(serve, url) as (backend, connections):
        for number in rounds:
            group, is_short = f"churn-{number}", number % 2 == 0
            new_version(backend, group)
            requests = SHORT // CLIENTS if is_short else REQUESTS
            events = review(connections, group, rng, clients=CLIENTS, requests=requests)
            changes = changes_of(connections[0], group)
            found = [*faults(events, changes, INITIAL)]
            if is_short:
                searched += 1
                found += [] if possible(events, INITIAL) else ["no order explains the responses"]
            assert not found, save_history(tmp_path, events, changes, found)
            checked += 1
            outcomes.update(event.outcome for event in events)
            overlapping += sum(overlaps(event, events) for event in events)
    assert outcomes[DONE]
    assert outcomes[REFUSED]
    assert overlapping >= checked, "no requests overlapped"
    figures |= {
        "histories": checked,
        "of them searched as well": searched,
        "concurrent decisions": overlapping,
        **outcomes,
    }


def overlaps(event: Event, events: Iterable[Event]) -> bool:
    """Return whether this is a decision that overlaps with a decision of another client."""
    answered = (DONE, REFUSED)
    return event.outcome in answered and any(
        other.client != event.client
        and other.outcome in answered
        and other.invoked < event.returned
        and event.invoked < other.returned
        for other in events
    )


def save_history(folder: Path, events: list[Event], changes: list[Change], found: list[str]) -> str:
    """Write an impossible history to a file; return its violations and the path."""
    file = folder / "history.json"
    lines = {"events": [str(event) for event in events], "changes": [str(change) for change in changes]}
    file.write_text(json.dumps(lines, indent=1))
    return "\n".join([*found, f"the whole history is in {file}"])


def simulated(rng: random.Random, *, clients: int, requests: int) -> tuple[list[Event], list[Change]]:
    """Return the history of a correct registry: every request takes effect at one moment."""
    plans: list[tuple[float, int, float, float]] = []
    for client in range(clients):
        time = 0.0
        for _ in range(requests):
            began, took, at = time + rng.random(), rng.random() * 3, rng.random()
            plans.append((began + took * at, client, began, began + took))
            time = began + took
    events, changes, status = [], [], INITIAL
    last = [0] * clients
    for number, (_, client, began, ended) in enumerate(sorted(plans)):
        kind = rng.random()
        if kind < 0.4:
            events.append(Event(client, began, ended, READ, len(changes), status))
            last[client] = len(changes)
            continue
        wanted, reason = rng.choice(STATUSES), str(number)
        if last[client] != len(changes):
            events.append(Event(client, began, ended, REFUSED, last[client], wanted, reason))
            last[client] = len(changes)  # as a client that reads again
            continue
        unknown = kind > 0.95
        outcome, ended = (UNKNOWN, inf) if unknown else (DONE, ended)
        events.append(Event(client, began, ended, outcome, len(changes), wanted, reason))
        if not unknown or kind > 0.975:
            changes.append(Change(status, wanted, reason))
            status, last[client] = wanted, len(changes)
    return events, changes


def corrupted(rng: random.Random, events: list[Event]) -> list[Event]:
    """Return a history in which one response was changed."""
    place = rng.randrange(len(events))
    event = events[place]
    outcomes = [
        replace(event, rev=max(0, event.rev + rng.choice([-1, 1]))),
        replace(event, status=rng.choice(STATUSES)),
        replace(event, outcome=rng.choice([DONE, REFUSED]), reason=event.reason or "new"),
        replace(event, invoked=event.invoked + 5, returned=event.returned + 5),
    ]
    return [*events[:place], rng.choice(outcomes), *events[place + 1 :]]


@pytest.mark.sized(ci=300, nightly=10_000, release=100_000)
def test_the_checker_agrees_with_a_search_of_all_orders(
    rounds: Iterable[int], rng: random.Random, figures: dict[str, Any]
) -> None:
    """A correct history passes both; a corrupted one that the checker accepts, the search accepts too."""
    figures |= {"right": 0, "corrupted": 0, "found by the search": 0, "found by the checker": 0}
    for _ in rounds:
        events, changes = simulated(rng, clients=3, requests=4)
        assert [*faults(events, changes, INITIAL)] == []
        assert possible(events, INITIAL)
        figures["right"] += 1
        changed = corrupted(rng, events)
        found, explained = [*faults(changed, changes, INITIAL)], possible(changed, INITIAL)
        assert found or explained, (changed, changes)
        figures["corrupted"] += 1
        figures["found by the search"] += not explained
        figures["found by the checker"] += bool(found)
    assert figures["found by the search"]


class _Broken:
    """A transaction with one method replaced."""

    def __init__(self, rows: Any, **replaced: Callable[..., Any]) -> None:
        self._rows = rows
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)


class AnyRev(int):
    """A revision that equals every other one."""

    def __ne__(self, other: object) -> bool:
        return False

    __eq__ = int.__eq__
    __hash__ = int.__hash__


Get = Callable[[Transaction, Any, Any], Any]


def checks_no_rev(get: Get) -> Get:
    """Return a `get` that ignores the revision of the decision."""

    def broken(transaction: Transaction, table: Any, key: Any) -> Any:
        row = get(transaction, table, key)
        return {**row, "rev": AnyRev(row["rev"])} if table is PACKAGES and row is not None else row

    return broken


def loses_updates(get: Get) -> Get:
    """Return a `get` that lets a change overwrite the last one."""
    before: dict[Any, Any] = {}

    def broken(transaction: Transaction, table: Any, key: Any) -> Any:
        row = get(transaction, table, key)
        if table is not PACKAGES or row is None:
            return row
        earlier = before.get(key, row)
        before[key] = row
        return {**row, "record": earlier["record"]}

    return broken


class Undone(Exception):
    """Rolls back a transaction."""


class LosesEveryFifthChange(SQLiteRows):
    """A store that silently rolls back every fifth change."""

    times = 0

    @contextmanager
    def writing(self) -> Iterator[Any]:
        self.times += 1
        try:
            with super().writing() as rows:
                yield rows
                if self.times % 5 == 0:
                    raise Undone
        except Undone:
            pass


class ReturnsOldReads(SQLiteRows):
    """A store that returns the previous result for every second read of versions."""

    def __init__(self, path: Path | None) -> None:
        super().__init__(path)
        self._last: dict[str, Any] = {}
        self._looks = 0

    @contextmanager
    def reading(self) -> Iterator[Any]:
        with super().reading() as rows:

            def find(table: Any, *arguments: Any, **options: Any) -> Any:
                found = rows.find(table, *arguments, **options)
                if table is not PACKAGES:
                    return found
                self._looks += 1
                key = str(arguments)
                old = self._last.get(key, found)
                self._last[key] = found
                return old if self._looks % 2 else found

            yield _Broken(rows, find=find)


@pytest.mark.parametrize(
    ("store", "break_get", "sentence"),
    [
        (SQLiteRows, None, ""),
        (SQLiteRows, checks_no_rev, "is stored as change"),
        (SQLiteRows, loses_updates, "but the status was"),
        (LosesEveryFifthChange, None, "was acknowledged, but is not in history"),
        (ReturnsOldReads, None, "was read and later not read"),
    ],
)
def test_the_checker_detects_a_broken_registry(
    store: type[SQLiteRows],
    break_get: Callable[[Get], Get] | None,
    sentence: str,
    rng: random.Random,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "registry.db"
    if break_get is not None:
        monkeypatch.setattr(Transaction, "get", break_get(Transaction.get))
    with LocalRegistry(SQLiteRows(path)) as sound, LocalRegistry(store(path)) as registry:
        found: list[str] = []
        for number in range(20):
            group = f"churn-{number}"
            new_version(sound, group)
            connections = [in_process(registry)]
            events = review(connections, group, rng, clients=CLIENTS, requests=REQUESTS)
            found += faults(events, changes_of(connections[0], group), INITIAL)
            if found:
                break
    assert any(sentence in one for one in found) if sentence else not found


def test_the_checker_detects_a_change_without_a_request() -> None:
    asked = Event(0, 0.0, 1.0, DONE, 0, "Approved", "mine")
    changes = [Change(INITIAL, "Approved", "mine"), Change("Approved", "Rejected", "whose?")]
    assert [*faults([asked], changes, INITIAL)] == [f"change 2, {changes[1]}, was not requested"]


def test_the_checker_detects_changes_in_the_wrong_order() -> None:
    first, second = Event(0, 0.0, 1.0, DONE, 1, "Approved", "a"), Event(1, 2.0, 3.0, DONE, 0, "Rejected", "b")
    changes = [Change(INITIAL, "Rejected", "b"), Change("Rejected", "Approved", "a")]
    assert any("after a change that was requested later" in one for one in faults([first, second], changes, INITIAL))
    assert not possible([first, second], INITIAL)

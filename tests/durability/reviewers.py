"""Concurrent reviewers of one version, and the responses they got: histories to check."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from math import inf
from typing import Any

import orjson

from durability.linearizability import DONE, READ, REFUSED, UNKNOWN, Change, Event
from sagemaker_registry.backends.base import Backend, Caller
from sagemaker_registry.backends.errors import ConflictException

INITIAL = "PendingManualApproval"
STATUSES = ("Approved", "Rejected", INITIAL)

Ask = Callable[[str, dict[str, Any]], Any]
"""Calls an extension of a registry; a rejected call raises Conflict."""


class Conflict(Exception):
    """Another decision was first."""


class Lost(Exception):
    """The response was not awaited."""


@dataclass(frozen=True)
class Connection:
    """A connection to a registry: `ask`, and where supported `ask_and_go`, which does not wait for the response."""

    ask: Ask
    ask_and_go: Ask | None = None


def in_process(backend: Backend) -> Connection:
    def ask(name: str, params: dict[str, Any]) -> Any:
        try:
            return backend.extension(name, params, Caller())
        except ConflictException as error:
            raise Conflict from error

    return Connection(ask)


def served(url: str) -> Connection:
    address = url.removeprefix("http://")

    @contextmanager
    def sent(name: str, params: dict[str, Any]) -> Iterator[HTTPConnection]:
        with closing(HTTPConnection(address, timeout=60)) as connection:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", f"/_registry/{name}", orjson.dumps(params), headers)
            yield connection

    def ask(name: str, params: dict[str, Any]) -> Any:
        with sent(name, params) as connection, connection.getresponse() as answer:
            content = orjson.loads(answer.read())
        if answer.status == 400 and content["__type"].endswith("ConflictException"):
            raise Conflict
        assert answer.status == 200, content
        return content

    def ask_and_go(name: str, params: dict[str, Any]) -> Any:
        with sent(name, params):
            raise Lost

    return Connection(ask, ask_and_go)


def review(
    connections: Sequence[Connection], group: str, rng: random.Random, *, clients: int, requests: int
) -> list[Event]:
    """Let clients read and decide on the one version of a group concurrently; return their requests and responses."""
    told: list[list[Event]] = [[] for _ in range(clients)]
    seeds = [rng.random() for _ in range(clients)]
    together = threading.Barrier(clients)

    def run(client: int) -> None:
        own = random.Random(seeds[client])
        connection, rev = connections[client % len(connections)], 0
        together.wait()
        for request in range(requests):
            event = _request(connection, group, client, f"{client}-{request}", rev, own)
            told[client].append(event)
            rev = event.rev + (event.outcome == DONE)

    threads = [threading.Thread(target=run, args=[client]) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(one) for one in told] == [requests] * clients
    return [event for one in told for event in one]


def _request(connection: Connection, group: str, client: int, reason: str, rev: int, rng: random.Random) -> Event:
    kind = rng.random()
    began = time.monotonic()
    if kind < 0.4:
        (one,) = connection.ask("versions", {"group": group})["versions"]
        status = one["record"]["ModelApprovalStatus"]
        return Event(client, began, time.monotonic(), READ, one["rev"], status)
    status = rng.choice(STATUSES)
    asked = {"group": group, "version": 1, "status": status, "reason": reason, "rev": rev}
    ask = connection.ask_and_go if connection.ask_and_go is not None and kind > 0.95 else connection.ask
    try:
        ask("decide", asked)
    except Conflict:
        return Event(client, began, time.monotonic(), REFUSED, rev, status, reason)
    except Lost:
        return Event(client, began, inf, UNKNOWN, rev, status, reason)
    return Event(client, began, time.monotonic(), DONE, rev, status, reason)


def changes_of(connection: Connection, group: str) -> list[Change]:
    """Return the registry's own history of the version, without its registration."""
    found: list[Change] = []
    asked: dict[str, Any] = {"group": group, "version": 1, "order": "Ascending"}
    while True:
        page = connection.ask("history", asked)
        for change in page["changes"]:
            if change["before"] is not None:
                states = [change[side]["ModelApprovalStatus"] for side in ("before", "after")]
                found.append(Change(*states, reason=change["reason"]))
        if "next_token" not in page:
            return found
        asked["next_token"] = page["next_token"]

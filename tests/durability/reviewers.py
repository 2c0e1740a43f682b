"""Reviewers who look at one version and decide on it at once, and what each was told: histories to check."""

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
"""Asks a registry for one control; what it refuses is a Conflict."""


class Conflict(Exception):
    """Somebody was first."""


class Lost(Exception):
    """Nobody waited for the answer."""


@dataclass(frozen=True)
class Door:
    """One way to a registry: `ask`, and `ask_and_go`, which does not wait for the answer, where there is that."""

    ask: Ask
    ask_and_go: Ask | None = None


def in_process(backend: Backend) -> Door:
    def ask(name: str, params: dict[str, Any]) -> Any:
        try:
            return backend.extension(name, params, Caller())
        except ConflictException as error:
            raise Conflict from error

    return Door(ask)


def served(url: str) -> Door:
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

    return Door(ask, ask_and_go)


def review(doors: Sequence[Door], group: str, rng: random.Random, *, clients: int, requests: int) -> list[Event]:
    """Have clients look at the one version of a group and decide on it at once; return what each was told."""
    told: list[list[Event]] = [[] for _ in range(clients)]
    seeds = [rng.random() for _ in range(clients)]
    together = threading.Barrier(clients)

    def be(client: int) -> None:
        own = random.Random(seeds[client])
        door, rev = doors[client % len(doors)], 0
        together.wait()
        for request in range(requests):
            event = _request(door, group, client, f"{client}-{request}", rev, own)
            told[client].append(event)
            rev = event.rev + (event.outcome == DONE)

    threads = [threading.Thread(target=be, args=[client]) for client in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(one) for one in told] == [requests] * clients
    return [event for one in told for event in one]


def _request(door: Door, group: str, client: int, reason: str, rev: int, rng: random.Random) -> Event:
    kind = rng.random()
    began = time.monotonic()
    if kind < 0.4:
        (one,) = door.ask("versions", {"group": group})["versions"]
        status = one["record"]["ModelApprovalStatus"]
        return Event(client, began, time.monotonic(), READ, one["rev"], status)
    status = rng.choice(STATUSES)
    asked = {"group": group, "version": 1, "status": status, "reason": reason, "rev": rev}
    ask = door.ask_and_go if door.ask_and_go is not None and kind > 0.95 else door.ask
    try:
        ask("decide", asked)
    except Conflict:
        return Event(client, began, time.monotonic(), REFUSED, rev, status, reason)
    except Lost:
        return Event(client, began, inf, UNKNOWN, rev, status, reason)
    return Event(client, began, time.monotonic(), DONE, rev, status, reason)


def changes_of(door: Door, group: str) -> list[Change]:
    """Return what the registry's own history says of the version, its registration left out."""
    found: list[Change] = []
    asked: dict[str, Any] = {"group": group, "version": 1, "order": "Ascending"}
    while True:
        page = door.ask("history", asked)
        for change in page["changes"]:
            if change["before"] is not None:
                states = [change[side]["ModelApprovalStatus"] for side in ("before", "after")]
                found.append(Change(*states, reason=change["reason"]))
        if "next_token" not in page:
            return found
        asked["next_token"] = page["next_token"]

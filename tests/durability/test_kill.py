"""kill -9 at any moment: what was acknowledged is there, once, and everything else is as if nobody had asked."""

from __future__ import annotations

import random
import socket
import sqlite3
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import boto3
import psycopg
import pytest
from botocore.config import Config

from durability.acknowledged import Client, Group, Query, acknowledged, everything, wait_for, write_at_once
from durability.environment import needs_nursery
from durability.process_pool import Born, Nursery, nursery
from durability.queries import verified
from durability.reviewers import served
from support.server import REGION, Emulator, start

pytest_plugins = ("support.postgres",)

CLIENTS = 4
GROUP_OF_ROUNDS = 10
"""Rounds that write to one group, all of which is read after each: the cost of a round does not grow."""

DEEP = 100
"""Rounds after which all there is, is looked at."""

SHORTEST, LONGEST = 0.05, 0.3
"""Seconds between the first request and the kill: short ones oftener, as what a registry does soon repeats itself."""


@dataclass
class Crashes:
    """A registry that is killed again and again, and those who write to it."""

    port: int
    clients: list[Client]
    query: Query
    rng: random.Random
    figures: dict[str, Any]
    group: Group | None = None
    groups: list[Group] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def round(self, number: int, strike: Callable[[], None], restore: Callable[[], None]) -> None:
        """Let clients write, strike, bring the registry back, and see what is left."""
        if number % GROUP_OF_ROUNDS == 0:
            self.change_group(f"group-{number}")
        assert self.group is not None
        before = self.acknowledged
        struck, stopped = threading.Event(), threading.Event()
        threads = write_at_once(self.clients, self.group, struck, stopped)
        stopped.wait(self.rng.triangular(SHORTEST, LONGEST, SHORTEST))  # nothing to wait for: any moment will do
        self.wait_for_work(threads)
        struck.set()
        strike()
        stopped.set()
        wait_for(self.clients, threads)
        restore()
        doubts = [client.doubt for client in self.clients if client.doubt is not None]
        acknowledged(self.query, self.group, doubts)
        lost_answers = sum(client.settle(self.group) for client in self.clients)
        everything(self.query, self.group)
        self.note("kills", 1)
        self.note("acknowledged", self.acknowledged - before)
        self.note("stored without an answer", lost_answers)

    @property
    def acknowledged(self) -> int:
        return sum(client.acknowledged for client in self.clients)

    def wait_for_work(self, threads: Sequence[threading.Thread]) -> None:
        """Wait until more was acknowledged than there were kills, or nobody writes: kills of the idle show nothing."""
        deadline = time.monotonic() + 60
        while self.acknowledged <= self.figures.get("kills", 0) and any(thread.is_alive() for thread in threads):
            assert time.monotonic() < deadline, "the registry answers nobody"
            threads[0].join(0.01)

    def change_group(self, name: str) -> None:
        arn = self.clients[0].sagemaker.create_model_package_group(ModelPackageGroupName=name)
        self.group = Group(name, arn["ModelPackageGroupArn"])
        self.groups.append(self.group)
        for client in self.clients:
            client.made.clear()

    def everything(self) -> None:
        """Look at every group since the last time, and have the registry verify its history."""
        assert self.figures["acknowledged"] >= self.figures["kills"] > 0
        for group in self.groups:
            everything(self.query, group)
            self.verify(group=group.name)
        self.groups = [group for group in self.groups if group is self.group]
        self.note("whole checks", 1)

    def verify(self, **asked: str) -> int:
        return verified(served(self.url).ask, is_from_the_beginning=True, **asked)

    def note(self, what: str, count: int) -> None:
        self.figures[what] = self.figures.get(what, 0) + count


@dataclass
class Killed:
    """A registry that is killed and started again on the same port: most are forked, some are started afresh."""

    nursery: Nursery
    options: tuple[str, ...]
    afresh: int
    """Every which one is a process that has to import everything."""
    started: int = 0
    served: Emulator | Born | None = None

    def start(self) -> None:
        self.served = (start if self.started % self.afresh == 0 else self.nursery.serve)(*self.options)
        self.started += 1

    def kill(self) -> None:
        if self.served is not None:
            self.served.kill()
        self.served = None

    def stop(self) -> int:
        served, self.served = self.served, None
        assert served is not None
        return served.stop()


@contextmanager
def killed(*options: str, size: int) -> Iterator[Killed]:
    """Serve a registry that can be killed; every tenth is started afresh, and a hundred of a great many."""
    with nursery() as forking:
        registry = Killed(forking, options, max(10, size // 100))
        try:
            registry.start()
            yield registry
        finally:
            registry.kill()


def free_port(rng: random.Random) -> int:
    """Return a port that clients are not given for their own end: one might meet itself while the server is gone."""
    while True:
        port = rng.randrange(20_000, 32_000)
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


def writer(name: str, port: int, rng: random.Random) -> Client:
    sagemaker = boto3.client(
        "sagemaker",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name=REGION,
        aws_access_key_id="123456789012",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=60),
    )
    return Client(name, sagemaker, rng)


def crashes(query: Query, rng: random.Random, figures: dict[str, Any]) -> Crashes:
    port = free_port(rng)
    clients = [writer(f"client-{number}", port, random.Random(rng.random())) for number in range(CLIENTS)]
    return Crashes(port, clients, query, rng, figures)


def reader(path: Path) -> Query:
    """Return what reads the file as a stranger would: beside the server, with a connection that can only read."""

    def query(statement: str) -> Sequence[Sequence[Any]]:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(statement).fetchall()

    return query


@needs_nursery
@pytest.mark.sized(ci=30, nightly=1_000, release=10_000)
def test_a_killed_server_has_lost_nothing_and_done_nothing_twice(
    tmp_path: Path, size: int, rounds: Iterator[int], rng: random.Random, figures: dict[str, Any]
) -> None:
    path = tmp_path / "registry.db"
    query = reader(path)
    crashed = crashes(query, rng, figures)
    with killed("--backend", f"sqlite:///{path}", "--no-console", "--port", str(crashed.port), size=size) as registry:
        for number in rounds:
            crashed.round(number, registry.kill, registry.start)
            if number % DEEP == DEEP - 1:
                assert query("PRAGMA integrity_check") == [("ok",)]
                crashed.everything()
        crashed.everything()
        figures["rows of history verified"] = crashed.verify()
        assert query("PRAGMA integrity_check") == [("ok",)]
        assert registry.stop() == 0


def postgres_reader(url: str) -> Query:
    def query(statement: str) -> Sequence[Sequence[Any]]:
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    return query


@needs_nursery
@pytest.mark.sized(ci=5, nightly=100, release=1_000)
def test_a_killed_server_on_postgresql_has_lost_nothing(
    postgres_url: str, size: int, rounds: Iterator[int], rng: random.Random, figures: dict[str, Any]
) -> None:
    crashed = crashes(postgres_reader(postgres_url), rng, figures)
    with killed("--backend", postgres_url, "--no-console", "--port", str(crashed.port), size=size) as registry:
        for number in rounds:
            crashed.round(number, registry.kill, registry.start)
        crashed.everything()
        assert registry.stop() == 0


@pytest.mark.sized(ci=2, nightly=30, release=300)
def test_a_database_server_that_is_stopped_at_once_has_lost_nothing(
    durable_postgres: Any, rounds: Iterator[int], rng: random.Random, figures: dict[str, Any]
) -> None:
    """As `pg_ctl stop -m immediate` does, or the machine's out-of-memory killer; the registry stays and waits.

    The database is started again at once, with requests under way: each would wait as long as the registry does.
    """
    url = durable_postgres.url("postgres")
    crashed = crashes(postgres_reader(url), rng, figures)
    for client in crashed.clients:
        client.gives_up_at = frozenset({"ServiceUnavailable"})
    running = start("--backend", url, "--no-console", "--port", str(crashed.port))

    def strike() -> None:
        durable_postgres.stop_immediately()
        durable_postgres.start()

    with ExitStack() as undo:
        undo.callback(running.kill)
        for number in rounds:
            crashed.round(number, strike, lambda: wait_until_well(running))
        crashed.everything()
        assert running.stop() == 0


def wait_until_well(served: Emulator) -> None:
    """Wait until a registry that runs answers again."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{served.url}/_registry/health", timeout=30):
                return
        except HTTPError as error:
            answer = error
    pytest.fail(f"it has not come back: {answer.code}")

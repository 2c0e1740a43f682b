"""kill -9 at any moment: acknowledged changes are stored once, and there are no others."""

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
from durability.environment import needs_fork_server
from durability.process_pool import ForkedServer, ForkServer, fork_server
from durability.queries import verified
from durability.reviewers import served
from support.server import REGION, Emulator, start

pytest_plugins = ("support.postgres",)

CLIENTS = 4
GROUP_OF_ROUNDS = 10
"""Rounds that write to one group, which is read completely after each, so that the cost of a round does not grow."""

DEEP_CHECK = 100
"""Rounds after which everything is compared."""

SHORTEST, LONGEST = 0.05, 0.3
"""Seconds between the first request and the kill; short times are more frequent, as a registry soon repeats itself."""


@dataclass
class KillTest:
    """A registry that is killed repeatedly, and its clients."""

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

    def round(self, number: int, kill_it: Callable[[], None], restore: Callable[[], None]) -> None:
        """Let clients write, kill the registry, restore it, and compare what is left."""
        if number % GROUP_OF_ROUNDS == 0:
            self.change_group(f"group-{number}")
        assert self.group is not None
        before = self.acknowledged
        struck, stopped = threading.Event(), threading.Event()
        threads = write_at_once(self.clients, self.group, struck, stopped)
        stopped.wait(self.rng.triangular(SHORTEST, LONGEST, SHORTEST))  # any moment is fine
        self.wait_for_work(threads)
        struck.set()
        kill_it()
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
        """Wait until more changes were acknowledged than there were kills; killing an idle registry shows nothing."""
        deadline = time.monotonic() + 60
        while self.acknowledged <= self.figures.get("kills", 0) and any(thread.is_alive() for thread in threads):
            assert time.monotonic() < deadline, "the registry does not respond"
            threads[0].join(0.01)

    def change_group(self, name: str) -> None:
        arn = self.clients[0].sagemaker.create_model_package_group(ModelPackageGroupName=name)
        self.group = Group(name, arn["ModelPackageGroupArn"])
        self.groups.append(self.group)
        for client in self.clients:
            client.made.clear()

    def everything(self) -> None:
        """Compare every group since the last time, and verify the history of the registry."""
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
class RestartableServer:
    """A registry that can be killed and started again on the same port; most are forked, some are new processes."""

    fork_server: ForkServer
    options: tuple[str, ...]
    afresh: int
    """Every how many starts a new process imports everything."""
    started: int = 0
    served: Emulator | ForkedServer | None = None

    def start(self) -> None:
        self.served = (start if self.started % self.afresh == 0 else self.fork_server.serve)(*self.options)
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
def killed(*options: str, size: int) -> Iterator[RestartableServer]:
    """Serve a registry that can be killed; every tenth start is a new process, or a hundred of many."""
    with fork_server() as forking:
        registry = RestartableServer(forking, options, max(10, size // 100))
        try:
            registry.start()
            yield registry
        finally:
            registry.kill()


def free_port(rng: random.Random) -> int:
    """Return a port outside the range of client ports, as a client could otherwise connect to itself."""
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


def new_kill_test(query: Query, rng: random.Random, figures: dict[str, Any]) -> KillTest:
    port = free_port(rng)
    clients = [writer(f"client-{number}", port, random.Random(rng.random())) for number in range(CLIENTS)]
    return KillTest(port, clients, query, rng, figures)


def reader(path: Path) -> Query:
    """Return a function that reads the file from another process, with a read-only connection."""

    def query(statement: str) -> Sequence[Sequence[Any]]:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(statement).fetchall()

    return query


@needs_fork_server
@pytest.mark.sized(ci=12, nightly=1_000, release=10_000)
def test_a_killed_server_loses_nothing_and_repeats_nothing(
    tmp_path: Path, size: int, rounds: Iterator[int], rng: random.Random, figures: dict[str, Any]
) -> None:
    path = tmp_path / "registry.db"
    query = reader(path)
    kill_test = new_kill_test(query, rng, figures)
    with killed("--backend", f"sqlite:///{path}", "--no-console", "--port", str(kill_test.port), size=size) as registry:
        for number in rounds:
            kill_test.round(number, registry.kill, registry.start)
            if number % DEEP_CHECK == DEEP_CHECK - 1:
                assert query("PRAGMA integrity_check") == [("ok",)]
                kill_test.everything()
        kill_test.everything()
        figures["rows of history verified"] = kill_test.verify()
        assert query("PRAGMA integrity_check") == [("ok",)]
        assert registry.stop() == 0


def postgres_reader(url: str) -> Query:
    def query(statement: str) -> Sequence[Sequence[Any]]:
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    return query


@needs_fork_server
@pytest.mark.sized(ci=5, nightly=100, release=1_000)
def test_a_killed_server_on_postgresql_loses_nothing(
    postgres_url: str, size: int, rounds: Iterator[int], rng: random.Random, figures: dict[str, Any]
) -> None:
    kill_test = new_kill_test(postgres_reader(postgres_url), rng, figures)
    with killed("--backend", postgres_url, "--no-console", "--port", str(kill_test.port), size=size) as registry:
        for number in rounds:
            kill_test.round(number, registry.kill, registry.start)
        kill_test.everything()
        assert registry.stop() == 0


@pytest.mark.sized(ci=2, nightly=30, release=300)
def test_an_immediate_shutdown_of_the_database_loses_nothing(
    durable_postgres: Any, rounds: Iterator[int], rng: random.Random, figures: dict[str, Any]
) -> None:
    """Like `pg_ctl stop -m immediate` or the out-of-memory killer; the registry keeps running and waits.

    The database starts again immediately, during requests, each of which waits as long as the registry does.
    """
    url = durable_postgres.url("postgres")
    kill_test = new_kill_test(postgres_reader(url), rng, figures)
    for client in kill_test.clients:
        client.gives_up_at = frozenset({"ServiceUnavailable"})
    running = start("--backend", url, "--no-console", "--port", str(kill_test.port))

    def kill_it() -> None:
        durable_postgres.stop_immediately()
        durable_postgres.start()

    with ExitStack() as undo:
        undo.callback(running.kill)
        for number in rounds:
            kill_test.round(number, kill_it, lambda: wait_until_well(running))
        kill_test.everything()
        assert running.stop() == 0


def wait_until_well(served: Emulator) -> None:
    """Wait until a running registry responds again."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{served.url}/_registry/health", timeout=30):
                return
        except HTTPError as error:
            answer = error
    pytest.fail(f"it has not come back: {answer.code}")

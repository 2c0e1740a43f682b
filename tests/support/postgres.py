"""A real PostgreSQL for tests: a cluster of the session's own in a temporary folder, a fresh database for each test.

A plugin: `pytest_plugins = ("support.postgres",)`. Without PostgreSQL the tests that need it are skipped; with `CI` in
the environment they fail. The cluster sorts text as people do, so that a column that should not is noticed.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

MISSING = "PostgreSQL is not installed: apt-get install postgresql"
USER, PASSWORD = "registry", "s3cr3t-w0rd"
SETTINGS = {
    "fsync": "off",  # for speed: what a power cut does is the server's business
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
}


@dataclass
class Cluster:
    """A PostgreSQL that is running, unless it was stopped at once."""

    programs: Path
    folder: Path
    port: int
    settings: dict[str, str]
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def url(self, database: str, password: str = PASSWORD) -> str:
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run one statement outside a transaction; return its rows."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start it on its port, and return when it is ready."""
        settings = {**self.settings, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            command = [self.programs / "postgres", "-D", self.folder / "data", *options]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **_as(_owner()))
        deadline = time.monotonic() + 60
        while not self._is_ready():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """End it as it should be: its "fast shutdown"."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def stop_at_once(self) -> None:
        """End it as `pg_ctl stop -m immediate` does: nothing is finished, and the next start recovers from its log."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(60)

    def _is_ready(self) -> bool:
        """Whether this process, and no earlier one, says so in the file that PostgreSQL keeps of itself."""
        file = self.folder / "data" / "postmaster.pid"
        lines = file.read_text().splitlines() if file.exists() else []
        return len(lines) > 1 and lines[0] == str(self.process.pid) and "ready" in lines[-1]


@contextmanager
def cluster(**settings: str) -> Iterator[Cluster]:
    """Make a cluster in a temporary folder, with settings of its own; without PostgreSQL the test is skipped."""
    programs = _programs()
    if programs is None:
        if "CI" in os.environ:
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    owner = _owner()
    folder = Path(tempfile.mkdtemp(prefix="registry-postgres-"))
    try:
        if owner:
            shutil.chown(folder, *owner.values())
        _make(programs, folder, owner)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        made = Cluster(programs, folder, port, {**SETTINGS, **settings})
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    with cluster() as made:
        yield made


@pytest.fixture
def durable_postgres() -> Iterator[Cluster]:
    """Return a cluster of the test's own, to be stopped and started, that writes to disk what it has acknowledged."""
    with cluster(fsync="on", full_page_writes="on") as made:
        yield made


_names = (f"test_{number}" for number in count(1))


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """Return the URL of an empty database, which is dropped after the test with whatever is still connected."""
    name = next(_names)
    postgres_cluster.execute(f"CREATE DATABASE {name}")
    yield postgres_cluster.url(name)
    postgres_cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _programs() -> Path | None:
    """Return the folder of `initdb` and `postgres`: of PATH, else the newest of Debian's."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in versions), key=lambda path: float(path.parent.name), default=None)


def _owner() -> dict[str, str]:
    """Return as whom to run it: PostgreSQL refuses root."""
    return {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}


def _make(programs: Path, folder: Path, owner: dict[str, str]) -> None:
    password = folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    sorting = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]
    entrance = ["--auth-local=reject", "--auth-host=scram-sha-256", f"--username={USER}", f"--pwfile={password}"]
    command = [programs / "initdb", "--pgdata", folder / "data", "--no-sync", *sorting, *entrance]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=120, **_as(owner))


def _as(owner: dict[str, str]) -> dict[str, Any]:
    return {**owner, "extra_groups": []} if owner else {}

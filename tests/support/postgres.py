"""PostgreSQL for tests: a temporary cluster for the session, with an empty database for each test.

This is a plugin: `pytest_plugins = ("support.postgres",)`. Without PostgreSQL, tests are skipped, or fail if `CI` is
set. The cluster sorts text by language, so that tests notice a column that should not.
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
    "fsync": "off",  # for speed; power cuts are PostgreSQL's responsibility
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
}


@dataclass
class Cluster:
    """A running PostgreSQL cluster."""

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
        """Run one statement outside a transaction and return its rows."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start the cluster and return when it is ready."""
        settings = {**self.settings, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            command = [self.programs / "postgres", "-D", self.folder / "data", *options]
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, **_popen_options(_owner())
            )
        deadline = time.monotonic() + 60
        while not self._is_ready():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the cluster with a fast shutdown."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)

    def stop_immediately(self) -> None:
        """Stop the cluster like `pg_ctl stop -m immediate`; the next start recovers from the write-ahead log."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(60)

    def _is_ready(self) -> bool:
        """Return whether the file `postmaster.pid` shows this process as ready."""
        file = self.folder / "data" / "postmaster.pid"
        lines = file.read_text().splitlines() if file.exists() else []
        return len(lines) > 1 and lines[0] == str(self.process.pid) and "ready" in lines[-1]


@contextmanager
def cluster(**settings: str) -> Iterator[Cluster]:
    """Yield a cluster in a temporary folder with these settings; skip the test if PostgreSQL is missing."""
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
    """Return a cluster that a test can stop and start, and that writes acknowledged changes to disk."""
    with cluster(fsync="on", full_page_writes="on") as made:
        yield made


_names = (f"test_{number}" for number in count(1))


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """Return the URL of an empty database, which is dropped after the test together with its connections."""
    name = next(_names)
    postgres_cluster.execute(f"CREATE DATABASE {name}")
    yield postgres_cluster.url(name)
    postgres_cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _programs() -> Path | None:
    """Return the folder of `initdb` and `postgres` on PATH, or the newest one of Debian."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((path.parent for path in versions), key=lambda path: float(path.parent.name), default=None)


def _owner() -> dict[str, str]:
    """Return the user that runs PostgreSQL, which refuses to run as root."""
    return {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}


def _make(programs: Path, folder: Path, owner: dict[str, str]) -> None:
    password = folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    sorting = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]
    authentication = ["--auth-local=reject", "--auth-host=scram-sha-256", f"--username={USER}", f"--pwfile={password}"]
    command = [programs / "initdb", "--pgdata", folder / "data", "--no-sync", *sorting, *authentication]
    subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=120, **_popen_options(owner))


def _popen_options(owner: dict[str, str]) -> dict[str, Any]:
    return {**owner, "extra_groups": []} if owner else {}

"""A kill or power cut during the creation of a file leaves it empty or complete, and the next start succeeds."""

from __future__ import annotations

import os
import random
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from durability.environment import (
    image_folder,  # noqa: F401 - a fixture
    needs_fork,
)
from durability.power import Recorder, cuts
from durability.workload import CALLER, GROUP, digest_of, open_file, verify
from sagemaker_registry.backends.store.sqlite import schema
from sagemaker_registry.backends.store.sqlite import store as store
from sagemaker_registry.backends.store.sqlite.driver import sqlite3


def clear(path: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{end}").unlink(missing_ok=True)


def schema_of(path: Path) -> frozenset[str]:
    with closing(sqlite3.connect(path)) as connection:
        return frozenset(sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))


def killed_at(path: Path, statement: int) -> bool:
    """Open a file in a process that kills itself before this statement; return False if there are fewer statements."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: forks with threads
        child = os.fork()
    if child == 0:
        _open_and_die(path, statement)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _open_and_die(path: Path, statement: int) -> None:
    def die(number: int) -> None:
        if number == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        with traced(die):
            open_file(path)  # not closed: the process ends as if killed
        os._exit(0)
    except BaseException:
        os._exit(1)


@contextmanager
def traced(look: Callable[[int], None]) -> Iterator[None]:
    """Call a function before each statement of registries that are opened in the block."""
    connect, numbers = store.SQLiteRows._connect, count()

    def connect_traced(rows: store.SQLiteRows, pragmas: dict[str, str]) -> Any:
        connection = connect(rows, pragmas)
        connection.set_trace_callback(lambda _: look(next(numbers)))
        return connection

    store.SQLiteRows._connect = connect_traced  # type: ignore[method-assign]
    try:
        yield
    finally:
        store.SQLiteRows._connect = connect  # type: ignore[method-assign]


@needs_fork
@pytest.mark.sized(ci=12, nightly=1_000, release=1_000)
def test_a_kill_during_the_creation_of_a_file_leaves_it_complete_or_empty(
    image: Path, size: int, rng: random.Random, figures: dict[str, Any]
) -> None:
    """At each of the statements that create the file, or a sample of them; and after the last."""
    path = image / "registry.db"
    seen: list[int] = []
    with traced(seen.append):
        registry = open_file(path)
    registry.close()
    whole = digest_of(path)
    assert len(seen) > 30
    figures.update({"statements": len(seen), "kills": 0, "still empty": 0, "made": 0})
    for statement in (*sorted(rng.sample(seen, min(size, len(seen)))), len(seen)):
        clear(path)
        assert killed_at(path, statement) == (statement < len(seen))
        figures["kills"] += statement < len(seen)
        is_made = is_whole(path, whole, f"killed at {statement}")
        figures["made" if is_made else "still empty"] += 1
        assert_opens(path, whole)
    assert figures["made"]
    assert figures["still empty"]


@pytest.mark.sized(ci=100, nightly=3_000, release=30_000)
def test_a_power_cut_during_the_creation_of_a_file_leaves_it_complete_or_empty(
    image: Path, rounds: Iterator[int], size: int, rng: random.Random, figures: dict[str, Any]
) -> None:
    work, path = image / "work", image / "cut" / "registry.db"
    work.mkdir()
    path.parent.mkdir()
    disk = Recorder(work)
    with disk.in_use():
        open_file(work / "registry.db").close()
    whole = digest_of(work / "registry.db")
    figures.update({"power cuts": 0, "still empty": 0, "made": 0})
    for number, cut in zip(rounds, cuts(disk.taken(), size, rng), strict=False):
        cut.put_into(path.parent)
        figures["power cuts"] += 1
        figures["made" if is_whole(path, whole, str(cut)) else "still empty"] += 1
        if number % 20 == 0:
            assert_opens(path, whole)
    assert figures["made"]
    assert figures["still empty"]


def is_whole(path: Path, whole: bytes, what: str) -> bool:
    """Return whether a new file is complete; otherwise it must be empty."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        version = schema.version_of(connection)
    found = schema_of(path)
    assert bool(found) == (version is not None)
    assert not found or digest_of(path) == whole, f"half of a new file: {what}"
    return bool(found)


def assert_opens(path: Path, whole: bytes) -> None:
    """Open a file as the next start does, and assert that it is a registry."""
    registry = open_file(path)
    assert digest_of(path) == whole
    registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
    assert verify(registry) == 1
    registry.close()

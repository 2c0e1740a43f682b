"""A long read does not block writers, sees one snapshot, and the WAL that it holds back is reported."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.rows import PACKAGES
from sagemaker_registry.backends.store.sqlite import diagnosis
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from sagemaker_registry.client.doctor import examine

GROUP = {"ModelPackageGroupName": "churn"}
WRITERS = 4
MAX_VERSIONS = 20_000
AFTERWARDS = 200
LARGE = 2**20
"""The size of a log that `doctor` warns about in this test: some dozens of versions."""


@pytest.mark.sized(ci=5, nightly=60, release=60)
def test_a_reader_holds_the_wal_back_and_doctor_reports_it(
    size: int, figures: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lasts as many seconds as the size has, with at most 20,000 versions; nothing limits the WAL during a read."""
    monkeypatch.setattr(diagnosis, "LARGE_WAL", LARGE)
    file = tmp_path / "registry.db"
    wal = tmp_path / "registry.db-wal"
    rows = SQLiteRows(file)
    with LocalRegistry(rows) as registry:
        registry.call("CreateModelPackageGroup", GROUP, Caller())
        registry.call("CreateModelPackage", GROUP, Caller())
        with rows.reading() as view:
            assert count(view) == 1
            assert (journal(file).verdict, wal.stat().st_size < LARGE) == ("ok", True)
            durations = write(registry, seconds=size)
            assert count(view) == 1
            held_back = wal.stat().st_size
            assert held_back > LARGE
            assert journal(file).verdict == "warning"
        with rows.reading() as view:
            assert count(view) == 1 + len(durations)
        for _ in range(AFTERWARDS):
            registry.call("CreateModelPackage", GROUP, Caller())
        # Without a reader, the next commits are checkpointed and the WAL restarts at its beginning.
        assert wal.stat().st_size <= held_back + 4 * 2**20
        held_afterwards = frames(file)
        assert held_afterwards < AFTERWARDS * 100
    assert not wal.exists()
    figures |= {
        "versions during the read": len(durations),
        "MiB of WAL held back": held_back / 2**20,
        "ms p99 of a create": sorted(durations)[len(durations) * 99 // 100] * 1000,
        "ms longest": max(durations) * 1000,
    }


def journal(file: Path) -> Any:
    (found,) = [check for check in examine(f"sqlite:///{file}") if check.name == "journal"]
    return found


def write(registry: LocalRegistry, *, seconds: float) -> list[float]:
    """Let threads register versions for this many seconds; return how long each took."""
    deadline, durations = time.monotonic() + seconds, []

    def run() -> None:
        while time.monotonic() < deadline and len(durations) < MAX_VERSIONS:
            began = time.perf_counter()
            registry.call("CreateModelPackage", GROUP, Caller())
            durations.append(time.perf_counter() - began)

    threads = [threading.Thread(target=run) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return durations


def count(view: Any) -> int:
    return len(view.find(PACKAGES, [("name", "=", "churn")], limit=MAX_VERSIONS * 2))


def frames(file: Path) -> int:
    """Return the number of WAL pages not yet in the file, according to its index: mxFrame minus nBackfill."""
    index = file.with_name(f"{file.name}-shm").read_bytes()
    most, done = (int.from_bytes(index[place : place + 4], "little") for place in (16, 96))
    return most - done

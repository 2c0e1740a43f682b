"""A reader who takes its time: writers do not wait for it, it sees one moment, and the WAL it holds back is noticed."""

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
"""Bytes of a log that `doctor` is made to warn of: those of some dozens of versions."""


@pytest.mark.sized(ci=5, nightly=60, release=60)
def test_a_reader_holds_the_wal_back_and_doctor_says_so(
    size: int, figures: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For as many seconds as the size has, and 20,000 versions at most; nothing bounds it while somebody reads."""
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
            took = write(registry, seconds=size)
            assert count(view) == 1
            held_back = wal.stat().st_size
            assert held_back > LARGE
            assert journal(file).verdict == "warning"
        with rows.reading() as view:
            assert count(view) == 1 + len(took)
        for _ in range(AFTERWARDS):
            registry.call("CreateModelPackage", GROUP, Caller())
        # Nobody reads: the next commits are checkpointed, and the file is written from its beginning again.
        assert wal.stat().st_size <= held_back + 4 * 2**20
        held_afterwards = frames(file)
        assert held_afterwards < AFTERWARDS * 100
    assert not wal.exists()
    figures |= {
        "versions beside the reader": len(took),
        "MiB of WAL held back": held_back / 2**20,
        "ms p99 of a create": sorted(took)[len(took) * 99 // 100] * 1000,
        "ms longest": max(took) * 1000,
    }


def journal(file: Path) -> Any:
    (found,) = [check for check in examine(f"sqlite:///{file}") if check.name == "journal"]
    return found


def write(registry: LocalRegistry, *, seconds: float) -> list[float]:
    """Have some register versions for so long; return how long each took."""
    deadline, took = time.monotonic() + seconds, []

    def be() -> None:
        while time.monotonic() < deadline and len(took) < MAX_VERSIONS:
            began = time.perf_counter()
            registry.call("CreateModelPackage", GROUP, Caller())
            took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=be) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def count(view: Any) -> int:
    return len(view.find(PACKAGES, [("name", "=", "churn")], limit=MAX_VERSIONS * 2))


def frames(file: Path) -> int:
    """Return how many pages of the WAL are not in the file yet, as its index says: mxFrame less nBackfill."""
    index = file.with_name(f"{file.name}-shm").read_bytes()
    most, done = (int.from_bytes(index[place : place + 4], "little") for place in (16, 96))
    return most - done

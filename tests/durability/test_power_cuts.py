"""Power cuts at any moment of a workload lose no acknowledged change and leave a consistent database."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from durability.environment import image_folder  # noqa: F401 - a fixture
from durability.power import Acknowledged, Cut, Recorder, cuts
from durability.workload import CALLER, GROUP, changes, digest, digest_of, open_file, request, verify
from sagemaker_registry.backends.store.sqlite import store as store
from sagemaker_registry.backends.store.sqlite.driver import sqlite3

CHANGES = 40
CUTS = 500
"""Power cuts per run of the workload."""

PAGES = "48"
"""Pages of the write-ahead log before a checkpoint: few, so that cuts hit many checkpoints."""

OPENED_EVERY = 100
"""One of this many images is opened by the registry itself."""


def recorded(folder: Path, rng: random.Random) -> tuple[list[Any], list[bytes]]:
    """Run the workload in a new file; return the operations on the disk, and the state after each change.

    The registry is closed and opened again halfway.
    """
    path = folder / "registry.db"
    disk, states = Recorder(folder), [b""]
    with disk.in_use():
        session = [open_file(path)]
        for number, _ in enumerate(changes(lambda: session[-1], CHANGES, rng), 1):
            disk.log.append(Acknowledged(number))
            states.append(digest_of(path))
            if number == CHANGES // 2:
                session[-1].close()
                session.append(open_file(path))
        session[-1].close()
    return disk.taken(), states


def what_is_left(cut: Cut, image: Path, states: list[bytes]) -> int | None:
    """Return the number of changes in an image, or None if it holds none of the known states."""
    cut.put_into(image)
    with closing(sqlite3.connect(image / "registry.db", isolation_level=None)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            return 0
        found = digest(connection)
        empty = connection.execute("SELECT count(*) FROM history").fetchone() == (0,)
    return 0 if empty else states.index(found) if found in states else None


def fresh_cuts(folder: Path, rng: random.Random) -> Iterator[tuple[Cut, list[bytes]]]:
    """Yield endless power cuts with the known states; each run of the workload is cut a few hundred times."""
    while True:
        with tempfile.TemporaryDirectory(dir=folder) as run:
            log, states = recorded(Path(run), rng)
        for cut in cuts(log, CUTS, rng):
            yield cut, states


def assert_registry_works(cut: Cut, image: Path) -> None:
    """Open an image as the next start does, and register a version."""
    cut.put_into(image)
    registry = open_file(image / "registry.db")
    try:
        verify(registry)
        if cut.acknowledged:
            registry.call("CreateModelPackage", request("after-the-cut"), CALLER)
            found = registry.call("ListModelPackages", {"ModelPackageGroupName": GROUP, "MaxResults": 100}, CALLER)
            numbers = [one["ModelPackageVersion"] for one in found["ModelPackageSummaryList"]]
            assert numbers == sorted(set(numbers), reverse=True)
            assert numbers[0] == registered(image / "registry.db"), "a number was skipped or assigned twice"
            verify(registry)
    finally:
        registry.close()


def registered(path: Path) -> int:
    """Return the number of versions ever registered, according to the history; some were deleted."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        asked = "SELECT count(*) FROM history WHERE operation = 'CreateModelPackage'"
        (count,) = connection.execute(asked).fetchone()
    return int(count)


@pytest.mark.parametrize("journal", ["WAL", "TRUNCATE"])
@pytest.mark.sized(ci=300, nightly=50_000, release=500_000)
def test_a_power_cut_loses_nothing_acknowledged(
    journal: str,
    tmp_path: Path,
    image: Path,
    rounds: Iterator[int],
    rng: random.Random,
    figures: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(store.PRAGMAS, "wal_autocheckpoint", PAGES)
    if journal == "TRUNCATE":
        monkeypatch.setattr(store, "network_file_system", lambda path: "nfs")
    figures.update({"power cuts": 0, "lost": 0, "unanswered changes kept": 0, "opened by the registry": 0})
    for number, (cut, states) in zip(rounds, fresh_cuts(tmp_path, rng), strict=False):
        left = what_is_left(cut, image, states)
        assert left is not None, f"at {cut.at}, {cut.kept}: an unknown state"
        assert cut.acknowledged <= left <= cut.acknowledged + 1, f"at {cut.at}, {cut.kept}: {left} of {cut}"
        figures["power cuts"] += 1
        figures["unanswered changes kept"] += left - cut.acknowledged
        if number % OPENED_EVERY == 0:
            assert_registry_works(cut, image)
            figures["opened by the registry"] += 1


@pytest.mark.sized(ci=100, nightly=3_000, release=30_000)
def test_losses_without_full_synchronization_are_detected(
    tmp_path: Path,
    image: Path,
    rounds: Iterator[int],
    rng: random.Random,
    figures: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same cuts with `synchronous=NORMAL`, which promises less: losses show that the test can detect them."""
    monkeypatch.setitem(store.PRAGMAS, "wal_autocheckpoint", PAGES)
    monkeypatch.setitem(store.PRAGMAS, "synchronous", "NORMAL")
    lost = 0
    for number, (cut, states) in zip(rounds, fresh_cuts(tmp_path, rng), strict=False):
        left = what_is_left(cut, image, states)
        assert left is not None, f"at {cut.at}, {cut.kept}: an unknown state"
        lost += left < cut.acknowledged
        figures.update({"power cuts": number + 1, "lost acknowledged changes": lost})
    assert lost > 0

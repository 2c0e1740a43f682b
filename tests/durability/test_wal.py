"""The write-ahead log truncated or damaged anywhere: the result is the state after some change."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from durability.environment import image_folder  # noqa: F401 - a fixture
from durability.workload import changes, digest, digest_of, open_file, verify
from sagemaker_registry.backends.store.sqlite.driver import sqlite3

HEAD, FRAME = 32, 24 + 4096
CHANGES = 12
OFFSETS = (1, 7, 8, 23, 24, 25, 511, 512, 513, 2048, 4095, 4096, 4119)
"""Offsets in a frame at which the log is cut, in addition: within its header, at its end, and within its page."""


@dataclass(frozen=True)
class Left:
    """A file and its log as left by a killed process, and the state after each change."""

    file: bytes
    log: bytes
    states: list[bytes]


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    folder = tmp_path_factory.mktemp("left")
    path = folder / "registry.db"
    open_file(path).close()  # the schema is in the file; the log contains only changes
    registry = open_file(path)
    states = [digest_of(path)]
    states += [digest_of(path) for _ in changes(lambda: registry, CHANGES, random.Random(7))]
    for end in ("", "-wal"):
        shutil.copyfile(f"{path}{end}", folder / f"copy{end}")
    registry.close()
    return Left((folder / "copy").read_bytes(), (folder / "copy-wal").read_bytes(), states)


def changes_left(left: Left, log: bytes, folder: Path) -> int:
    """Return the number of changes in a file with this log; an unknown state is an error."""
    path = folder / "registry.db"
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    path.write_bytes(left.file)
    Path(f"{path}-wal").write_bytes(log)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = digest(connection)
    assert found in left.states, "an unknown state"
    return left.states.index(found)


@pytest.mark.sized(ci=1, nightly=len(OFFSETS), release=len(OFFSETS))
def test_a_truncated_log_is_an_earlier_state_and_a_longer_log_a_later_one(
    left: Left, image: Path, size: int, rng: random.Random, figures: dict[str, Any]
) -> None:
    """Between any two frames, and at this many places within each."""
    frames = range(HEAD, len(left.log) + 1, FRAME)
    within = {frame + offset for frame in frames[:-1] for offset in rng.sample(OFFSETS, size)}
    places = sorted({0, 1, 31, *frames, *within})
    before = 0
    for place in places:
        now = changes_left(left, left.log[:place], image)
        assert now >= before, f"cut at {place}, there is less than before"
        before = now
    assert before == CHANGES
    figures.update({"frames": len(frames) - 1, "cuts": len(places), "states seen": before + 1})


@pytest.mark.sized(ci=200, nightly=10_000, release=100_000)
def test_a_flipped_bit_ends_the_log_there(
    left: Left, image: Path, rounds: Iterator[int], rng: random.Random, figures: dict[str, Any]
) -> None:
    ends = [changes_left(left, left.log[:end], image) for end in range(HEAD, len(left.log) + 1, FRAME)]
    figures.update({"flips": 0, "all there": 0, "opened by the registry": 0})
    for number in rounds:
        log = bytearray(left.log)
        places = [rng.randrange(len(log)) for _ in range(rng.choice((1, 1, 1, 2, 8)))]
        for place in places:
            log[place] ^= 1 << rng.randrange(8)
        now = changes_left(left, log, image)
        whole = max(0, (min(places) - HEAD) // FRAME)
        assert now >= ends[whole] or min(places) < HEAD, f"flipped at {places}: whole frames before it are lost"
        figures["flips"] += len(places)
        figures["all there"] += now == CHANGES
        if number % 100 == 0:
            registry = open_file(image / "registry.db")
            verify(registry)
            registry.close()
            figures["opened by the registry"] += 1


def test_a_damaged_index_of_the_log_is_rebuilt(left: Left, image: Path) -> None:
    """The first process that opens a file after a crash rebuilds the index, whatever is left of it."""
    path = image / "registry.db"
    for index in (b"", b"\xff" * 32768, os.urandom(32768), os.urandom(100)):
        path.write_bytes(left.file)
        Path(f"{path}-wal").write_bytes(left.log)
        Path(f"{path}-shm").write_bytes(index)
        registry = open_file(path)
        assert digest_of(path) == left.states[-1]
        verify(registry)
        registry.close()

"""Simulated power cuts: the writes of a workload, sector by sector, and the possible contents of a disk afterwards.

Synced data is present. Of unsynced data, each sector of 512 bytes is present, missing or partly present; a file that
was truncated or removed may still be unchanged.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from durability.disk import OK, Disk

SECTOR = 512
JOURNALS = ("-journal", "-wal")
TORN = 0.02
"""The proportion of lost sectors that are partly present."""


@dataclass(frozen=True)
class Written:
    name: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class CutShort:
    name: str
    size: int


@dataclass(frozen=True)
class Synced:
    name: str


@dataclass(frozen=True)
class Removed:
    name: str
    surely: bool


@dataclass(frozen=True)
class Acknowledged:
    """The number of changes acknowledged to the caller."""

    count: int


class Recorder(Disk):
    """A disk that records the operations on the files of one folder in order."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.log: list[Any] = []

    def taken(self) -> list[Any]:
        """Return the log and start a new one; new disks would leak, as C keeps pointers to each."""
        log, self.log = self.log, []
        return log

    def before_write(self, path: Path, offset: int, data: bytes) -> int:
        return self._note(path, Written(path.name, offset, data))

    def before_truncate(self, path: Path, size: int) -> int:
        return self._note(path, CutShort(path.name, size))

    def before_sync(self, path: Path) -> int:
        return self._note(path, Synced(path.name))

    def before_delete(self, path: Path, *, surely: bool) -> int:
        return self._note(path, Removed(path.name, surely))

    def _note(self, path: Path, what: object) -> int:
        if path.parent == self.folder:
            self.log.append(what)
        return OK


@dataclass
class File:
    """One file: its safe content on the disk, and the operations since then in order."""

    safe: bytearray | None = None
    since: list[Any] = field(default_factory=list)
    removed: bool = False

    def sync(self) -> None:
        self.safe = self._after(bytearray(self.safe or b""), self.since, None, 1.0)
        self.since.clear()

    def after_a_cut(self, rng: random.Random, kept: float) -> bytearray | None:
        if (self.safe is None and not self.since) or (self.removed and rng.random() < kept):
            return None
        return self._after(bytearray(self.safe or b""), self.since, rng, kept)

    @staticmethod
    def _after(content: bytearray, done: Sequence[Any], rng: random.Random | None, kept: float) -> bytearray:
        for one in done:
            if isinstance(one, CutShort):
                if rng is None or rng.random() < kept:
                    del content[one.size :]
            elif rng is None:
                _put(content, one.offset, one.data)
            else:
                for offset, data in _sectors(one):
                    if rng.random() < kept:
                        _put(content, offset, data)
                    elif rng.random() < TORN:
                        _put(content, offset, data[: rng.randrange(len(data))])
        return content


@dataclass(frozen=True)
class Cut:
    """A disk after a power cut.

    Args:\n    files: content by name.\n    acknowledged: the number of acknowledged changes.\n    at: the number of
    started operations of the log.\n    kept: the probability that a sector was kept, to reproduce the cut.
    """

    files: dict[str, bytearray] = field(repr=False)
    acknowledged: int
    at: int
    kept: float

    def put_into(self, folder: Path) -> None:
        """Replace the content of the folder by these files."""
        for stale in folder.iterdir():
            stale.unlink()
        for name, content in self.files.items():
            (folder / name).write_bytes(content)


def cuts(
    log: Sequence[Any], count: int, rng: random.Random, before: Mapping[str, bytes] = MappingProxyType({})
) -> Iterator[Cut]:
    """Cut the power at random moments of a log, in order; `before` is the safe content at its start."""
    moments = sorted(rng.randrange(1, len(log) + 1) for _ in range(count))
    files = {name: File(bytearray(content)) for name, content in before.items()}
    acknowledged = done = 0
    for moment in moments:
        for one in log[done:moment]:
            if isinstance(one, Acknowledged):
                acknowledged = one.count
            else:
                _do(files, one)
        done = moment
        kept = rng.choice((0.0, 0.5, 1.0, rng.random()))
        found = {name: file.after_a_cut(rng, kept) for name, file in files.items()}
        yield Cut({name: one for name, one in found.items() if one is not None}, acknowledged, moment, kept)


def _do(files: dict[str, File], one: Any) -> None:
    if one.name not in files or files[one.name].removed:
        files[one.name] = File()
    file = files[one.name]
    if isinstance(one, Removed):
        files[one.name] = File() if one.surely else File(file.safe, file.since, removed=True)
    elif isinstance(one, Synced):
        if file.safe is None and one.name.endswith(JOURNALS):  # at the first sync, SQLite also syncs the folder
            for name in [name for name, other in files.items() if other.removed]:
                del files[name]
        file.sync()
    else:
        file.since.append(one)


def _sectors(one: Written) -> Iterator[tuple[int, bytes]]:
    offset, data = one.offset, one.data
    while data:
        size = SECTOR - offset % SECTOR
        yield offset, data[:size]
        offset, data = offset + size, data[size:]


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data

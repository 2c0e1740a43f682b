"""Processes that write to a registry concurrently, and the ledgers of their acknowledged versions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("writer.py")
ENDLESS = 10**9


@dataclass(frozen=True)
class Writers:
    """Processes that register versions, each with its own ledger."""

    processes: list[subprocess.Popen[str]]
    ledgers: list[Path]

    def acknowledged(self) -> list[int]:
        """Return the numbers acknowledged so far."""
        lines = (line for ledger in self.ledgers for line in ledger.read_text().splitlines(keepends=True))
        return [int(line) for line in lines if line.endswith("\n")]

    def finish(self) -> list[int]:
        """Wait until every process has registered its versions; return all numbers."""
        for process in self.processes:
            assert process.wait() == 0
        return self.acknowledged()

    def stop(self) -> list[int]:
        """Let the processes finish their current request; return all numbers."""
        for process in self.processes:
            process.communicate("stop\n", timeout=60)
            assert process.returncode == 0
        return self.acknowledged()


@contextmanager
def writing(url: str, group: str, folder: Path, *, processes: int, each: int = ENDLESS) -> Iterator[Writers]:
    """Let processes write to a group: all are writing when the block begins, and none after it."""
    if sys.platform == "win32":
        pytest.skip("writers wait for a word on their standard input, which Windows cannot")
    ledgers = [folder / f"{group}-{number}.ledger" for number in range(processes)]
    started: list[subprocess.Popen[str]] = []
    try:
        for ledger in ledgers:
            ledger.touch()
            command = [sys.executable, str(PROGRAM), url, group, str(each), str(ledger)]
            started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield Writers(started, ledgers)
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
            process.communicate()

"""Servers that are measured, each a process of its own, and what the system counts of a process (Linux)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
READY = "listening on "


@dataclass(frozen=True)
class Served:
    """A server that answers."""

    url: str
    pid: int

    @property
    def cpu(self) -> float:
        """Return the milliseconds of CPU its threads have used; those of threads that have ended are not counted.

        The scheduler counts nanoseconds, /proc/PID/stat has ticks of 10 ms.
        """
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6

    @property
    def resident(self) -> float:
        """Return its resident memory in MiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


@contextmanager
def served(command: Sequence[str], folder: Path) -> Iterator[Served]:
    """Start a server whose first line says where it listens; stop it in the end."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith(READY):
                    yield Served(line.removeprefix(READY).strip(), process.pid)
                    break
            else:
                errors.seek(0)
                raise RuntimeError(f"{' '.join(command)} did not start: {errors.read()}")
        finally:
            process.terminate()
            process.communicate()


def ours(backend: str) -> list[str]:
    """Return how the registry is served."""
    return ["-m", "sagemaker_registry.client.cli", "serve", "--port", "0", "--backend", backend]

"""Servers that are measured, each a process of its own, and what the system counts of a process (Linux)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
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
        """Return the milliseconds of CPU it has used.

        Its living threads are counted in nanoseconds, the process with those that have ended in ticks of 10 ms: what is
        more is nearer to the truth.
        """
        process = Path(f"/proc/{self.pid}")
        threads = 0
        for task in (process / "task").iterdir():
            with suppress(OSError):  # it has ended meanwhile
                threads += int((task / "schedstat").read_text().split()[0])
        ticks = sum(map(int, (process / "stat").read_text().rpartition(")")[2].split()[11:13]))
        return max(threads / 1e6, ticks * 1000 / os.sysconf("SC_CLK_TCK"))

    @property
    def resident(self) -> float:
        """Return its resident memory in MiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a process that is measured: nothing of whoever measures."""
    return {"PYTHONPATH": str(ROOT), "PATH": os.defpath, "HOME": str(folder)}


@contextmanager
def served(command: Sequence[str], folder: Path) -> Iterator[Served]:
    """Start a server whose first line says where it listens; stop it in the end."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=environment(folder),
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


def motos(port: int) -> list[str]:
    """Return how moto's server is started as its users start it; it does not say when it listens."""
    return ["-c", "from moto.server import main; main()", "-p", str(port)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def tell_when_it_listens(port: int) -> None:
    """Print that this process listens, as soon as it does: for servers that do not say so themselves."""

    def tell() -> None:
        while not listens(port):
            time.sleep(0.01)
        print(f"{READY}http://127.0.0.1:{port}", flush=True)

    threading.Thread(target=tell).start()

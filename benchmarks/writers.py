"""Eight writers at once: how long one of them waits, at the median, at the 99th percentile, and at worst.

Every create is a durable transaction of its own. Over HTTP the writers are connections to one server; in process they
are threads of one boto3 client on a file; and two processes of four threads each share one file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sagemaker_registry.client import connect

from . import load
from .figures import Figure, Figures, Notebook, Run, cell, number, ratio, table
from .processes import environment, ours, served
from .versions import GROUP, OPTIONS, VERSION

ROUNDS, COUNT, CLIENTS = 7, 1000, 8
PROCESSES = 2
WAYS = HTTP, THREADS, SHARED = "over HTTP", "threads in process", "two processes, one file"
PERCENTILES = {"median": 0.5, "p99": 0.99, "max": 1.0}


def measure(run: Run) -> list[Figure]:
    """Let the writers write each way in turn."""
    found, count = Notebook(), run.count(COUNT)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with (
            served(ours("sqlite:///served.db"), folder) as server,
            closing(connect(server.url, **OPTIONS)) as over_http,
            closing(connect(f"sqlite:///{folder}/local.db", **OPTIONS)) as local,
            closing(connect(f"sqlite:///{folder}/shared.db", **OPTIONS)) as shared,
        ):
            for client in (over_http, local, shared):
                client.create_model_package_group(ModelPackageGroupName=GROUP)
            messages = load.requests("CreateModelPackage", VERSION)
            ways: dict[str, Callable[[], list[float]]] = {
                HTTP: lambda: load.run(server.url, messages, clients=CLIENTS, count=count).took,
                THREADS: lambda: write(local, CLIENTS, count),
                SHARED: lambda: _two_processes(folder / "shared.db", count),
            }
            for turn in range(run.times(ROUNDS)):
                for way, writes in ways.items():
                    took = sorted(writes())
                    for name, share in PERCENTILES.items():
                        found.add(way, name, "ms", took[min(int(len(took) * share), len(took) - 1)], clients=CLIENTS)
                run.say(f"writers: round {turn + 1} of {run.times(ROUNDS)}")
    return found.figures()


def write(client: Any, threads: int, count: int) -> list[float]:
    """Register versions from several threads of one client; return the milliseconds each took."""
    create = client.create_model_package
    return load.threads(lambda: create(**VERSION), clients=threads, count=count // threads).took


def _two_processes(file: Path, count: int) -> list[float]:
    """Let two processes write one file: both begin when both are ready."""
    each = [str(file), str(CLIENTS // PROCESSES), str(count // PROCESSES)]
    command = [sys.executable, "-m", "benchmarks.writers", *each]
    started = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(file.parent)
        )
        for _ in range(PROCESSES)
    ]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    took: list[float] = []
    for process in started:
        out, _ = process.communicate()
        took += json.loads(out)
    return took


def main(file: str, threads: str, count: str) -> None:
    """Be one of the two processes."""
    with closing(connect(f"sqlite:///{file}", **OPTIONS)) as client:
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps(write(client, int(threads), int(count))))


def spread(figures: Figures, way: str) -> float | None:
    """Return how many times the median the 99th percentile is: in the median round."""
    median, p99 = (figures.get(way, name, "ms", clients=CLIENTS) for name in ("median", "p99"))
    return ratio(p99, median)


def page(figures: Figures) -> str:
    """Return a table of the ways to write."""
    rows = []
    for way in WAYS:
        cells = [cell(figures.get(way, name, "ms", clients=CLIENTS)) for name in PERCENTILES]
        times = spread(figures, way)
        rows.append([way, *cells, f"{number(times)} x" if times is not None else ""])
    return table([f"{CLIENTS} writers, milliseconds a create", *PERCENTILES, "p99 to median"], rows)


if __name__ == "__main__":
    main(*sys.argv[1:])

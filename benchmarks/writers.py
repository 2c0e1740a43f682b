"""Measure how long concurrent writers wait for each other."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier
from typing import Any

from sagemaker_registry.client import connect

from . import load
from .figures import MS, Figures, Goal, Run, ratio, table, times
from .load import GROUP, OPTIONS, VERSION

ROUNDS, COUNT, CLIENTS, PROCESSES = 7, 1000, 8, 2
WAYS = HTTP, THREADS, SHARED = "over HTTP", "threads in process", "two processes, one file"
SPAWN = get_context("spawn")
PERCENTILES = {"median": 0.5, "p99": 0.99, "max": 1.0}


def measure(run: Run) -> Figures:
    """Measure how long each of eight writers waits: the median, the 99th percentile, and the maximum.

    Every create is a separate durable transaction. Over HTTP, the writers are connections to one server. In process,
    they are threads of one boto3 client of a file. In the third case, two processes with four threads each share a
    file.
    """
    figures, rounds, count = Figures(), run.rounds_of(ROUNDS), max(run.requests_of(COUNT) // CLIENTS, 2)
    with (
        tempfile.TemporaryDirectory() as folder,
        load.served(load.registry_server("sqlite:///served.db"), Path(folder)) as server,
        closing(connect(server.url, **OPTIONS)) as over_http,
        closing(connect(f"sqlite:///{folder}/local.db", **OPTIONS)) as local,
        closing(connect(f"sqlite:///{folder}/shared.db", **OPTIONS)) as shared,
        SPAWN.Manager() as manager,
        ProcessPoolExecutor(PROCESSES, SPAWN) as pool,
    ):
        together = manager.Barrier(PROCESSES)
        for client in (over_http, local, shared):
            client.create_model_package_group(ModelPackageGroupName=GROUP)
        messages = load.requests("CreateModelPackage", [VERSION])

        def two_processes() -> list[float]:
            url = f"sqlite:///{folder}/shared.db"
            started = [pool.submit(_write_from, url, together, count) for _ in range(PROCESSES)]
            return [took for each in started for took in each.result()]

        ways: dict[str, Callable[[], list[float]]] = {
            HTTP: lambda: load.send(server, messages, clients=CLIENTS, count=count * CLIENTS).took,
            THREADS: lambda: _write(local, CLIENTS, count),
            SHARED: two_processes,
        }
        for turn in range(rounds):
            for way, writes in ways.items():
                took = sorted(writes())
                for name, share in PERCENTILES.items():
                    figures.add(way, name, MS, took[min(int(len(took) * share), len(took) - 1)], clients=CLIENTS)
            run.say(f"writers: round {turn + 1} of {rounds}")
    return figures


def _write(client: Any, threads: int, count: int) -> list[float]:
    return load.threads(lambda: client.create_model_package(**VERSION), clients=threads, count=count).took


def _write_from(url: str, together: Barrier, count: int) -> list[float]:
    """Write from one of the processes as soon as all are ready; return the milliseconds of each create."""
    with closing(connect(url, **OPTIONS)) as client:
        together.wait(load.PATIENCE)
        return _write(client, CLIENTS // PROCESSES, count)


def _spread(figures: Figures, way: str) -> float | None:
    median, p99 = (figures.get(way, name, MS, clients=CLIENTS) for name in ("median", "p99"))
    return ratio(p99, median)


def goals(figures: Figures) -> Iterator[Goal]:
    sentence = f"of {CLIENTS} writers, the 99th percentile waits at most 10 x the median"
    yield Goal(sentence, 10, {way: _spread(figures, way) for way in WAYS})


def tables(figures: Figures) -> Iterator[str]:
    rows = [
        [way, *(figures.get(way, name, MS, clients=CLIENTS) for name in PERCENTILES), times(_spread(figures, way))]
        for way in WAYS
    ]
    yield table([f"{CLIENTS} writers, milliseconds per create", *PERCENTILES, "p99 to median"], rows)

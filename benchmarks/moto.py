"""Against moto: the same requests, of one client and of eight, among a hundred versions and a hundred thousand.

Over HTTP, `sagemaker-registry serve` on a file against `moto_server`, as a bare HTTP client sees them; in process, a
stock boto3 client on `sqlite:///FILE` and `sqlite://` against one under moto's `mock_aws`. Both have the same versions:
one group of that many, one in fifty of which waits for a decision, and a tenth as many groups of one version. Every
write of ours but in `sqlite://` is durable; moto has everything in memory only.

What moto does not do: it searches versions, but not by metadata ("refused": Unknown property name), and returns all it
finds at once, without pages; it keeps no history and tells no events; it has no BatchDescribeModelPackage, deletes no
groups and versions, and knows no ClientToken. "list pending" is the first page of ListModelPackages with that status:
ours filters a page that was cut before, as AWS does, moto looks at all there are. Where several threads create at once,
moto may fail ("dictionary changed size during iteration").

In process, eight clients are threads of one interpreter, which begin together and call 64 times each, or for two
seconds. Python runs one of them at a time: a short call that is all Python, as many of moto's are, is over before
another thread has its turn, while ours lets others run as it waits for its lock and the disk. The time of a call would
compare unlike things, so there it is the rate of all that is shown.
"""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config

from sagemaker_registry.backends import open_backend
from sagemaker_registry.client import connect
from sagemaker_registry.client.inprocess import BEHIND

from . import growth, load, moto_filled
from .figures import Figure, Figures, Notebook, Run, number, ratio, table
from .processes import ours, served
from .versions import OPTIONS, arn, update

SIZES, QUICK_SIZES = (100, 10_000, 100_000), (100, 300)
CLIENTS = (1, 8)
ROUNDS, COUNT = 3, 64
"""How often all is measured, and how many requests there are: over HTTP of all clients, in process of each."""
SECONDS = 2.0
"""After which a cell has enough requests, however few they are."""
PATIENCE = 60.0
"""How long one answer may take."""
SERVED, MOTO_SERVER = "served", "`moto_server`"
FILE, MEMORY, MOCKED = "`sqlite:///FILE`", "`sqlite://`", "`mock_aws`"
MOTOS = {MOTO_SERVER, MOCKED}
MS, CPU, RATE = "ms", "CPU ms", "/s"
LACKING = {"search by metadata"}
"""What moto refuses."""


def requests(size: int) -> dict[str, tuple[str, list[Any]]]:
    """Return what is measured: by name, the operation, and the parameters that are sent in turn."""
    some = range(1, size + 1, max(size // 100, 1))
    group = {"ModelPackageGroupName": growth.GROUP, "MaxResults": 100}

    def search(name: str, value: str) -> dict[str, Any]:
        sought = {"Filters": [{"Name": name, "Operator": "Equals", "Value": value}]}
        return {"Resource": "ModelPackage", "MaxResults": 20, "SearchExpression": sought}

    commits = [growth.request(version)["CustomerMetadataProperties"]["commit"] for version in some]
    return {
        "create": ("CreateModelPackage", [growth.request(1000)]),
        "describe": ("DescribeModelPackage", [{"ModelPackageName": arn(version, growth.GROUP)} for version in some]),
        "update": (
            "UpdateModelPackage",
            [
                {"ModelPackageArn": arn(version, growth.GROUP), **update(times)}
                for times in range(2)
                for version in some
            ],
        ),
        "list, first page": ("ListModelPackages", [group]),
        "list pending": ("ListModelPackages", [{**group, "ModelApprovalStatus": "PendingManualApproval"}]),
        "search by status": ("Search", [search("ModelApprovalStatus", "Rejected")]),
        "search by metadata": (
            "Search",
            [search("CustomerMetadataProperties.commit", commit) for commit in commits],
        ),
    }


def measure(run: Run) -> list[Figure]:
    """Measure every operation on every registry of each size, in turn."""
    found = Notebook()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for size in QUICK_SIZES if run.quick else SIZES:
            run.say(f"moto: filling up to {size:,} versions")
            with open_backend(f"sqlite:///{folder}/filled.db") as registry:
                growth.fill(growth.local(registry), size, run.say)
                _verify(registry)
            with _over_http(folder, size) as by_name:
                _measure(run, found, size, by_name)
            with _in_process(folder, size) as by_name:
                _measure(run, found, size, by_name)
    return found.figures()


def _verify(registry: Any) -> None:
    """Make sure that what was filled in is what creates leave: so history says, as far as one call looks at it."""
    verified = registry.control("history/verify", {}, growth.CALLER)
    if verified["broken"] or verified["unrecorded"] or not verified["checked"]:
        raise RuntimeError(f"the registry was not filled as creates would: {verified}")


def shown(who: str, clients: int) -> str:
    """Return in which unit requests are compared: several clients in process by the rate of all, see above."""
    return RATE if clients > 1 and who not in (SERVED, MOTO_SERVER) else MS


Cell = Callable[[str, int, int, float], tuple[load.Load, float]]
"""Sends requests of an operation: of how many clients, how many, for how long; returns the load, and CPU ms."""


def _measure(run: Run, found: Notebook, size: int, by_name: dict[str, Cell]) -> None:
    rounds, count, seconds = run.times(ROUNDS), run.count(COUNT), SECONDS / (10 if run.quick else 1)
    lost: set[tuple[str, str, int]] = set()
    for turn in range(rounds + 1):  # the first is to warm up, and not noted
        for operation, clients in itertools.product(requests(size), CLIENTS if turn else CLIENTS[:1]):
            for who, cell in by_name.items():
                where: Any = {"size": size, "clients": clients}
                unit = shown(who, clients)
                if (who, operation, clients) in lost:
                    continue
                if who in MOTOS and operation in LACKING:
                    found.gave_up(who, operation, unit, "refused", **where)
                    continue
                try:
                    done, cpu = cell(operation, clients, count if turn else 1, seconds)
                except Exception as error:
                    if who not in MOTOS:
                        raise
                    lost.add((who, operation, clients))
                    why = f"gave up after {PATIENCE:g} s" if isinstance(error, TimeoutError) else "failed"
                    found.gave_up(who, operation, unit, why, **where)
                    run.say(f"moto: {operation} of {clients} clients on {who}: {str(error)[-200:]}")
                else:
                    if turn:
                        found.add(who, operation, unit, done.rate if unit == RATE else done.median, **where)
                        found.add(who, operation, CPU, cpu / len(done.took), **where)
        run.say(f"moto: {size:,} versions, {', '.join(by_name)}: round {turn} of {rounds}")


@contextmanager
def _over_http(folder: Path, size: int) -> Iterator[dict[str, Cell]]:
    shutil.copy(folder / "filled.db", folder / "served.db")
    with (
        served(ours("sqlite:///served.db"), folder) as registry,
        served(["-m", "benchmarks.moto_filled", str(size)], folder) as moto,
    ):

        def cell(place: Any) -> Cell:
            asked = {name: load.requests(*request) for name, request in requests(size).items()}

            def send(name: str, clients: int, count: int, seconds: float) -> tuple[load.Load, float]:
                cpu = place.cpu
                done = load.run(place.url, asked[name], clients=clients, count=count, limit=seconds, patience=PATIENCE)
                return done, place.cpu - cpu

            return send

        yield {SERVED: cell(registry), MOTO_SERVER: cell(moto)}


@contextmanager
def _in_process(folder: Path, size: int) -> Iterator[dict[str, Cell]]:
    from moto import mock_aws

    shutil.copy(folder / "filled.db", folder / "local.db")
    of_file = connect(f"sqlite:///{folder}/local.db", **OPTIONS)
    in_memory = connect("sqlite://", **OPTIONS)
    registry: Any = BEHIND[in_memory][0]
    filled = sqlite3.connect(folder / "filled.db")
    registry._backend.put_back(filled)
    filled.close()
    with mock_aws():
        moto_filled.fill(size)
        mocked = boto3.client("sagemaker", config=Config(max_pool_connections=max(CLIENTS)), **OPTIONS)

        def cell(client: Any) -> Cell:
            asked = {name: itertools.cycle(sent) for name, (_, sent) in requests(size).items()}
            methods = {name: getattr(client, xform_name(called)) for name, (called, _) in requests(size).items()}

            def call(name: str, clients: int, count: int, seconds: float) -> tuple[load.Load, float]:
                cpu = time.process_time()
                done = load.threads(
                    lambda: methods[name](**next(asked[name])), clients=clients, count=count, limit=seconds
                )
                return done, (time.process_time() - cpu) * 1000

            return call

        yield {FILE: cell(of_file), MEMORY: cell(in_memory), MOCKED: cell(mocked)}
    of_file.close()
    in_memory.close()


WAYS = {
    "Over HTTP": (SERVED, MOTO_SERVER),
    f"In process, {FILE}": (FILE, MOCKED),
    f"In process, {MEMORY}": (MEMORY, MOCKED),
}


def page(figures: Figures) -> str:
    """Return a table for each way to ask and number of clients: ours, moto's, and how many times faster ours is."""
    sizes = sorted({figure.size for figure in figures.all})
    names = list(requests(100))
    pairs = [
        (way, mine, motos, shown(mine, clients), clients) for way, (mine, motos) in WAYS.items() for clients in CLIENTS
    ]
    pairs.insert(1, ("Over HTTP, CPU of the server", SERVED, MOTO_SERVER, CPU, 1))
    parts = []
    for way, mine, motos, unit, clients in pairs:
        rows = [[name, *(_cell(figures, mine, motos, name, unit, size, clients) for size in sizes)] for name in names]
        counted = "requests a second of all" if unit == RATE else "milliseconds a request"
        title = f"{way}, {clients} client{'s' * (clients > 1)}, {counted}, ours / moto's:"
        parts.append(f"{title}\n\n{table(['versions', *(f'{size:,}' for size in sizes)], rows)}")
    return "\n\n".join(parts)


def _cell(figures: Figures, mine: str, motos: str, name: str, unit: str, size: int, clients: int) -> str:
    ours, other = (figures.get(who, name, unit, size, clients) for who in (mine, motos))
    other = other or figures.get(motos, name, shown(motos, clients), size, clients)  # which says why there is none
    if ours is None or not ours.values or other is None:
        return ""
    if not other.values:
        return f"{number(ours.median)} / {other.note}"
    times = ratio(ours, other) if unit == RATE else ratio(other, ours)
    return f"{number(ours.median)} / {number(other.median)}" + (f" ({number(times)} x)" if times is not None else "")

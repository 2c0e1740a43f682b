"""Our own floors: the same request answered by a constant, with nothing behind it, and one durable commit.

Over HTTP the floor is a Flask route under the same server, in process a stock boto3 client whose `before-call` handler
has the answer ready. A write has one durable SQLite commit of a version's record besides. This server answers calls in
front of Flask; what would be the least under it is a bare WSGI function that answers a constant behind the same gate
(which hosts and pages may ask), and is shown beside.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3

from sagemaker_registry.client import connect
from sagemaker_registry.client.inprocess import Answered

from . import load
from .figures import Figure, Figures, Notebook, Run, cell, number, ratio, table
from .processes import ours, served
from .versions import GROUP, OPTIONS, VERSION, arn, update

OURS, FLOOR, BARE = "served", "Flask, a constant", "WSGI and gate, a constant"
FILE, MEMORY, BOTO3 = "`sqlite:///FILE`", "`sqlite://`", "boto3, a constant"
COMMIT = "one SQLite commit"
OPERATIONS = {"describe": False, "list, 100 a page": False, "create": True, "update": True}
"""What is measured, and whether it writes: its floor is then with a commit."""
CALLS = {
    "describe": "DescribeModelPackage",
    "list, 100 a page": "ListModelPackages",
    "create": "CreateModelPackage",
    "update": "UpdateModelPackage",
}
CPU, WALL = "CPU ms", "ms"
VERSIONS = 100
ROUNDS = 9
COUNT = 200


def params(operation: str) -> Any:
    """Return what is sent, in turn: of many versions, as nobody asks for one again and again."""
    return {
        "describe": [{"ModelPackageName": arn(version)} for version in range(1, VERSIONS + 1)],
        "list, 100 a page": [{"ModelPackageGroupName": GROUP, "MaxResults": 100}],
        "create": [VERSION],
        "update": [
            {"ModelPackageArn": arn(version), **update(number)}
            for number in range(2)
            for version in range(1, VERSIONS + 1)
        ],
    }[operation]


def measure(run: Run) -> list[Figure]:
    """Measure the server against its floor, the client in this process against its floor, and a commit, in turn."""
    found = Notebook()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _over_http(run, folder, found)
        _in_process(run, folder, found)
    return found.figures()


def _over_http(run: Run, folder: Path, found: Notebook) -> None:
    count = run.count(COUNT)
    with served(ours("sqlite:///served.db"), folder) as server, closing(_client(server.url)) as client:
        fill(client)
        asked = {name: load.requests(CALLS[name], params(name)) for name in OPERATIONS}
        sizes = {name: load.run(server.url, asked[name], count=10).answered for name in OPERATIONS}
        constants = [f"{CALLS[name]}={size}" for name, size in sizes.items()]
        with (
            served(["-m", "benchmarks.constant", "flask", *constants], folder) as floor,
            served(["-m", "benchmarks.constant", "wsgi", *constants], folder) as bare,
            closing(Commits(folder)) as commits,
        ):
            same = {name: load.requests(CALLS[name], params(name), f"/{CALLS[name]}") for name in OPERATIONS}
            for name in OPERATIONS:
                for place in (floor, bare):
                    load.run(place.url, same[name], count=10)
            for number in range(run.times(ROUNDS)):
                for name in OPERATIONS:
                    for who, place, messages in ((BARE, bare, same), (FLOOR, floor, same), (OURS, server, asked)):
                        before = place.cpu
                        done = load.run(place.url, messages[name], count=count)
                        found.add(who, name, CPU, (place.cpu - before) / count)
                        found.add(who, name, WALL, done.median)
                _note(found, COMMIT, "commit", commits.one, count)
                run.say(f"floors over HTTP: round {number + 1} of {run.times(ROUNDS)}")


def _in_process(run: Run, folder: Path, found: Notebook) -> None:
    count = run.count(COUNT)
    clients = {FILE: connect(f"sqlite:///{folder}/local.db", **OPTIONS), MEMORY: connect("sqlite://", **OPTIONS)}
    work = {}
    for who, client in clients.items():
        fill(client)
        work[who] = calls(client)
    answers = {name: work[FILE][name]() for name in OPERATIONS}
    constant = boto3.client("sagemaker", endpoint_url="http://constant.invalid", **OPTIONS)
    by_operation = {CALLS[name]: answer for name, answer in answers.items()}
    answers_all: Any = lambda model, **_: (Answered(200), by_operation[model.name])  # noqa: E731 - the stubs know no answer
    constant.meta.events.register("before-call.sagemaker", answers_all)
    work = {BOTO3: calls(constant), **work}
    with closing(Commits(folder)) as commits:
        for number in range(run.times(ROUNDS)):
            for name in OPERATIONS:
                for who, by_name in work.items():
                    _note(found, who, name, by_name[name], count)
            _note(found, COMMIT, "commit, in process", commits.one, count)
            run.say(f"floors in process: round {number + 1} of {run.times(ROUNDS)}")
    for client in clients.values():
        client.close()


def _note(found: Notebook, who: str, what: str, call: Callable[[], object], count: int) -> None:
    cpu = time.process_time()
    done = load.threads(call, count=count)
    found.add(who, what, CPU, (time.process_time() - cpu) * 1000 / count)
    found.add(who, what, WALL, done.median)


def _client(url: str) -> Any:
    return boto3.client("sagemaker", endpoint_url=url, **OPTIONS)


def fill(client: Any, versions: int = VERSIONS) -> None:
    client.create_model_package_group(ModelPackageGroupName=GROUP)
    for _ in range(versions):
        client.create_model_package(**VERSION)


def calls(client: Any) -> dict[str, Callable[[], Any]]:
    """Return the operations as calls of a boto3 client, each with the next of its parameters."""
    methods = {
        "describe": client.describe_model_package,
        "list, 100 a page": client.list_model_packages,
        "create": client.create_model_package,
        "update": client.update_model_package,
    }

    def call(name: str, following: Iterator[Any]) -> Callable[[], Any]:
        return lambda: methods[name](**next(following))

    return {name: call(name, itertools.cycle(params(name))) for name in OPERATIONS}


class Commits:
    """A SQLite file with the durability of the registry's, and nothing else: one row a commit."""

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / "commits.db", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=OFF"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("CREATE TABLE IF NOT EXISTS kept (record TEXT NOT NULL) STRICT")
        self._record = json.dumps({**VERSION, "ModelPackageArn": arn(1), "CreatedBy": {"UserProfileArn": arn(1)}})
        for _ in range(1500):  # until the journal has grown to its size, as that of a registry in use has
            self.one()
        self._connection.execute("PRAGMA synchronous=FULL")

    def one(self) -> None:
        """Commit one row of the size of a version's record."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("INSERT INTO kept VALUES (?)", (self._record,))
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


PAIRS = {
    "over HTTP, CPU of the server": (CPU, (FLOOR, BARE), (OURS,), "commit"),
    "over HTTP, latency": (WALL, (FLOOR, BARE), (OURS,), "commit"),
    "in process, CPU": (CPU, (BOTO3,), (FILE, MEMORY), "commit, in process"),
    "in process, latency": (WALL, (BOTO3,), (FILE, MEMORY), "commit, in process"),
}
"""What a table compares: in which unit, the floors, with whom, and what a durable write has besides."""


def against_floor(figures: Figures, who: str, name: str, how: str, which: int = 0) -> float | None:
    """Return how many times one of the floors an operation costs; that of a durable write has a commit in it."""
    unit, floors, _, commit = PAIRS[how]
    floor = floors[which]
    durable = [figures.get(COMMIT, commit, unit)] if OPERATIONS[name] and who != MEMORY else []
    return ratio(figures.get(who, name, unit), figures.get(floor, name, unit), *durable)


def page(figures: Figures) -> str:
    """Return a table for each way to call: the floors, the commit, and what is measured with its ratio to each."""
    parts = []
    for how, (unit, floors, compared, commit) in PAIRS.items():
        rows = []
        for name, writes in OPERATIONS.items():
            cells = [name, *(cell(figures.get(floor, name, unit)) for floor in floors)]
            cells.append(cell(figures.get(COMMIT, commit, unit)) if writes else "")
            for who in compared:
                times = [against_floor(figures, who, name, how, which) for which in range(len(floors))]
                shown = ", ".join(f"{number(each)} x" for each in times if each is not None)
                cells.append(f"{cell(figures.get(who, name, unit))} ({shown})" if shown else "")
            rows.append(cells)
        of_each = f", and how many times {' and '.join(floors)}" if len(floors) > 1 else ""
        title = f"{how[0].upper()}{how[1:]}, milliseconds a request{of_each}:"
        parts.append(f"{title}\n\n" + table(["", *floors, COMMIT, *compared], rows))
    return "\n\n".join(parts)

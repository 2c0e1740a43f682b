"""Compare with floors; `python -m benchmarks.floors PORT OPERATION=BYTES...` serves constant responses."""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name
from flask import Flask, Response

from sagemaker_registry.client import connect
from sagemaker_registry.client.inprocess import HTTPResponse
from sagemaker_registry.emulator.http.server import Server, listen

from . import load
from .figures import CPU, MS, Figures, Goal, Run, ratio, table, times
from .load import GROUP, OPTIONS, VERSION

SERVER, FLASK = "`sagemaker-registry serve`", "constant Flask route"
FILE, MEMORY, BOTO3 = "`sqlite:///FILE`", "`sqlite://`", "constant boto3 response"
COMMIT = "one SQLite commit"
WAYS = {"Over HTTP": (FLASK, (SERVER,)), "In process": (BOTO3, (FILE, MEMORY))}
"""The floor of each way to call, and the subjects that are compared with it."""
VERSIONS, ROUNDS, COUNT = 100, 9, 200
REQUESTS: load.Requests = {
    "describe": ("DescribeModelPackage", [{"ModelPackageName": load.arn(n)} for n in range(1, VERSIONS + 1)]),
    "list, 100 a page": ("ListModelPackages", [{"ModelPackageGroupName": GROUP, "MaxResults": 100}]),
    "create": ("CreateModelPackage", [VERSION]),
    "update": ("UpdateModelPackage", load.updates(range(1, VERSIONS + 1))),
}
WRITES = {"create", "update"}


def measure(run: Run) -> Figures:
    """Compare the registry with floors: the same requests with constant responses, and one durable commit.

    The floor is the lowest possible cost. Over HTTP, it is a Flask route on the same HTTP server as the registry; in
    process, it is a boto3 client whose `before-call` handler returns a stored response. The floor of a durable write
    includes one SQLite commit of the record of a version. CPU time over HTTP is that of the server; the registry's
    server handles AWS operations without Flask.
    """
    figures = Figures()
    with tempfile.TemporaryDirectory() as temporary, _commits(Path(temporary)) as commit:
        folder = Path(temporary)
        with load.served(load.registry_server("sqlite:///served.db"), folder) as server:
            with closing(boto3.client("sagemaker", endpoint_url=server.url, **OPTIONS)) as client:
                load.register(client, VERSIONS)
            registry = load.over_http(server, REQUESTS)
            sizes = [f"{operation}={registry(name, count=10).size}" for name, (operation, _) in REQUESTS.items()]
            with load.served(["-m", "benchmarks.floors", load.PORT, *sizes], folder) as floor:
                flask = load.over_http(floor, REQUESTS, by_path=True)
                _measure(run, figures, "Over HTTP", {FLASK: flask, SERVER: registry}, commit)
        with (
            closing(connect(f"sqlite:///{folder}/local.db", **OPTIONS)) as file,
            closing(connect("sqlite://", **OPTIONS)) as memory,
        ):
            load.register(file, VERSIONS)
            load.register(memory, VERSIONS)
            callers = {BOTO3: load.in_process(_constant(file), REQUESTS)}
            callers |= {FILE: load.in_process(file, REQUESTS), MEMORY: load.in_process(memory, REQUESTS)}
            _measure(run, figures, "In process", callers, commit)
    return figures


def _measure(
    run: Run, figures: Figures, way: str, callers: dict[str, load.Caller], commit: Callable[[], object]
) -> None:
    rounds, count = run.rounds_of(ROUNDS), run.requests_of(COUNT)
    for name, call in ((name, call) for name in REQUESTS for call in callers.values()):
        call(name, count=10)
    for turn in range(rounds):
        for name in REQUESTS:
            for subject, call in callers.items():
                figures.add_load(subject, name, call(name, count=count))
        figures.add_load(COMMIT, way, load.threads(commit, count=count))
        run.say(f"floors: {way}, round {turn + 1} of {rounds}")


def _constant(client: Any) -> Any:
    """Return a boto3 client that returns a stored response of another client for each operation."""
    responses = {
        operation: getattr(client, xform_name(operation))(**params[0]) for operation, params in REQUESTS.values()
    }
    constant = boto3.client("sagemaker", endpoint_url="http://constant.invalid", **OPTIONS)
    answer: Any = lambda model, **_: (HTTPResponse(200), responses[model.name])  # noqa: E731 - the stubs lack the response
    constant.meta.events.register("before-call.sagemaker", answer)
    return constant


@contextmanager
def _commits(folder: Path) -> Iterator[Callable[[], None]]:
    """Yield a function that commits a row of the size of a version to a SQLite file as durably as the registry."""
    record = json.dumps({**VERSION, "ModelPackageArn": load.arn(1), "CreatedBy": {"UserProfileArn": load.arn(1)}})
    with closing(sqlite3.connect(folder / "commits.db", isolation_level=None, check_same_thread=False)) as connection:

        def commit() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO kept VALUES (?)", (record,))
            connection.execute("COMMIT")

        connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; CREATE TABLE kept (record TEXT)")
        for _ in range(1500):  # until the write-ahead log has its final size, as in a registry in use
            commit()
        connection.execute("PRAGMA synchronous=FULL")
        yield commit


def against_floor(figures: Figures, way: str, subject: str, name: str, unit: str) -> float | None:
    """Return the cost of an operation divided by that of its floor, which includes a commit for a durable write."""
    commits = [figures.get(COMMIT, way, unit)] if name in WRITES and subject != MEMORY else []
    return ratio(figures.get(subject, name, unit), figures.get(WAYS[way][0], name, unit), *commits)


def goals(figures: Figures) -> Iterator[Goal]:
    floor = "a Flask route with a constant response"
    for sentence, name in (
        (f"describe over HTTP costs at most 1.35 x {floor}, in CPU time of the server", "describe"),
        (f"a durable create over HTTP costs at most 1.35 x {floor} and one SQLite commit", "create"),
    ):
        yield Goal(sentence, 1.35, {"": against_floor(figures, "Over HTTP", SERVER, name, CPU)})
    for name in REQUESTS:
        sentence = f"in process, {name} costs at most 2 x a constant boto3 response"
        sentence += ", and one commit if durable" if name in WRITES else ""
        ratios = {subject: against_floor(figures, "In process", subject, name, CPU) for subject in (FILE, MEMORY)}
        yield Goal(sentence, 2, ratios)


def tables(figures: Figures) -> Iterator[str]:
    """Yield tables of the floors, the commit, and the subjects with their ratio to the floor."""
    for way, unit in ((way, unit) for way in WAYS for unit in (CPU, MS)):
        floor, subjects = WAYS[way]
        rows = []
        for name in REQUESTS:
            row = [name, figures.get(floor, name, unit), figures.get(COMMIT, way, unit) if name in WRITES else ""]
            for subject in subjects:
                against = times(against_floor(figures, way, subject, name, unit))
                row.append(f"{figures.get(subject, name, unit)} ({against})" if against else "")
            rows.append(row)
        yield f"{way}, {'CPU' if unit == CPU else 'latency'}, milliseconds per request (x the floor):"
        yield table(["", floor, COMMIT, *subjects], rows)


def main(port: str, *arguments: str) -> None:
    app = Flask(__name__, static_folder=None)
    for operation, _, size in (argument.partition("=") for argument in arguments):
        body = b'"' + b"x" * (int(size) - 2) + b'"'
        respond = lambda body=body: Response(body, content_type="application/x-amz-json-1.1")  # noqa: E731
        app.post(f"/{operation}", endpoint=operation)(respond)
    Server(app, listen("127.0.0.1", int(port))).run()


if __name__ == "__main__":
    main(*sys.argv[1:])

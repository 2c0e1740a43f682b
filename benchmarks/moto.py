"""Compare with moto; `python -m benchmarks.moto PORT SIZE` runs moto's server with SIZE versions."""

from __future__ import annotations

import itertools
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from inspect import signature
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config

from sagemaker_registry.backends import open_backend
from sagemaker_registry.client import connect
from sagemaker_registry.client.inprocess import BACKENDS

from . import growth, load
from .figures import CPU, MS, RATE, Figure, Figures, Goal, Run, ratio, table, times
from .load import GROUP, OPTIONS

SIZES, AT, CLIENTS = (100, 10_000, 100_000), 10_000, (1, 8)
"""Numbers of versions, the number that the goal is about, and numbers of concurrent clients."""
ROUNDS, COUNT, SECONDS = 3, 64, 2.0
"""Rounds; calls in each, of all clients over HTTP and of each client in process; and the time limit for them."""
SERVER, MOTO_SERVER = "`sagemaker-registry serve`", "`moto_server`"
FILE, MEMORY, MOCK_AWS = "`sqlite:///FILE`", "`sqlite://`", "`mock_aws`"
MOTO = {MOTO_SERVER, MOCK_AWS}
WAYS = {
    "Over HTTP": (SERVER, MOTO_SERVER),
    f"In process, {FILE}": (FILE, MOCK_AWS),
    f"In process, {MEMORY}": (MEMORY, MOCK_AWS),
}
REFUSED = "search by metadata"


def requests(size: int) -> load.Requests:
    some = range(1, size + 1, max(size // 100, 1))
    group = {"ModelPackageGroupName": GROUP, "MaxResults": 100}

    def search(name: str, value: str) -> dict[str, Any]:
        sought = {"Filters": [{"Name": name, "Operator": "Equals", "Value": value}]}
        return {"Resource": "ModelPackage", "MaxResults": 20, "SearchExpression": sought}

    commits = [growth.request(version)["CustomerMetadataProperties"]["commit"] for version in some]
    return {
        "create": ("CreateModelPackage", [growth.request(1000)]),
        "describe": ("DescribeModelPackage", [{"ModelPackageName": load.arn(version)} for version in some]),
        "update": ("UpdateModelPackage", load.updates(some)),
        "list, first page": ("ListModelPackages", [group]),
        "list pending": ("ListModelPackages", [{**group, "ModelApprovalStatus": "PendingManualApproval"}]),
        "search by status": ("Search", [search("ModelApprovalStatus", "Rejected")]),
        REFUSED: ("Search", [search("CustomerMetadataProperties.commit", commit) for commit in commits]),
    }


def measure(run: Run) -> Figures:
    """Compare the registry with moto, for one client and for eight, among up to 100,000 versions.

    Over HTTP, a plain HTTP client compares `sagemaker-registry serve` on a file with `moto_server`. In process, boto3
    clients of `sqlite:///FILE` and of `sqlite://` are compared with a client under moto's `mock_aws`. All contain the
    same versions: one group with all of them, of which one in fifty is pending, and a tenth as many groups with one
    version each. Every write except to `sqlite://` is durable; moto keeps all data in memory.

    moto cannot search by metadata ("refused": Unknown property name) and returns all results of a search at once,
    without pages. It keeps no history, sends no events, cannot delete groups or versions, and supports neither
    BatchDescribeModelPackage nor ClientToken. "list pending" is the first page of ListModelPackages with that status.
    The registry cuts the page first and then filters it, as AWS does; moto reads all versions. If several threads
    create versions at once, moto may fail ("dictionary changed size during iteration").

    In process, eight clients are threads of one interpreter. They start together, and each makes 64 calls or runs for
    two seconds. Python runs one thread at a time. A short call in pure Python, such as most calls of moto, ends before
    another thread runs, whereas the registry lets other threads run while it waits for its lock and the disk. The times
    of single calls are therefore not comparable, and the tables show the number of requests that all threads complete.
    """
    from moto import mock_aws

    figures, filled = Figures(), 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for size in run.sizes_of(SIZES):
            run.say(f"moto: filling up to {size:,} versions")
            with open_backend(f"sqlite:///{folder}/filled.db") as registry:
                growth.fill(registry, range(filled + 1, size + 1), run.say)
                verified = registry.extension("history/verify", {}, growth.CALLER)
                if verified["broken"] or verified["unrecorded"] or not verified["checked"]:
                    raise RuntimeError(f"the history of the filled registry is not valid: {verified}")
            filled, named = size, requests(size)
            shutil.copy(folder / "filled.db", folder / "served.db")
            with (
                load.served(load.registry_server("sqlite:///served.db"), folder) as server,
                load.served(["-m", "benchmarks.moto", load.PORT, str(size)], folder) as moto,
            ):
                callers = {SERVER: load.over_http(server, named), MOTO_SERVER: load.over_http(moto, named)}
                _measure(run, figures, size, callers)
            shutil.copy(folder / "filled.db", folder / "local.db")
            with (
                closing(connect(f"sqlite:///{folder}/local.db", **OPTIONS)) as file,
                closing(connect("sqlite://", **OPTIONS)) as memory,
                mock_aws(),
            ):
                behind: Any = BACKENDS[memory][0]
                growth.fill(behind._backend, range(1, size + 1), run.say)
                fill(size)
                mocked = boto3.client("sagemaker", config=Config(max_pool_connections=max(CLIENTS)), **OPTIONS)
                clients = {FILE: file, MEMORY: memory, MOCK_AWS: mocked}
                callers = {subject: load.in_process(client, named) for subject, client in clients.items()}
                _measure(run, figures, size, callers)
    return figures


def _measure(run: Run, figures: Figures, size: int, callers: dict[str, load.Caller]) -> None:
    rounds, limit = run.rounds_of(ROUNDS), SECONDS / (10 if run.quick else 1)
    for turn in range(rounds + 1):  # the first round warms up and is not recorded
        for name, clients in itertools.product(requests(size), CLIENTS if turn else CLIENTS[:1]):
            for subject, call in callers.items():
                key: Any = {"size": size, "clients": clients}
                note = "refused" if subject in MOTO and name == REFUSED else figures.get(subject, name, CPU, **key).note
                if not note:
                    try:
                        done = call(name, clients=clients, count=run.requests_of(COUNT) if turn else 1, limit=limit)
                    except Exception as error:
                        if subject not in MOTO:
                            raise
                        note = f"no response in {load.PATIENCE:g} s" if isinstance(error, TimeoutError) else "failed"
                        run.say(f"moto: {name}, {clients} clients, {subject}: {str(error)[-200:]}")
                if note:
                    figures.drop(subject, name, note, **key)
                elif turn:
                    figures.add_load(subject, name, done, **key)
        run.say(f"moto: {size:,} versions, {', '.join(callers)}: round {turn} of {rounds}")


def fill(size: int) -> None:
    """Add the versions of `growth.fill` to moto's memory; calls would take hours, as each create reads all versions."""
    from moto.sagemaker.models import ModelPackage, sagemaker_backends

    backend = sagemaker_backends["123456789012"]["us-east-1"]

    def register(group: str, version: int, request: dict[str, Any]) -> None:
        members: dict[str, Any] = dict.fromkeys(list(signature(ModelPackage).parameters))
        members |= {xform_name(name): value for name, value in request.items()}
        members |= {"model_package_name": group, "model_package_group_name": group, "model_package_version": version}
        members |= {"region_name": "us-east-1", "account_id": "123456789012", "model_package_type": "Versioned"}
        package = ModelPackage(**members)
        backend.model_package_name_mapping |= {package.model_package_name: package.arn, package.arn: package.arn}
        backend.model_packages[package.arn] = package

    backend.create_model_package_group(GROUP, "")
    for number_of_version in range(1, size + 1):
        register(GROUP, number_of_version, growth.request(number_of_version))
        if number_of_version % growth.VERSIONS_PER_GROUP == 0:
            group = f"group-{number_of_version // growth.VERSIONS_PER_GROUP:06}"
            backend.create_model_package_group(group, "")
            register(group, 1, {"ModelPackageGroupName": group, "ModelApprovalStatus": "Approved"})


def _unit(subject: str, clients: int) -> str:
    return RATE if clients > 1 and subject != SERVER else MS


def goals(figures: Figures) -> Iterator[Goal]:
    ratios = {}
    for name, clients in itertools.product(requests(AT), CLIENTS):
        moto, ours = (figures.get(subject, name, MS, AT, clients) for subject in (MOTO_SERVER, SERVER))
        ratios[f"{name}, {clients} client{'s' * (clients > 1)}"] = ratio(moto, ours)
    sentence = f"every operation moto's server answers is answered at least 8 x as fast at {AT:,} versions"
    yield Goal(sentence, 8, ratios, at_least=True)


def tables(figures: Figures) -> Iterator[str]:
    pairs = [
        (way, *of, _unit(of[0], clients), clients) for (way, of), clients in itertools.product(WAYS.items(), CLIENTS)
    ]
    pairs.insert(1, ("Over HTTP, CPU of the server", SERVER, MOTO_SERVER, CPU, 1))
    for way, ours, moto, unit, clients in pairs:
        counted = "requests per second of all" if unit == RATE else "milliseconds per request"
        yield f"{way}, {clients} client{'s' * (clients > 1)}, {counted}, registry / moto (times faster):"
        rows = []
        for name in requests(100):
            both = [[figures.get(of, name, unit, size, clients) for of in (ours, moto)] for size in figures.sizes]
            rows.append([name, *(_cell(*each) for each in both)])
        yield table(["versions", *(f"{size:,}" for size in figures.sizes)], rows)


def _cell(ours: Figure, moto: Figure) -> str:
    faster = times(ratio(ours, moto) if ours.unit == RATE else ratio(moto, ours))
    return f"{ours} / {moto}" + (f" ({faster})" if faster else "") if ours.values else ""


VERSIONS, STARTS = 200, 7
STARTED = NEW, EXISTING = "first call answered", "first call answered, existing file"
MEMORY_AT = ("memory then", f"memory after {VERSIONS} versions", "memory after an S3 upload too")


def measure_startup(run: Run) -> Figures:
    """Compare the startup time and memory of the registry's server with those of moto's server.

    A server has started when it has responded to its first ListModelPackageGroups, because a port may be open before
    the server is ready, and moto's server loads SageMaker with the first call. The registry starts with a new file, and
    with a file of 200 versions, which it checks for damage. Resident memory is read after the first response, after 200
    versions were registered and listed, and after an upload to S3, which moto handles in both servers.
    """
    figures, rounds = Figures(), run.rounds_of(STARTS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with open_backend(f"sqlite:///{folder}/existing.db") as registry:
            growth.fill(registry, range(1, VERSIONS + 1))
        for turn in range(rounds):
            _start(figures, SERVER, (NEW,), load.registry_server(f"sqlite:///{turn}.db"), folder)
            shutil.copy(folder / "existing.db", folder / "copy.db")
            _start(figures, SERVER, (EXISTING,), load.registry_server("sqlite:///copy.db"), folder)
            moto_server = ["-c", "from moto.server import main; main()", "-p", load.PORT]
            _start(figures, MOTO_SERVER, STARTED, moto_server, folder)
            run.say(f"startup: round {turn + 1} of {rounds}")
    return figures


def _start(figures: Figures, subject: str, operations: tuple[str, ...], arguments: list[str], folder: Path) -> None:
    with load.served(arguments, folder) as server:
        load.send(server, load.requests("ListModelPackageGroups", [{}]), count=1)
        took = {"s": time.perf_counter() - server.begun, "CPU s": server.cpu / 1000}
        for operation, unit in itertools.product(operations, took):
            figures.add(subject, operation, unit, took[unit])
        if NEW not in operations:
            return
        figures.add(subject, MEMORY_AT[0], "MiB", server.resident)
        with closing(boto3.client("sagemaker", endpoint_url=server.url, **OPTIONS)) as sagemaker:
            load.register(sagemaker, VERSIONS)
            sagemaker.list_model_packages(ModelPackageGroupName=GROUP)
        figures.add(subject, MEMORY_AT[1], "MiB", server.resident)
        with closing(boto3.client("s3", endpoint_url=server.url, **OPTIONS)) as s3:
            s3.create_bucket(Bucket="models-of-the-bench")
            s3.put_object(Bucket="models-of-the-bench", Key="model.tar.gz", Body=b"m" * 100_000)
        figures.add(subject, MEMORY_AT[2], "MiB", server.resident)


def _to_moto(figures: Figures, operation: str, unit: str) -> float | None:
    return ratio(figures.get(SERVER, operation, unit), figures.get(MOTO_SERVER, operation, unit))


def startup_goals(figures: Figures) -> Iterator[Goal]:
    files = {"a new file": NEW, "an existing file": EXISTING}
    ratios = {f"{file}, {unit}": _to_moto(figures, files[file], unit) for file in files for unit in ("CPU s", "s")}
    yield Goal("the first call is answered in half of the time moto's server needs from its start", 0.5, ratios)
    used = (f"{VERSIONS} versions were registered and listed", "an upload to S3 as well, which loads moto,")
    for use, operation in zip(used, MEMORY_AT[1:], strict=True):
        sentence = f"memory after {use} is at most half of that of moto's server"
        yield Goal(sentence, 0.5, {"": _to_moto(figures, operation, "MiB")})


def startup_tables(figures: Figures) -> Iterator[str]:
    rows = []
    for operation, unit in [*itertools.product(STARTED, ("CPU s", "s")), *((each, "MiB") for each in MEMORY_AT)]:
        values = [figures.get(subject, operation, unit) for subject in (SERVER, MOTO_SERVER)]
        rows.append([f"{operation}, {unit}", *values, times(ratio(*values))])
    yield table(["", SERVER, MOTO_SERVER, "registry to moto"], rows)


def main(port: str, size: str) -> None:
    from moto.server import main as serve

    fill(int(size))
    serve(["-p", port])


if __name__ == "__main__":
    main(*sys.argv[1:])

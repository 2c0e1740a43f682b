"""Concurrent registrations and approvals from threads, processes and servers: numbers are unique and consecutive.

The stored versions are exactly the acknowledged ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import orjson
import pytest

from durability.queries import verified
from durability.writers import writing
from sagemaker_registry.backends import open_backend
from sagemaker_registry.backends.base import Backend, Caller
from support.server import Emulator

pytest_plugins = ("support.postgres",)

GROUP = {"ModelPackageGroupName": "churn"}
PROCESSES, CLIENTS = 8, 64
EVERY = 3
"""The creator approves one version of this many."""

Call = Callable[[str, dict[str, Any]], dict[str, Any]]
Connect = Callable[[], Any]
"""Opens a connection to the registry for one client: a context manager that yields a Call."""


@dataclass
class Ledger:
    """The versions acknowledged to one client, and those it approved."""

    created: list[int] = field(default_factory=list)
    approved: list[int] = field(default_factory=list)


def in_process(backend: Backend) -> Connect:
    @contextmanager
    def connect() -> Iterator[Call]:
        yield lambda operation, params: backend.call(operation, params, Caller())

    return connect


def served(url: str) -> Connect:
    @contextmanager
    def connect() -> Iterator[Call]:
        with closing(HTTPConnection(url.removeprefix("http://"), timeout=120)) as connection:

            def call(operation: str, params: dict[str, Any]) -> dict[str, Any]:
                headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"SageMaker.{operation}"}
                connection.request("POST", "/", orjson.dumps(params), headers)
                with connection.getresponse() as answer:
                    content: dict[str, Any] = orjson.loads(answer.read())
                assert answer.status == 200, content
                return content

            yield call

    return connect


def register_and_approve(connect: Connect, count: int, ledger: Ledger) -> None:
    with connect() as call:
        for _ in range(count):
            arn = call("CreateModelPackage", GROUP)["ModelPackageArn"]
            ledger.created.append(int(arn.rpartition("/")[2]))
            if len(ledger.created) % EVERY == 0:
                call("UpdateModelPackage", {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"})
                ledger.approved.append(ledger.created[-1])


def stored(backend: Backend) -> Iterator[tuple[int, str, int]]:
    """Yield the number, approval status and revision of each version in order."""
    asked: dict[str, Any] = {"group": "churn", "order": "Ascending"}
    while True:
        page = backend.extension("versions", asked, Caller())
        for version in page["versions"]:
            record = version["record"]
            yield record["ModelPackageVersion"], record["ModelApprovalStatus"], version["rev"]
        if "next_token" not in page:
            return
        asked["next_token"] = page["next_token"]


def changes_verified(backend: Backend) -> int:
    return verified(lambda name, asked: backend.extension(name, asked, Caller()))


@pytest.mark.sized(ci=1_000, nightly=100_000, release=1_000_000)
def test_processes_on_one_file_get_consecutive_numbers(size: int, figures: dict[str, Any], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/registry.db"
    with open_backend(url) as backend:
        backend.call("CreateModelPackageGroup", GROUP, Caller())
        with writing(url, "churn", tmp_path, processes=PROCESSES, each=size // PROCESSES) as writers:
            acknowledged = writers.finish()
        assert sorted(acknowledged) == list(range(1, size + 1))
        assert [number for number, _, _ in stored(backend)] == list(range(1, size + 1))
        figures |= {"processes": PROCESSES, "versions": size, "changes verified": changes_verified(backend)}
        assert figures["changes verified"] == size + 1


@pytest.mark.sized(ci=384, nightly=100_000, release=1_000_000)
@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_clients_of_several_servers_register_and_approve_concurrently(
    store: str,
    size: int,
    figures: dict[str, Any],
    tmp_path: Path,
    serve: Callable[..., Emulator],
    request: pytest.FixtureRequest,
) -> None:
    """Two servers on one database; on a file, a registry in this process is the third writer."""
    url = request.getfixturevalue("postgres_url") if store == "postgres" else f"sqlite:///{tmp_path}/registry.db"
    with open_backend(url) as backend:
        backend.call("CreateModelPackageGroup", GROUP, Caller())
        connects = [served(serve("--backend", url).url) for _ in range(2)]
        connects += [in_process(backend)] if store == "sqlite" else []
        ledgers = [Ledger() for _ in range(CLIENTS)]
        threads = [
            threading.Thread(
                target=register_and_approve, args=[connects[place % len(connects)], size // CLIENTS, ledger]
            )
            for place, ledger in enumerate(ledgers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        count = size // CLIENTS * CLIENTS
        assert sorted(number for ledger in ledgers for number in ledger.created) == list(range(1, count + 1))
        approved = {number for ledger in ledgers for number in ledger.approved}
        assert [*stored(backend)] == [
            (number, "Approved", 1) if number in approved else (number, "PendingManualApproval", 0)
            for number in range(1, count + 1)
        ]
        assert changes_verified(backend) == 1 + count + len(approved)
        figures |= {"clients": CLIENTS, "versions": count, "approvals": len(approved)}

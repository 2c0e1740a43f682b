"""A registry at work in process, change after change, and how to tell which of them a database holds."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.local.driver import sqlite3
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.local.sqlite import SQLiteRows

CALLER = Caller()
GROUP = "churn"
CONTENT = tuple(
    f"SELECT {columns} FROM {table} ORDER BY {order}"
    for table, columns, order in (
        ("model_package_groups", "name, last_version, rev, record", "name"),
        ("model_packages", "name, version, approval, rev, record", "name, version"),
        ("history", "name, seq, hash, content", "name, seq"),
        ("history_heads", "name, seq, hash", "name"),
        ("events", "name, seq, position, record", "name, seq"),
        ("event_notes", "name, seq, version", "name, seq"),
        ("client_tokens", "token, digest, record", "token"),
    )
)


def open_file(path: Path) -> LocalRegistry:
    return LocalRegistry(SQLiteRows(path))


def request(token: str) -> dict[str, Any]:
    return {
        "ModelPackageGroupName": GROUP,
        "ModelApprovalStatus": "PendingManualApproval",
        "CustomerMetadataProperties": {"token": token},
        "ClientToken": token,
    }


def changes(registry: Callable[[], LocalRegistry], count: int, rng: random.Random) -> Iterator[None]:
    """Make changes, of which each is one transaction, and pause when it is acknowledged."""
    registry().call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
    yield
    made: list[str] = []
    for number in range(1, count):
        if not made or rng.random() < 0.5:
            made.append(registry().call("CreateModelPackage", request(f"token-{number}"), CALLER)["ModelPackageArn"])
        else:
            change = {
                "ModelPackageArn": rng.choice(made),
                "ModelApprovalStatus": rng.choice(("Approved", "Rejected")),
                "ApprovalDescription": f"{number} {'because ' * rng.randrange(100)}",
            }
            registry().call("UpdateModelPackage", change, CALLER)
        yield


def digest(connection: Any) -> bytes:
    """Return what stands for all there is in a registry's database."""
    content = hashlib.blake2b(digest_size=16)
    for statement in CONTENT:
        content.update(repr(connection.execute(statement).fetchall()).encode())
    return content.digest()


def digest_of(path: Path) -> bytes:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return digest(connection)


def made(path: Path, count: int = 30, *, log: bool = False) -> list[bytes]:
    """Make a registry of some changes in a file; with its write-ahead log beside it, as a killed process leaves it.

    Returns:
        What it has been, change after change.
    """
    elsewhere = path.with_name("made")
    elsewhere.mkdir()
    registry = open_file(elsewhere / path.name)
    states = [digest_of(elsewhere / path.name)]
    states += [digest_of(elsewhere / path.name) for _ in changes(lambda: registry, count, random.Random(count))]
    if not log:
        registry.close()
    for file in sorted(elsewhere.iterdir()):
        if file.suffix != ".lock":
            shutil.copyfile(file, path.with_name(file.name))
    if log:
        registry.close()
    shutil.rmtree(elsewhere)
    return states


def verify(registry: LocalRegistry) -> int:
    """Have a registry verify its whole history; return how many rows it has."""
    rows, token = 0, None
    while True:
        found = registry.control("history/verify", {"next_token": token} if token else {}, CALLER)
        assert found["broken"] == []
        rows += found["checked"]
        token = found.get("next_token")
        if token is None:
            return rows

"""A workload of changes to an in-process registry, and digests that identify which of them a database contains."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from durability.queries import verified
from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.sqlite.driver import sqlite3
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows

CALLER = Caller()
GROUP = "churn"
POLICY = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sagemaker:DescribeModelPackageGroup", '
    '"Principal": {"AWS": "arn:aws:iam::210987654321:root"}, '
    '"Resource": "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn"}]}'
)
TAGS = ("team", "cost-centre", "stage")


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
    """Make changes, each one transaction with a new state, and yield after each is acknowledged."""

    def call(operation: str, **params: Any) -> Any:
        return registry().call(operation, params, CALLER)

    group = call("CreateModelPackageGroup", ModelPackageGroupName=GROUP)["ModelPackageGroupArn"]
    yield
    made: list[str] = []
    tags: dict[str, None] = {}
    has_policy = False
    for number in range(1, count):
        chance = rng.random()
        if not made or chance < 0.45:
            made.append(call("CreateModelPackage", **request(f"token-{number}"))["ModelPackageArn"])
        elif chance < 0.75:
            status, reason = rng.choice(("Approved", "Rejected")), f"{number} {'because ' * rng.randrange(100)}"
            arn = rng.choice(made)
            call("UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus=status, ApprovalDescription=reason)
        elif chance < 0.83 or (chance < 0.88 and not tags):
            key = rng.choice(TAGS)
            tags[key] = None
            call("AddTags", ResourceArn=group, Tags=[{"Key": key, "Value": str(number)}])
        elif chance < 0.88:
            call("DeleteTags", ResourceArn=group, TagKeys=[tags.popitem()[0]])
        elif chance < 0.95:
            if has_policy:
                call("DeleteModelPackageGroupPolicy", ModelPackageGroupName=GROUP)
            else:
                call("PutModelPackageGroupPolicy", ModelPackageGroupName=GROUP, ResourcePolicy=POLICY)
            has_policy = not has_policy
        else:
            call("DeleteModelPackage", ModelPackageName=made.pop(rng.randrange(len(made))))
        yield


def digest(connection: Any) -> bytes:
    """Return a digest of everything in a registry's database."""
    content = hashlib.blake2b(digest_size=16)
    for name, table in connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY name"):
        rows = connection.execute(f'SELECT * FROM "{name}"').fetchall()
        content.update(repr((table, sorted(map(repr, rows)))).encode())
    return content.digest()


def digest_of(path: Path) -> bytes:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return digest(connection)


def made(path: Path, count: int = 30, *, log: bool = False) -> list[bytes]:
    """Create a registry with some changes in a file, optionally with its write-ahead log as left by a killed process.

    Returns:\n    The digest after each change.
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
    """Verify the whole history of a registry; return the number of entries."""
    return verified(lambda name, asked: registry.extension(name, asked, CALLER))

"""Files with history, and direct changes of their rows."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows

CALLER = Caller()
ARN = "arn:aws:sagemaker:us-east-1:{}:{}"


def write_history(path: Path) -> None:
    """Write a file with the history of two groups, one of them reviewed."""
    with LocalRegistry(SQLiteRows(path)) as registry:
        for group in ("churn", "fraud"):
            registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": group}, CALLER)
            for _ in range(2):
                registry.call("CreateModelPackage", {"ModelPackageGroupName": group}, CALLER)
        arn = ARN.format(CALLER.account, "model-package/churn/1")
        registry.call("UpdateModelPackage", {"ModelPackageArn": arn, "ModelApprovalStatus": "Rejected"}, CALLER)


def problems(path: Path) -> list[tuple[str, int | None, str]]:
    with LocalRegistry(SQLiteRows(path)) as registry:
        found = registry.extension("history/verify", {}, CALLER)
    return [(one["name"], one["seq"], one["why"]) for one in found["broken"]]


def unrecorded(path: Path) -> int:
    with LocalRegistry(SQLiteRows(path)) as registry:
        return int(registry.extension("history/verify", {}, CALLER)["unrecorded"])


def edit(path: Path, *statements: str) -> None:
    """Change rows; each statement must change at least one."""
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0
    connection.close()

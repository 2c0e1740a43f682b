"""On what was measured: what decides about the figures, and nothing that tells whose machine it is."""

from __future__ import annotations

import os
import platform
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("sagemaker-registry", "boto3", "flask", "waitress", "moto")


def described() -> str:
    """Return a line: cores, system, Python, SQLite and libraries, and the day."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [
        f"{cores} cores",
        f"{platform.system()} {platform.machine()}",
        f"{platform.python_implementation()} {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        *(f"{name} {_version(name)}" for name in LIBRARIES),
        f"{datetime.now(UTC):%Y-%m-%d}",
    ]
    return ", ".join(parts)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"

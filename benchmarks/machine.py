"""On what was measured: what decides about the figures, and nothing that tells whose machine it is."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .processes import ROOT

LIBRARIES = ("boto3", "flask", "waitress", "moto")
MEMORY_ONLY = {"tmpfs", "ramfs"}
PAGE, SYNCS = 4096, 200


def described() -> str:
    """Return a line: cores, system, Python, SQLite and libraries, the commit that was measured, and the day."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parts = [
        f"{cores} cores",
        f"{platform.system()} {platform.machine()}",
        f"{platform.python_implementation()} {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        f"sagemaker-registry {_version('sagemaker-registry')}{commit()}",
        *(f"{name} {_version(name)}" for name in LIBRARIES),
        f"{datetime.now(UTC):%Y-%m-%d}",
    ]
    return ", ".join(parts)


def commit(root: Path = ROOT) -> str:
    """Return the commit that is checked out, such as ` at 0123abc`, with `+` if files differ from it.

    Without git, or outside of a checkout, it is empty.
    """
    try:
        head = _git(root, "rev-parse", "--short", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f" at {head}{'+' if changed else ''}"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def fdatasync() -> float:
    """Return the median milliseconds until a page that was written over in a file is on the disk.

    The file is where the registries that are measured are, and has its size already, as SQLite's log in use has.
    """
    took = []
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(bytes(PAGE * SYNCS))
        os.fsync(file.fileno())
        for number in range(SYNCS):
            os.pwrite(file.fileno(), b"p" * PAGE, PAGE * number)
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took)


def file_system(folder: str | None = None, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Return the type of the file system that registries are measured on, such as `ext4`."""
    here, holding = Path(folder or tempfile.gettempdir()).resolve(), (-1, "an unknown file system")
    for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        _, point, kind, *_ = line.split(" ")
        mount = Path(point.replace("\\040", " "))
        if here.is_relative_to(mount):
            holding = max(holding, (len(mount.parts), kind), key=lambda found: found[0])
    return holding[1]


def disk(kind: str, before: float, after: float) -> str:
    """Return a line: on what files are, and what `fdatasync` took before a measurement and after it."""
    if kind in MEMORY_ONLY:
        return f"Files are on {kind}, in memory: no write was durable, set TMPDIR to a folder on a disk."
    return f"Files are on {kind}; a page of 4 KiB was on the disk in {before:.2g} ms before, and {after:.2g} ms after."


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"

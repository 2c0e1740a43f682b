"""What heavy tests need of a machine: where files are made and thrown away, a small disk, and what Linux alone has.

Files are made in memory, where there is any, as nobody's disk is the better for it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
needs_nursery = pytest.mark.skipif(
    not (hasattr(os, "fork") and hasattr(socket, "send_fds")), reason="this system hands no open files to processes"
)
needs_proc = pytest.mark.skipif(not Path("/proc/locks").exists(), reason="what is locked and open is read from /proc")


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """Have a file system of its own in a folder, in memory; the test is skipped where that cannot be had."""
    if shutil.which("mount") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", *(["-o", ",".join(options)] if options else []), "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not let root mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(name="image")
def place_for_images() -> Iterator[Path]:
    """Return an empty folder."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)

"""Where many files are made and thrown away: in memory, where there is any, as nobody's disk is the better for it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture(name="image")
def place_for_images() -> Iterator[Path]:
    """Return an empty folder."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)

"""Files that are whole, on the disk, and their owner's alone: for whatever writes one that must outlive a power cut."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

PART: Final = ".new"
"""What the name of a file ends in while it is written to; one that is left was cut off."""


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes its name when the block ends, and is there after a power cut then.

    Until then, and when the block fails, what was there stays; of several that write at once, one is whole in the end.
    A link there is replaced, and not written through.

    Args:
        path: in a folder that is there.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)  # of mode 0600
    part = Path(name)
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, for their owner alone; those that are there stay as they are.

    Raises:
        OSError: one cannot be made.
    """
    for one in (*reversed(folder.parents), folder):  # each by itself: of several, a mode is for the last one made
        one.mkdir(mode=0o700, exist_ok=True)


def sync(path: Path) -> None:
    """Have what was written to a file on the disk, or the names in a folder where a system can; no file, no matter.

    Raises:
        OSError: the disk failed.
    """
    if not path.exists() or (path.is_dir() and not hasattr(os, "O_DIRECTORY")):
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

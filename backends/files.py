"""Files that are whole, on the disk, and their owner's alone: for whatever writes one that must outlive a power cut."""

from __future__ import annotations

import errno
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from types import TracebackType
from typing import BinaryIO, Final

NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"}
)
MOUNTS: Final = Path("/proc/self/mounts")
"""Where Linux lists what is mounted; no other system does."""
_MAX_NOTED: Final = 256
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)

PART: Final = ".new"
"""What the name of a file ends in while it is written to; one that is left was cut off."""


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Write a file in an existing folder: it takes its name when the block ends, and then survives a power cut.

    Until then, and when the block fails, what was there stays; of several that write at once, one is whole in the end.
    A link there is replaced, and not written through.

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


def make_private_dir(folder: Path) -> None:
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


class FileLock:
    """An exclusive lock on `path`, held inside `with`; the operating system frees it when a process dies."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)

    def __enter__(self) -> None:
        _lock(self._descriptor)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _unlock(self._descriptor)

    @property
    def inode(self) -> int:
        """The number of the file, which a copy of it does not have."""
        return os.fstat(self._descriptor).st_ino

    def read(self) -> str:
        """Return what is noted in the file; call it inside `with`."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        return os.read(self._descriptor, _MAX_NOTED).decode("ascii", "replace")

    def note(self, text: str) -> None:
        """Note something in the file, for good; call it inside `with`."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, text.encode("ascii"))
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Let the file go; once more does nothing: the number may be another file's by then."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def is_free(path: Path, seconds: float) -> bool:
    """Whether the lock of a file that is there can be had within some seconds; it is given back at once."""
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    deadline = time.monotonic() + seconds
    try:
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        _unlock(descriptor)
        return True
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        while True:
            try:
                os.lseek(descriptor, 0, os.SEEK_SET)
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)  # gives up after ten tries of a second each
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EDEADLK):  # held by another process
                    raise
                continue
            return

    def _try_lock(descriptor: int) -> bool:
        try:
            os.lseek(descriptor, 0, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def network_file_system(path: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the type of the network file system `path` is on; None for a local one, or where no system tells them."""
    resolved = path.resolve()  # on Windows, a drive that stands for a share becomes the share
    if is_share(resolved):
        return "a share of Windows"
    if not mounts.exists():
        return None
    holding: tuple[int, str] = (-1, "")
    for line in filter(None, mounts.read_bytes().decode("utf-8", "surrogateescape").split("\n")):
        _, point, kind, *_ = line.split(" ")
        mount = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), point))
        if resolved.is_relative_to(mount) and len(mount.parts) >= holding[0]:  # the last one at a place is on top
            holding = (len(mount.parts), kind)
    return holding[1] if holding[1] in NETWORK_FILE_SYSTEMS else None


def is_share(path: PurePath) -> bool:
    """Whether a path names a server, as Windows writes it: `\\\\server\\share`; `\\\\?\\C:` is a disk."""
    drive = path.drive.upper()
    return drive.startswith("\\\\?\\UNC\\") or (drive.startswith("\\\\") and drive[2:4] not in ("?\\", ".\\"))


def tells_networks(mounts: Path = MOUNTS) -> bool:
    """Whether this system tells network file systems from local ones: Linux lists them, Windows names their servers."""
    return mounts.exists() or sys.platform == "win32"

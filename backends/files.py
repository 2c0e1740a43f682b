"""Private, atomic and durable files, file locks, and the detection of network file systems."""

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
"""The list of mounted file systems, which only Linux has."""
_MAX_NOTED: Final = 256
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)

PART: Final = ".new"
"""The suffix of a file while it is written; a leftover file with this suffix is incomplete."""


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Write a file in an existing folder; it gets its name when the block ends, and from then on survives a power cut.

    An existing file stays unchanged until then, or if the block fails. Concurrent writers leave one complete file. A
    symbolic link at the path is replaced, not followed.

    Raises:
        OSError: the file cannot be written.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)  # with mode 0600
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
    """Create a folder and its missing parents, accessible only to the owner; existing folders stay unchanged.

    Raises:
        OSError: a folder cannot be created.
    """
    for one in (
        *reversed(folder.parents),
        folder,
    ):  # one at a time, because `parents=True` applies the mode only to the last one
        one.mkdir(mode=0o700, exist_ok=True)


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder if the system can, to the disk; do nothing if the path does not exist.

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
    """An exclusive lock on `path`, held inside `with`; the operating system releases it if the process dies."""

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
        """The inode number of the file, which a copy does not share."""
        return os.fstat(self._descriptor).st_ino

    def read(self) -> str:
        """Return the text stored in the lock file; call it inside `with`."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        return os.read(self._descriptor, _MAX_NOTED).decode("ascii", "replace")

    def note(self, text: str) -> None:
        """Store a text in the lock file durably; call it inside `with`."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, text.encode("ascii"))
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file, only once: afterwards, its descriptor may belong to another file."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def is_free(path: Path, seconds: float) -> bool:
    """Return whether an existing file can be locked within some seconds; the lock is released immediately."""
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
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)  # gives up after ten attempts, one second apart
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
    """Return the type of the network file system of `path`; None if it is local, or if the system cannot tell."""
    resolved = path.resolve()  # on Windows, this replaces a mapped drive with its share
    if is_share(resolved):
        return "a Windows share"
    if not mounts.exists():
        return None
    holding: tuple[int, str] = (-1, "")
    for line in filter(None, mounts.read_bytes().decode("utf-8", "surrogateescape").split("\n")):
        _, point, kind, *_ = line.split(" ")
        mount = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), point))
        if (
            resolved.is_relative_to(mount) and len(mount.parts) >= holding[0]
        ):  # the last mount at a path hides earlier ones
            holding = (len(mount.parts), kind)
    return holding[1] if holding[1] in NETWORK_FILE_SYSTEMS else None


def is_share(path: PurePath) -> bool:
    """Return whether a Windows path is on a server, such as `\\\\server\\share`; `\\\\?\\C:` is a local disk."""
    drive = path.drive.upper()
    return drive.startswith("\\\\?\\UNC\\") or (drive.startswith("\\\\") and drive[2:4] not in ("?\\", ".\\"))


def reports_network_mounts(mounts: Path = MOUNTS) -> bool:
    """Return whether network file systems can be detected: Linux lists them, and Windows paths name the server."""
    return mounts.exists() or sys.platform == "win32"

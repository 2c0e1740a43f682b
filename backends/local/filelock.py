"""A lock between processes on one database file, and whether the file's system can keep it.

SQLite 3.7.0 to 3.51.2 can lose commits of a WAL database when one connection commits while another checkpoints.
Only the writer checkpoints here, and only while it holds this lock, so the two never meet. Waiting in the kernel
also spares writers SQLite's busy handler, whose sleeps cost up to 400 ms.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import time
from pathlib import Path, PurePath
from types import TracebackType
from typing import Final

NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"}
)

MOUNTS: Final = Path("/proc/self/mounts")
"""Where Linux lists what is mounted; no other system does."""

_MOST_NOTED: Final = 256
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)


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
        return os.read(self._descriptor, _MOST_NOTED).decode("ascii", "replace")

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


def can_be_had(path: Path, seconds: float) -> bool:
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

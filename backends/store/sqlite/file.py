"""Creation of the database file with private permissions, its checks and its lock."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from ...errors import BackendUnavailable
from ...files import FileLock, make_private_dir

LOGS: Final = ("-wal", "-journal")
"""Suffixes of SQLite's log files."""
INDEX: Final = "-shm"
"""The suffix of the WAL index, which all connections share."""


def create_database_file(path: Path) -> Path:
    """Create the file, readable only by its owner, and its parent directories; return its real path.

    An existing file is not opened: closing any descriptor of a file releases all POSIX locks of this process on it,
    including those of a registry open in this process. Another process would then consider itself the last connection
    and remove the log that is still in use.

    Raises:
        BackendUnavailable: the file cannot be written; the message states the reason.
    """
    try:
        make_private_dir(path.parent)
        if path.is_symlink() and path.parent.stat().st_mode & stat.S_IWOTH:
            raise BackendUnavailable(
                f"{path} is a symbolic link in a world-writable directory: name the file it points to"
            )
        file = Path(os.path.realpath(path))
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        if not file.is_file():
            raise BackendUnavailable(f"{path} is not a file: name a database file, such as {path / 'registry.db'}")
        if not os.access(file, os.R_OK | os.W_OK):
            is_read_only = hasattr(os, "statvfs") and os.statvfs(file).f_flag & os.ST_RDONLY
            raise OSError(code := errno.EROFS if is_read_only else errno.EACCES, os.strerror(code))
    except OSError as error:
        raise BackendUnavailable(f"{path} cannot be opened for writing: {error.strerror}") from error
    return file


def bind_lock_to_file(file: Path, lock: FileLock) -> None:
    """Record which database file a held lock belongs to, before SQLite opens the file.

    SQLite finds a log by its name. If another file replaced one that was open, or whose server was killed, SQLite would
    apply the old file's pages, and commits would be lost. An empty log is removed together with its index; a registry
    that still has the replaced file open keeps using its own, unlinked log.

    The record is valid only for the lock file that contains it: a copy of all files has a different lock file, and a
    new record.

    Raises:
        BackendUnavailable: another file's log is present; nothing was changed.
    """
    here, noted = f"{lock.inode} {file.stat().st_ino}\n", lock.read()
    if noted == here:
        return
    if noted.split(" ")[0] == str(lock.inode):
        for log in (file.with_name(file.name + end) for end in LOGS):
            if log.exists() and log.stat().st_size:
                raise BackendUnavailable(
                    f"{file} replaced another database file, whose last changes are still in {log.name}: stop the "
                    f"process that has that file open, or put it back; to discard its changes, remove {log.name}"
                )
        for end in (*LOGS, INDEX):
            _remove(file.with_name(file.name + end))
    with suppress(OSError):  # reading works on a full disk; without the record, a replaced file is not detected
        lock.note(here)


def _remove(log: Path) -> None:
    try:
        log.unlink(missing_ok=True)
    except OSError as error:
        raise BackendUnavailable(f"{log} belongs to another file and cannot be removed: {error.strerror}") from error


def lock_of(file: Path) -> FileLock:
    """Return the lock of a database file, given its real path, so that all links share one lock.

    Raises:
        BackendUnavailable: the lock file cannot be opened.
    """
    lock = file.with_name(file.name + ".lock")
    try:
        return FileLock(lock)
    except OSError as error:
        raise BackendUnavailable(f"the lock file {lock} cannot be opened: {error.strerror}") from error

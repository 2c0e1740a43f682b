"""The database file of a registry, before SQLite has it: made for its owner alone, refused, locked."""

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
"""What SQLite calls the log of a file, by its kind."""
INDEX: Final = "-shm"
"""What it calls the index of the first, which all who have that open share."""


def create_database_file(path: Path) -> Path:
    """Make the file, readable by its owner alone, with the folders above it; return where it really is.

    One that is there is not opened: closing any descriptor of a file gives up all locks this process has on it, and
    with them those of a registry that is open here already. Another process would take itself for the last user, and
    remove the log that is still written to.

    Raises:
        BackendUnavailable: it cannot be written; the sentence says why.
    """
    try:
        make_private_dir(path.parent)
        if path.is_symlink() and path.parent.stat().st_mode & stat.S_IWOTH:
            raise BackendUnavailable(
                f"{path} is a link in a folder where anyone may put one: name the file it stands for"
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
    """Note which database file a held lock is of, before SQLite opens it; refuse if another one's log lies beside it.

    SQLite knows a log by its name: who puts another file in the place of one that is open, or whose server was killed,
    would be shown the old one's pages, and commits would go where nobody finds them. An empty log is removed, with its
    index: a registry that still has them open, of the file that was here, keeps its own without a name.

    The note counts for the lock file it is in: a copy of all files together has another, and begins anew.

    Raises:
        BackendUnavailable: there is such a log; nothing was changed.
    """
    here, noted = f"{lock.inode} {file.stat().st_ino}\n", lock.read()
    if noted == here:
        return
    if noted.split(" ")[0] == str(lock.inode):
        for log in (file.with_name(file.name + end) for end in LOGS):
            if log.exists() and log.stat().st_size:
                raise BackendUnavailable(
                    f"{file} has taken the place of another file, whose last changes are still in {log.name}: stop "
                    f"what has that file open, or put it back; if nothing has, and they may be lost, remove {log.name}"
                )
        for end in (*LOGS, INDEX):
            _remove(file.with_name(file.name + end))
    with suppress(OSError):  # a full disk keeps nobody from reading: what is not noted is not noticed, no more
        lock.note(here)


def _remove(log: Path) -> None:
    try:
        log.unlink(missing_ok=True)
    except OSError as error:
        raise BackendUnavailable(f"{log}, which is of another file, cannot be removed: {error.strerror}") from error


def lock_of(file: Path) -> FileLock:
    """Return the lock of a database file: beside the file itself, where every link to it leads.

    Raises:
        BackendUnavailable: it cannot be opened.
    """
    lock = file.with_name(file.name + ".lock")
    try:
        return FileLock(lock)
    except OSError as error:
        raise BackendUnavailable(f"{lock}, which keeps writers apart, cannot be opened: {error.strerror}") from error

"""Back up a registry file while it is in use.

>>> from sagemaker_registry.client import ModelRegistry
>>> with ModelRegistry("sqlite:///registry.db") as registry:
...     version = registry.register("churn", image="registry/churn:3")
...     copy = backup("sqlite:///registry.db", "monday.db")
>>> copy.history, copy.broken
(2, ())
>>> with ModelRegistry(f"sqlite:///{copy.file}") as registry:
...     [version.name for version in registry.versions("churn")]
['churn/1']
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ..backends.errors import BackendUnavailable
from ..backends.files import PART, FileLock, is_free, make_private_dir, sync
from ..backends.urls import database_file, default_url, scheme_of, without_password
from ..backends.views import iso
from .connection import URL_VARIABLE

__all__ = ["Backup", "backup"]

OBJECTS: Final = ".s3"
"""Suffix of the folder of S3 objects next to a database file; see `emulator/aws/s3_files.py`."""

PARTS: Final = ("", "-wal", "-shm", "-journal", ".lock", OBJECTS)
"""Suffixes of the files of a registry, after the name of the database."""

UNFINISHED: Final = ".backup"
"""Suffix of the working folder of a backup, which is next to the target."""
LOCK, COPY = "lock", "copy"
"""Names in the working folder: a file that the running backup locks, and the folder of the copy."""
DATABASE, COPIED, REPLACED = "registry.db", "objects", "replaced"
"""Names in the folder of the copy: the new database, its objects, and the objects that they replace."""

Progress = Callable[[str, int, int], object]


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup and the results of its checks.

    Args:
        file: the copy; `sqlite:///FILE` opens it as a registry.
        at: the time of the snapshot, in ISO 8601.
        bytes: the size of the file, without S3 objects.
        objects: the number of S3 objects in the folder `FILE.s3`.
        history: the number of history entries that were verified.
        broken: history entries that were altered, in the registry and therefore in the copy.
    """

    file: Path
    at: str
    bytes: int
    objects: int
    history: int
    broken: tuple[dict[str, Any], ...]


def backup(
    url: str | None,
    file: str | Path,
    *,
    force: bool = False,
    objects: bool = True,
    progress: Progress = lambda what, done, total: None,
) -> Backup:
    """Copy a registry file and its S3 objects while the registry is in use.

    The copy is a snapshot of one moment. It is verified, and gets its name only after it was written to disk
    completely.

    To restore a backup, serve it, or replace the original: stop all processes that use the original, and delete its
    `FILE-wal` and `FILE-shm` too. Otherwise SQLite would apply the log that a killed server left to the restored file.

    The lock file `FILE.lock` remains next to the copy, as it does for every registry. If it were deleted, processes
    that already wait for the lock and processes that open it later would lock different files.

    Args:
        url: `sqlite:///FILE`; by default SAGEMAKER_REGISTRY_URL, or the file in the user's data folder.
        file: the copy, which only its owner can read; its S3 objects are in `FILE.s3`.
        force: replace an existing backup.
        objects: also copy the S3 objects. If False, `force` still deletes the objects of the replaced backup.
        progress: called with the kind of item, the number copied, and the total.

    Raises:
        BackendUnavailable: the registry cannot be copied in this way, the copy cannot be written, or the original or
            the copy is damaged. Nothing was changed, unless the message says otherwise.
    """
    try:
        from ..backends.local import backup as database
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            f"backup requires the package {error.name!r}: pip install 'sagemaker-registry[server]'"
        ) from error
    source, target = _source(url or os.environ.get(URL_VARIABLE) or default_url()), Path(file).expanduser()
    there = _state(target)
    _check_target(source, target, force=force)
    with _written(target) as folder:
        copied = folder / DATABASE
        at = iso(datetime.now(UTC))
        os.close(os.open(copied, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        database.copy(source, copied, progress)
        try:
            found = database.check(copied, progress)
        except BackendUnavailable as error:
            raise BackendUnavailable(f"cannot back up {source}: {error}") from error
        # After the database: objects are uploaded before the versions that refer to them are registered.
        count = _copy_objects(_beside(source), folder / COPIED, progress) if objects else 0
        sync(copied)
        size = copied.stat().st_size
        with _held(_lock_of(target)):  # the lock that a registry holds while it opens, writes, or closes its file
            _check_unopened(target)
            for left in _left_of(target):
                _put_back(left, target)
            if _state(target) != there:
                raise BackendUnavailable(
                    f"{target} was changed by another process during the backup and was not replaced; check it and try "
                    "again"
                )
            _name(folder, target)
    return Backup(target, at, size, count, found.history, found.broken)


def _source(url: str) -> Path:
    source = database_file(url)
    if source is None:
        raise BackendUnavailable(scheme_of(url).backup.format(url=without_password(url)))
    if not source.is_file():
        raise BackendUnavailable(f"cannot back up {source}: file not found")
    return source


def _check_target(source: Path, target: Path, *, force: bool) -> None:
    if target.exists() and target.samefile(source):
        raise BackendUnavailable(f"{target} is the registry itself; choose another FILE")
    own = (target, _beside(target), _lock_of(target))
    part = next((path for path in own if _is_part_of(source, path)), None)
    if part is not None:
        raise BackendUnavailable(f"{part} is part of the registry itself; choose another FILE")
    for end in filter(None, PARTS):
        whole = target.with_name(target.name.removesuffix(end) or target.name)
        if whole != target and whole.is_file():
            raise BackendUnavailable(f"{target} is part of {whole.name}; choose another FILE")
    if target.is_dir():
        raise BackendUnavailable(f"{target} is a folder; choose a file in it")
    if _has_log(target):
        raise BackendUnavailable(f"{target} is a registry that is in use or was not closed; choose another FILE")
    there = next((path for path in (target, _beside(target)) if path.exists()), None)
    if there is not None and not force:
        raise BackendUnavailable(f"{there} already exists; add --force to replace it")


def _state(target: Path) -> tuple[int, ...] | None:
    """Return values that change when a file is replaced or written to; None if there is no file."""
    try:
        found = target.stat()
    except OSError:  # writing there reports the error
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _check_unopened(target: Path) -> None:
    """Raise if a registry has opened a file, which its log shows; the caller must hold the lock."""
    if _has_log(target):
        raise BackendUnavailable(
            f"{target} was opened by a registry during the backup and was not replaced; choose another FILE"
        )


def _is_part_of(source: Path, path: Path) -> bool:
    """Return whether a path is, or is inside of, one of the registry's own files, ignoring case."""
    files = (source.parent.resolve() / source.name, source.resolve())
    parts = {f"{file}{end}".casefold() for file in files for end in PARTS}
    placed = path.parent.resolve() / path.name
    return any(str(one).casefold() in parts for one in (placed, *placed.parents))


def _has_log(target: Path) -> bool:
    """Return whether SQLite would apply a log to a file, or roll back a transaction, when it opens the file."""
    wal, journal = (target.with_name(target.name + end) for end in ("-wal", "-journal"))
    return wal.exists() or (
        journal.exists() and journal.stat().st_size > 0
    )  # on network shares, an empty journal remains


@contextmanager
def _written(target: Path) -> Iterator[Path]:
    """Yield a temporary folder on the target's disk for the copy."""
    try:
        make_private_dir(target.parent)
        _sweep(target)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=UNFINISHED, dir=target.parent))
    except OSError as error:
        raise BackendUnavailable(f"cannot write {target}: {error.strerror}") from error
    folder = unfinished / COPY
    try:
        with _held(unfinished / LOCK):
            make_private_dir(folder / COPIED)
            try:
                yield folder
            finally:
                if not _is_half(folder):
                    (folder / DATABASE).unlink(missing_ok=True)  # see `_sweep`
                    shutil.rmtree(folder)
    except OSError as error:
        where = f"; its previous S3 objects are in {folder / REPLACED}" if _is_half(folder) else ""
        raise BackendUnavailable(f"cannot write {target}: {error.strerror or error}{where}") from error
    finally:
        if not folder.exists():
            shutil.rmtree(unfinished)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the lock of a file; other backups see from it that this one is still running."""
    lock = FileLock(path)
    try:
        with suppress(OSError):  # on a disk without locks, no other process can hold it either
            lock.__enter__()
        yield
    finally:
        lock.close()


def _sweep(target: Path) -> None:
    """Remove the folders of backups that were killed, after undoing a replacement that was not completed."""
    if any(_is_begun(folder) for folder in _left_of(target)):
        with _held(_lock_of(target)):
            _check_unopened(target)
            for left in _left_of(target):
                _put_back(left, target)
    for unfinished in target.parent.glob(f".*{UNFINISHED}"):
        folder = unfinished / COPY
        if _is_left(unfinished) and not _is_begun(folder):
            (folder / DATABASE).unlink(
                missing_ok=True
            )  # first, so that the rest does not look half replaced after a crash
            for one in (folder, unfinished):  # in this order, a crash in between leaves only an empty folder
                shutil.rmtree(one, ignore_errors=True)  # another backup may be removing it


def _left_of(target: Path) -> list[Path]:
    folders = sorted(target.parent.glob(f".*{UNFINISHED}"))
    ours = (one for one in folders if one.name.removesuffix(UNFINISHED).rpartition(".")[0] == f".{target.name}")
    return [one / COPY for one in ours if _is_left(one)]


def _is_left(unfinished: Path) -> bool:
    """Return whether a folder belongs to a backup of this user that is not running."""
    try:
        state = unfinished.lstat()
        is_ours = stat.S_ISDIR(state.st_mode) and state.st_uid == getattr(os, "geteuid", lambda: state.st_uid)()
        return is_ours and (unfinished / COPY).exists() and is_free(unfinished / LOCK, 0)
    except OSError:  # already removed, of another user, or on a disk without locks
        return False


def _copy_objects(source: Path, target: Path, progress: Progress) -> int:
    """Copy the S3 objects of a registry and return their number; the server replaces whole files, so none is torn."""
    files = [file for file in sorted(source.glob("*/*")) if file.suffix != PART]
    count = 0
    for done, file in enumerate(files, 1):
        copied = target / file.relative_to(source)
        make_private_dir(copied.parent)
        try:
            shutil.copyfile(file, copied)
        except FileNotFoundError:  # deleted during the backup
            copied.unlink(missing_ok=True)
            continue
        copied.chmod(0o600)
        sync(copied)
        count += file.suffix == ".object"
        progress("files of S3 objects", done, len(files))
    for folder in [target, *target.glob("*/")]:
        sync(folder)
    return count


def _name(folder: Path, target: Path) -> None:
    """Move a copy to its final name, objects before the database; after an error, undo everything."""
    objects = _beside(target)
    try:
        if objects.exists():
            objects.rename(folder / REPLACED)
        if any((folder / COPIED).iterdir()):
            (folder / COPIED).rename(objects)
        (folder / DATABASE).replace(target)
    except BaseException:
        _put_back(folder, target)
        raise
    sync(target.parent)


def _put_back(folder: Path, target: Path) -> None:
    """Move replaced objects back if the new database was not moved to its final name."""
    if not (folder / DATABASE).exists():
        return
    objects = _beside(target)
    if not (folder / COPIED).exists() and objects.exists():
        objects.rename(folder / COPIED)
    if (folder / REPLACED).exists():
        (folder / REPLACED).rename(objects)


def _is_begun(folder: Path) -> bool:
    """Return whether objects were moved for a database that was not."""
    return (folder / DATABASE).exists() and ((folder / REPLACED).exists() or not (folder / COPIED).exists())


def _is_half(folder: Path) -> bool:
    """Return whether the folder of the copy still contains the objects of the existing database."""
    return (folder / REPLACED).exists() and (folder / DATABASE).exists()


def _beside(file: Path) -> Path:
    return file.with_name(file.name + OBJECTS)


def _lock_of(file: Path) -> Path:
    return file.with_name(file.name + ".lock")

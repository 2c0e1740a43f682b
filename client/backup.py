"""Backups of a registry in a file while it is in use: a copy that is checked, durable, and can be served at once.

>>> from sagemaker_registry.client.backup import backup
>>> backup("sqlite:///registry.db", "backups/monday.db")  # doctest: +SKIP
Backup(file=PosixPath('backups/monday.db'), at='2026-11-24T10:00:00.000Z', bytes=126976, ...)
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
"""What the name of a database file is followed by where S3 objects are kept beside it: see `emulator.kept_objects`."""

PARTS: Final = ("", "-wal", "-shm", "-journal", ".lock", OBJECTS)
"""What the names of a registry's own files end in, after that of the database."""

UNFINISHED: Final = ".backup"
"""What the names of folders end in that are written in, beside the copies they become."""
LOCK, COPY = "lock", "copy"
"""Names in such a folder: of a file whose lock is held by whoever writes, and of what is written."""
DATABASE, COPIED, REPLACED = "registry.db", "objects", "replaced"
"""Names in what is written: of the new database, of its objects, and of objects they replace."""

Progress = Callable[[str, int, int], object]


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was made, and what was found in it.

    Args:
        file: the copy: `sqlite:///FILE` is a registry.
        at: the moment it is of, ISO 8601.
        bytes: its size, without objects.
        objects: how many S3 objects are in the folder beside it.
        history: how many changes of history were verified.
        broken: where history is not as it was written: in the registry, and so in its copy.
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
    """Copy a registry that is kept in a file, while others use it, with the S3 objects kept beside it.

    The copy is of one moment. It is looked into, and has its name only when all of it is on the disk; to restore it is
    to serve it, or to put it in the place of the original: stop what uses that, and remove its `FILE-wal` and
    `FILE-shm` with it. SQLite would take the log that a killed server has left for one of the file that is there now.

    The lock `FILE.lock` stays beside the copy, as beside every registry: if it were removed, whoever comes would have
    another than whoever waits for it.

    Args:
        url: `sqlite:///FILE`; without one, what SAGEMAKER_REGISTRY_URL names, else the user's own.
        file: the copy, readable by its owner alone; its objects are in `FILE.s3`.
        force: put it in the place of a copy that is there.
        objects: copy those, too; without, `force` removes those of the copy that was there, which are not this one's.
        progress: told what is done, how much of it, and of how much.

    Raises:
        BackendUnavailable: the registry cannot be copied this way, the copy cannot be written, or it or the original is
            damaged; nothing was changed, or the message says what was.
    """
    try:
        from ..backends.local import backup as database
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            f"a backup needs the package {error.name!r}: pip install 'sagemaker-registry[server]'"
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
            raise BackendUnavailable(f"{source} is not backed up: {error}") from error
        # After the database: what a version names was uploaded before it was registered.
        count = _copy_objects(_beside(source), folder / COPIED, progress) if objects else 0
        sync(copied)
        size = copied.stat().st_size
        with _held(_lock_of(target)):  # the one that a registry takes to open, write and close its file
            _check_unopened(target)
            for left in _left_of(target):
                _put_back(left, target)
            if _state(target) != there:
                raise BackendUnavailable(
                    f"somebody has written {target} meanwhile: nothing was replaced, see what it is and try again"
                )
            _name(folder, target)
    return Backup(target, at, size, count, found.history, found.broken)


def _source(url: str) -> Path:
    source = database_file(url)
    if source is None:
        raise BackendUnavailable(scheme_of(url).backup.format(url=without_password(url)))
    if not source.is_file():
        raise BackendUnavailable(f"{source} is not there, or is no file: there is nothing to back up")
    return source


def _check_target(source: Path, target: Path, *, force: bool) -> None:
    if target.exists() and target.samefile(source):
        raise BackendUnavailable(f"{target} is the registry itself: give the copy another name")
    own = (target, _beside(target), _lock_of(target))
    part = next((path for path in own if _is_part_of(source, path)), None)
    if part is not None:
        raise BackendUnavailable(f"{part} is part of the registry itself: give the copy another name")
    for end in filter(None, PARTS):
        whole = target.with_name(target.name.removesuffix(end) or target.name)
        if whole != target and whole.is_file():
            raise BackendUnavailable(f"{target} is part of {whole.name}: give the copy another name")
    if target.is_dir():
        raise BackendUnavailable(f"{target} is a folder: name a file in it")
    if _has_log(target):
        raise BackendUnavailable(f"{target} is a registry in use, or was not closed: give the copy another name")
    there = next((path for path in (target, _beside(target)) if path.exists()), None)
    if there is not None and not force:
        raise BackendUnavailable(f"{there} is there already: --force puts the copy in its place")


def _state(target: Path) -> tuple[int, ...] | None:
    """Return what changes when a file is replaced or written to; None if there is no file."""
    try:
        found = target.stat()
    except OSError:  # the sentence comes from who writes there
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _check_unopened(target: Path) -> None:
    """Refuse a file that a registry has open, which its log shows; call it under the lock."""
    if _has_log(target):
        raise BackendUnavailable(
            f"somebody has opened {target} meanwhile: nothing was replaced, give the copy another name"
        )


def _is_part_of(source: Path, path: Path) -> bool:
    """Return whether a path is one of the registry's own files, or below one, ignoring case."""
    files = (source.parent.resolve() / source.name, source.resolve())
    parts = {f"{file}{end}".casefold() for file in files for end in PARTS}
    placed = path.parent.resolve() / path.name
    return any(str(one).casefold() in parts for one in (placed, *placed.parents))


def _has_log(target: Path) -> bool:
    """Whether SQLite would add something to a file, or take it back, when it is opened."""
    wal, journal = (target.with_name(target.name + end) for end in ("-wal", "-journal"))
    return wal.exists() or (journal.exists() and journal.stat().st_size > 0)  # an empty one stays on network shares


@contextmanager
def _written(target: Path) -> Iterator[Path]:
    """Yield a folder to write in, on the disk of the target, and remove it in the end."""
    try:
        make_private_dir(target.parent)
        _sweep(target)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=UNFINISHED, dir=target.parent))
    except OSError as error:
        raise BackendUnavailable(f"{target} cannot be written: {error.strerror}") from error
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
        where = f"; the S3 objects that were beside it are in {folder / REPLACED}" if _is_half(folder) else ""
        raise BackendUnavailable(f"{target} cannot be written: {error.strerror or error}{where}") from error
    finally:
        if not folder.exists():
            shutil.rmtree(unfinished)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which tells other backups that this one is still running."""
    lock = FileLock(path)
    try:
        with suppress(OSError):  # on a disk that keeps no locks, nobody can have it either
            lock.__enter__()
        yield
    finally:
        lock.close()


def _sweep(target: Path) -> None:
    """Remove the folders of backups that were killed, and put back what one had half replaced."""
    if any(_is_begun(folder) for folder in _left_of(target)):
        with _held(_lock_of(target)):
            _check_unopened(target)
            for left in _left_of(target):
                _put_back(left, target)
    for unfinished in target.parent.glob(f".*{UNFINISHED}"):
        folder = unfinished / COPY
        if _is_left(unfinished) and not _is_begun(folder):
            (folder / DATABASE).unlink(missing_ok=True)  # first: cut off here, the rest is not half replaced
            for one in (folder, unfinished):  # in this order: cut off between them, no more than a name is left
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
    except OSError:  # gone meanwhile, another's, or on a disk that keeps no locks
        return False


def _copy_objects(source: Path, target: Path, progress: Progress) -> int:
    """Copy the S3 objects of a registry, which replaces each file as a whole, and count them."""
    files = [file for file in sorted(source.glob("*/*")) if file.suffix != PART]
    count = 0
    for done, file in enumerate(files, 1):
        copied = target / file.relative_to(source)
        make_private_dir(copied.parent)
        try:
            shutil.copyfile(file, copied)
        except FileNotFoundError:  # deleted meanwhile
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
    """Move a copy into place, objects before the database, or leave everything as it was."""
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
    """Move replaced objects back if the new database is not in place."""
    if not (folder / DATABASE).exists():
        return
    objects = _beside(target)
    if not (folder / COPIED).exists() and objects.exists():
        objects.rename(folder / COPIED)
    if (folder / REPLACED).exists():
        (folder / REPLACED).rename(objects)


def _is_begun(folder: Path) -> bool:
    """Return whether objects were moved for a database that is not in place."""
    return (folder / DATABASE).exists() and ((folder / REPLACED).exists() or not (folder / COPIED).exists())


def _is_half(folder: Path) -> bool:
    """Return whether the objects of the existing database are still in a folder of a backup."""
    return (folder / REPLACED).exists() and (folder / DATABASE).exists()


def _beside(file: Path) -> Path:
    return file.with_name(file.name + OBJECTS)


def _lock_of(file: Path) -> Path:
    return file.with_name(file.name + ".lock")

"""Private files (access keys, kept objects, positions) are written atomically, durably and with mode 0600."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sagemaker_registry.backends import credentials
from sagemaker_registry.backends.files import PART, atomic_write, make_private_dir
from sagemaker_registry.client.registry.events import Position
from sagemaker_registry.emulator.aws.s3_files import KeptObjects

posix = pytest.mark.skipif(os.name != "posix", reason="modes and links are POSIX's")


class Answer:
    status_code, headers, data = 200, dict[str, str](), b"weights"


def keep_object(folder: Path) -> Path:
    request = {"PATH_INFO": "/models/key", "REQUEST_METHOD": "PUT", "QUERY_STRING": ""}
    KeptObjects(folder / "s3").note(request, b"", lambda *_, **__: Answer())  # type: ignore[arg-type, return-value]
    (file,) = (folder / "s3").glob("*/*.object")
    return file


def add_keys(folder: Path) -> Path:
    credentials.add(folder / "keys.ini", "alice")
    return folder / "keys.ini"


def save_position(folder: Path) -> Path:
    Position(folder / "seen.json").save(3)
    return folder / "seen.json"


WRITERS = [keep_object, add_keys, save_position]


@pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="folders cannot be synced here")
@pytest.mark.parametrize("write", WRITERS)
def test_the_file_and_its_folder_are_synced(
    write: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(os.fstat(descriptor).st_ino), sync(descriptor)))
    file = write(tmp_path)
    assert synced[-2:] == [file.stat().st_ino, file.parent.stat().st_ino]


@posix
@pytest.mark.parametrize("write", WRITERS)
def test_the_file_has_mode_0600_and_leaves_no_temporary_file(write: Callable[[Path], Path], tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        file = write(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not [*tmp_path.rglob(f"*{PART}")]


def test_a_failed_write_keeps_the_old_content(tmp_path: Path) -> None:
    file = tmp_path / "state"
    with atomic_write(file) as stream:
        stream.write(b"old")

    def write_half() -> Any:
        with atomic_write(file) as stream:
            stream.write(b"new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
    assert file.read_bytes() == b"old"


def test_of_concurrent_writes_the_last_one_is_complete(tmp_path: Path) -> None:
    file = tmp_path / "state"
    with atomic_write(file) as first, atomic_write(file) as second:
        first.write(b"first")
        second.write(b"second")
    assert file.read_bytes() == b"first"  # the one that closed last
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


@posix
def test_new_folders_are_private_and_existing_ones_keep_their_mode(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o755)
    before = os.umask(0)
    try:
        make_private_dir(tmp_path / "shared" / "of" / "one")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("shared", "shared/of", "shared/of/one")]
    assert modes == [0o755, 0o700, 0o700]

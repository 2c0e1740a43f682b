"""What is written for good is whole, on the disk and its owner's alone, whoever writes it: keys, objects, positions."""

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


def keep_an_object(folder: Path) -> Path:
    request = {"PATH_INFO": "/models/key", "REQUEST_METHOD": "PUT", "QUERY_STRING": ""}
    KeptObjects(folder / "s3").note(request, b"", lambda *_, **__: Answer())  # type: ignore[arg-type, return-value]
    (file,) = (folder / "s3").glob("*/*.object")
    return file


def add_keys(folder: Path) -> Path:
    credentials.add(folder / "keys.ini", "alice")
    return folder / "keys.ini"


def save_a_position(folder: Path) -> Path:
    Position(folder / "seen.json").save(3)
    return folder / "seen.json"


WRITERS = [keep_an_object, add_keys, save_a_position]


@pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="folders cannot be synced here")
@pytest.mark.parametrize("write", WRITERS)
def test_it_is_on_the_disk_with_its_name_before_anybody_is_told_of_it(
    write: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (synced.append(os.fstat(descriptor).st_ino), sync(descriptor)))
    file = write(tmp_path)
    assert synced[-2:] == [file.stat().st_ino, file.parent.stat().st_ino]


@posix
@pytest.mark.parametrize("write", WRITERS)
def test_it_is_its_owners_alone_and_nothing_is_left_beside_it(write: Callable[[Path], Path], tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        file = write(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not [*tmp_path.rglob(f"*{PART}")]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
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


def test_of_several_that_write_at_once_one_is_whole_in_the_end(tmp_path: Path) -> None:
    file = tmp_path / "state"
    with atomic_write(file) as first, atomic_write(file) as second:
        first.write(b"first")
        second.write(b"second")
    assert file.read_bytes() == b"first"  # which ended last
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


@posix
def test_folders_are_made_for_their_owner_alone_and_those_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o755)
    before = os.umask(0)
    try:
        make_private_dir(tmp_path / "shared" / "of" / "one")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("shared", "shared/of", "shared/of/one")]
    assert modes == [0o755, 0o700, 0o700]

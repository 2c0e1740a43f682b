"""A full or failing disk: exactly the acknowledged changes are stored, and everything works once there is room."""

from __future__ import annotations

import os
import random
import re
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from durability.disk import FULL, IOERR, OK, Disk
from durability.environment import mounted
from durability.workload import CALLER, GROUP, changes, digest, open_file, request, verify
from sagemaker_registry.backends import BackendUnavailable
from sagemaker_registry.backends.errors import ServiceUnavailable
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.sqlite import store as store
from sagemaker_registry.backends.store.sqlite.driver import sqlite3
from sagemaker_registry.client.backup import backup
from support.server import REGION, Emulator

SENTENCES = {
    FULL: "The registry's disk is full: nothing was changed; reading still works.",
    IOERR: "The registry's disk failed: nothing was changed, but the change may reappear after a restart.",
}
MIB = 2**20
BLOCK = 4096


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of 1 MiB."""
    with mounted(tmp_path / "small", "size=1m", "mode=0700") as folder:
        yield folder


def fill(folder: Path, left: int) -> Path:
    """Fill a disk up to this number of free bytes, and return the filling file."""
    filling = folder / "filling"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with filling.open("wb") as file:
        file.write(bytes(max(0, free - left)))
    return filling


def is_open(registry: LocalRegistry) -> bool:
    rows: Any = registry._rows
    return bool(rows._writer.in_transaction)


def digest_beside(registry: LocalRegistry) -> bytes:
    """Read everything with a separate reader of the registry."""
    with registry._rows.reading() as reading:
        rows: Any = reading
        return digest(rows.run.__self__)


@pytest.mark.sized(ci=3, nightly=256, release=1_000)
def test_a_full_disk_rejects_changes_keeps_data_and_recovers(
    small_disk: Path, rounds: Iterator[int], rng: random.Random, figures: dict[str, Any]
) -> None:
    """A real disk, filled up to every number of free blocks from 0 to 100."""
    figures.update({"acknowledged": 0, "refused": 0, "recovered": 0})
    for number in rounds:
        path = small_disk / "registry.db"
        registry = open_file(path)
        filling = fill(small_disk, number * 37 % 101 * BLOCK)
        coming = changes(lambda: registry, 10_000, rng)  # noqa: B023 - used up in this round
        state = digest_beside(registry)
        with pytest.raises(ServiceUnavailable) as refused:
            for _ in coming:
                state = digest_beside(registry)
                figures["acknowledged"] += 1
        assert refused.value.message in SENTENCES.values()
        assert not is_open(registry)
        assert digest_beside(registry) == state
        with pytest.raises(ServiceUnavailable):
            registry.ping()
        filling.unlink()
        registry.ping()
        group = {"ModelPackageGroupName": "room-again"}
        registry.call("CreateModelPackageGroup", group, CALLER)
        verify(registry)
        registry.close()
        figures["refused"] += 1
        figures["recovered"] += 1
        for file in small_disk.iterdir():
            file.unlink()


class Failing(Disk):
    """A disk that fails from one operation on, or only at that one."""

    def __init__(self, folder: Path, error: int) -> None:
        super().__init__()
        self.folder, self.error = folder, error
        self.until: float = float("inf")
        self.once = False
        self.failed = 0

    def before_write(self, path: Path, offset: int, data: bytes) -> int:
        return self._next(path)

    def before_truncate(self, path: Path, size: int) -> int:
        return self._next(path)

    def before_sync(self, path: Path) -> int:
        return OK if self.error == FULL else self._next(path)

    def recover(self) -> None:
        self.until = float("inf")

    def _next(self, path: Path) -> int:
        if path.parent != self.folder:
            return OK
        self.until -= 1
        if self.until >= 0:
            return OK
        if self.once:
            self.recover()
        self.failed += 1
        return self.error


@pytest.mark.parametrize("error", [FULL, IOERR], ids=["full", "input-output error"])
@pytest.mark.sized(ci=25, nightly=2_000, release=20_000)
def test_a_failing_write_leaves_no_partial_change(
    error: int,
    tmp_path: Path,
    rounds: Iterator[int],
    rng: random.Random,
    figures: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Operations of a commit, of a checkpoint, or of the last one at close fail, once or until there is room."""
    monkeypatch.setitem(store.PRAGMAS, "wal_autocheckpoint", "12")
    told: set[str] = set()
    figures.update({"failed operations": 0, "acknowledged": 0, "refused": 0})
    for number in rounds:
        folder = tmp_path / str(number)
        folder.mkdir()
        disk = Failing(folder, error)
        with disk.in_use():
            path = folder / "registry.db"
            registry = open_file(path)
            state = digest_beside(registry)
            disk.until, disk.once = rng.randrange(250), rng.random() < 0.5
            try:
                for _ in changes(lambda: registry, 15, rng):  # noqa: B023 - used up in this round
                    state = digest_beside(registry)
                    figures["acknowledged"] += 1
            except ServiceUnavailable as refused:
                told.add(refused.message)
                figures["refused"] += 1
            assert not is_open(registry)
            assert digest_beside(registry) == state
            if rng.random() < 0.5:
                disk.recover()
                registry.ping()
                registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": "room-again"}, CALLER)
                state = digest_beside(registry)
            rows = verify(registry)
            registry.close()
            is_in_doubt = disk.until < 0 and error == IOERR  # the disk never recovered
            disk.recover()
            registry = open_file(path)
            if digest_beside(registry) != state:  # the last change was completely in the log before the disk failed
                assert is_in_doubt
                assert verify(registry) == rows + 1
                figures["found after a restart"] = figures.get("found after a restart", 0) + 1
            verify(registry)
            registry.close()
        figures["failed operations"] += disk.failed
        shutil.rmtree(folder)
    assert told == {SENTENCES[error]}


@pytest.mark.parametrize("error", [FULL, IOERR], ids=["full", "input-output error"])
@pytest.mark.sized(ci=12, nightly=500, release=5_000)
def test_a_new_file_without_room_is_rejected_and_empty(
    error: int, tmp_path: Path, rounds: Iterator[int], rng: random.Random, figures: dict[str, Any]
) -> None:
    figures.update({"refused": 0, "done": 0})
    for number in rounds:
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / "registry.db"
        disk = Failing(folder, error)
        with disk.in_use():
            disk.until = rng.randrange(120)
            try:
                open_file(path).close()
                figures["done"] += 1
            except BackendUnavailable:
                figures["refused"] += 1
                disk.recover()
                with closing(sqlite3.connect(path)) as connection:
                    assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
            disk.recover()
            registry = open_file(path)
            verify(registry)
            registry.close()
        shutil.rmtree(folder)
    assert figures["refused"] > 0


@pytest.mark.sized(ci=3, nightly=64, release=256)
def test_a_backup_without_room_leaves_nothing_behind(
    small_disk: Path, tmp_path: Path, rounds: Iterator[int], rng: random.Random, figures: dict[str, Any]
) -> None:
    """With any amount of room, a backup is complete, or is rejected with one sentence and leaves nothing behind."""
    figures.update({"backups refused": 0, "made": 0})
    path = tmp_path / "registry.db"
    with closing(open_file(path)) as registry:
        list(changes(lambda: registry, 40, rng))
    for _ in rounds:
        filling = fill(small_disk, rng.randrange(0, MIB, BLOCK))
        copy = small_disk / "copy.db"
        refusal = ""
        try:
            backup(f"sqlite:///{path}", copy)
        except BackendUnavailable as error:
            refusal = str(error)
        if refusal:
            assert re.fullmatch(rf"({path} cannot be copied|cannot back up {path}): [\w/:. -]+", refusal)
            assert list(small_disk.iterdir()) == [filling]
            figures["backups refused"] += 1
        else:
            with closing(open_file(copy)) as copied:
                assert verify(copied) > 0
            figures["made"] += 1
        for left in small_disk.iterdir():
            left.unlink()


def test_a_server_reports_a_full_disk(small_disk: Path, serve: Callable[..., Emulator]) -> None:
    served = serve("--backend", f"sqlite:///{small_disk / 'registry.db'}", "--no-console")
    sagemaker = boto3.client(
        "sagemaker",
        endpoint_url=served.url,
        region_name=REGION,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )
    sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    assert health(served)[0] == 200
    filling = fill(small_disk, 0)
    with pytest.raises(ClientError) as refused:
        for number in range(1_000):
            sagemaker.create_model_package(**request(f"token-{number}"))
    assert refused.value.response["Error"]["Code"] == "ServiceUnavailable"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert health(served) == (503, SENTENCES[FULL])
    listed = sagemaker.list_model_packages(ModelPackageGroupName=GROUP, MaxResults=100)
    assert len(listed["ModelPackageSummaryList"]) == number
    filling.unlink()
    assert health(served)[0] == 200
    assert sagemaker.create_model_package(**request("room-again"))["ModelPackageArn"].endswith(f"/{number + 1}")


def health(served: Emulator) -> tuple[int, str]:
    import json

    try:
        with urllib.request.urlopen(f"{served.url}/_registry/health") as answer:
            return answer.status, ""
    except HTTPError as error:
        return error.code, json.load(error)["message"]

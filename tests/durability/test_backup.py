"""`backup`: a copy of a registry in use is a consistent snapshot, verified, and usable as a registry."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from durability.writers import writing
from sagemaker_registry.backends.errors import BackendUnavailable
from sagemaker_registry.backends.files import is_free
from sagemaker_registry.client import ModelRegistry
from sagemaker_registry.client.backup import backup
from sagemaker_registry.client.cli import main
from support.server import Emulator

GROUP = {"ModelPackageGroupName": "churn"}
ROUNDS_OF_ONE_REGISTRY = 10


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a database file with one version."""
    path = tmp_path / "registry.db"
    with ModelRegistry(f"sqlite:///{path}") as registry:
        registry.register("churn", image="churn:1")
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["backup", *arguments])


def versions(file: Path, group: str = "churn") -> list[int]:
    """Return the version numbers of a group in a file, read with SQLite only."""
    connection = sqlite3.connect(file)
    found = connection.execute("SELECT version FROM model_packages WHERE name = ? ORDER BY version", [group]).fetchall()
    connection.close()
    return [number for (number,) in found]


@pytest.mark.sized(ci=5, nightly=200, release=2_000)
def test_a_backup_during_writes_is_a_prefix_of_the_acknowledged_versions(
    size: int, rounds: Iterable[int], figures: dict[str, Any], tmp_path: Path
) -> None:
    """It contains everything acknowledged before it began, and only versions up to one number."""
    figures |= {"backups": 0, "versions acknowledged": 0, "changes verified": 0}
    numbers = iter(rounds)
    for first in range(0, size, ROUNDS_OF_ONE_REGISTRY):
        folder = tmp_path / str(first)
        folder.mkdir()
        url = f"sqlite:///{folder}/registry.db"
        with ModelRegistry(url) as registry:
            registry.boto3.create_model_package_group(**GROUP)
        with writing(url, "churn", folder, processes=4) as writers:
            for _ in range(min(ROUNDS_OF_ONE_REGISTRY, size - first)):
                number = next(numbers)
                before = writers.acknowledged()
                made = backup(url, folder / f"{number}.db")
                after = writers.acknowledged()
                held = versions(made.file)
                assert held == list(range(1, len(held) + 1))
                assert set(before) <= set(held)
                assert set(held) <= set(range(1, max(after, default=0) + 1 + len(writers.processes)))
                assert made.broken == ()
                assert made.history == len(held) + 1
                assert next_version(made.file) == len(held) + 1
                figures["backups"] += 1
                figures["changes verified"] += made.history
            acknowledged = writers.stop()
        assert sorted(acknowledged) == list(range(1, len(acknowledged) + 1)) == versions(folder / "registry.db")
        figures["versions acknowledged"] += len(acknowledged)
        shutil.rmtree(folder)


def next_version(copy: Path) -> int:
    """Return the number of the next version in a copy that is opened as a registry."""
    with ModelRegistry(f"sqlite:///{copy}") as registry:
        return registry.register("churn", image="churn:next").version


def test_a_copy_can_be_served_with_its_objects(serve: Callable[..., Emulator], tmp_path: Path, account: str) -> None:
    served = serve("--backend", "sqlite:///registry.db")
    s3, sagemaker = served.client("s3", account), served.client("sagemaker", account)
    s3.create_bucket(Bucket="models")
    for name in ("churn.tar.gz", "deleted.tar.gz"):
        s3.put_object(Bucket="models", Key=name, Body=name.encode())
    sagemaker.create_model_package_group(**GROUP)
    result = run(str(tmp_path / "copy.db"), "--url", f"sqlite:///{tmp_path}/registry.db")
    assert result.exit_code == 0, result.output
    assert "2 S3 objects, integrity check passed, 1 changes of history verified" in result.output
    sagemaker.create_model_package(**GROUP)
    s3.delete_object(Bucket="models", Key="deleted.tar.gz")
    copy = serve("--backend", "sqlite:///copy.db")
    assert copy.client("sagemaker", account).list_model_packages(**GROUP)["ModelPackageSummaryList"] == []
    objects = copy.client("s3", account)
    for name in ("churn.tar.gz", "deleted.tar.gz"):
        assert objects.get_object(Bucket="models", Key=name)["Body"].read() == name.encode()


def test_objects_can_be_left_out(file: Path, tmp_path: Path) -> None:
    (tmp_path / "registry.db.s3" / "bucket").mkdir(parents=True)
    (tmp_path / "registry.db.s3" / "bucket" / "bucket.json").write_text("{}")
    result = run(str(tmp_path / "copy.db"), "--url", f"sqlite:///{file}", "--no-objects", "--json")
    assert json.loads(result.output)["objects"] == 0
    assert not (tmp_path / "copy.db.s3").exists()


def test_a_copy_without_objects_deletes_the_objects_of_the_replaced_copy(file: Path, tmp_path: Path) -> None:
    """Uploads for another copy do not belong to this one."""
    store_objects(tmp_path / "registry.db.s3", "today")
    copy, url = str(tmp_path / "copy.db"), f"sqlite:///{file}"
    assert json.loads(run(copy, "--url", url, "--json").output)["objects"] == 1
    assert json.loads(run(copy, "--url", url, "--no-objects", "--force", "--json").output)["objects"] == 0
    assert not (tmp_path / "copy.db.s3").exists()
    told = " ".join(run("--help").output.split())
    assert "Replacing a backup also deletes its S3 objects, even with --no-objects." in told


def test_a_copy_is_private_and_leaves_only_its_lock_file(file: Path, tmp_path: Path) -> None:
    """If the lock file were removed, a new process and a waiting one would lock different files."""
    folder = tmp_path / "backups"
    made = backup(f"sqlite:///{file}", folder / "monday.db")
    assert {path.name for path in folder.iterdir()} == {"monday.db", "monday.db.lock"}
    if sys.platform != "win32":
        assert made.file.stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o077 == 0


def test_an_existing_copy_is_replaced_only_with_force(file: Path, tmp_path: Path) -> None:
    copy, url = tmp_path / "copy.db", f"sqlite:///{file}"
    objects = tmp_path / "copy.db.s3"
    copy.write_text("mine")
    objects.mkdir()
    result = run(str(copy), "--url", url)
    assert (result.exit_code, copy.read_text()) == (2, "mine")
    assert result.output == f"sagemaker-registry: {copy} already exists; add --force to replace it\n"
    assert run(str(copy), "--url", url, "--force").exit_code == 0
    assert versions(copy) == [1]
    assert not objects.exists()


@pytest.mark.parametrize("had_objects", [True, False])
@pytest.mark.parametrize("failing", ["copy.db", "copy.db.s3"])
def test_a_copy_that_cannot_be_replaced_keeps_its_objects(
    failing: str, had_objects: bool, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses to rename over an open file, and a disk can fail at any moment."""
    copy, objects = tmp_path / "copy.db", tmp_path / "copy.db.s3"
    store_objects(tmp_path / "registry.db.s3", "today")
    copy.write_text("yesterday's")
    if had_objects:
        store_objects(objects, "yesterday")
    refuse_renames_onto(tmp_path / failing, monkeypatch=monkeypatch)
    with pytest.raises(BackendUnavailable, match=r"cannot write .*copy\.db: Permission denied"):
        backup(f"sqlite:///{file}", copy, force=True)
    assert copy.read_text() == "yesterday's"
    assert [kept.stem for kept in objects.glob("*/*.object")] == ["yesterday"] * had_objects
    assert objects.exists() == had_objects
    assert not list(tmp_path.glob(".copy.db*"))


def test_objects_that_cannot_be_restored_are_named_in_the_error(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, objects = tmp_path / "copy.db", tmp_path / "copy.db.s3"
    store_objects(objects, "yesterday")
    store_objects(tmp_path / "registry.db.s3", "today")
    refuse_renames_onto(copy, objects, monkeypatch=monkeypatch)
    with pytest.raises(BackendUnavailable, match="its previous S3 objects are in ") as refused:
        backup(f"sqlite:///{file}", copy, force=True)
    left = Path(str(refused.value).rpartition(" are in ")[2])
    assert [kept.stem for kept in left.glob("*/*.object")] == ["yesterday"]


def store_objects(folder: Path, *names: str) -> None:
    """Store S3 objects with these names in a bucket, as a server does."""
    bucket = folder / "bucket"
    bucket.mkdir(parents=True, exist_ok=True)
    (bucket / "bucket.json").write_text("{}\n")
    for name in names:
        (bucket / f"{name}.object").write_text("{}\ncontent")


def refuse_renames_onto(*refused: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make renames onto the first path fail, then those onto the next, and so on."""
    error_log = list(refused)

    def refusing(rename: Callable[..., None]) -> Callable[..., None]:
        def renamed(source: Path, target: Path) -> None:
            if error_log and Path(target) == error_log[0]:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(error_log.pop(0)))
            rename(source, target)

        return renamed

    for name in ("rename", "replace"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))


DYING_BACKUP = """
import os, sys
from sagemaker_registry.client.backup import backup

moment, url, file = sys.argv[1:]

def die(*_):
    os._exit(9)

def wait(*_):
    print("copying", flush=True)
    sys.stdin.read()

replace = os.replace
if moment == "between the names":
    os.replace = die
if moment == "waiting between the names":
    os.replace = lambda *names: (wait(), replace(*names))
backup(url, file, force=True, progress={"copying": die, "waiting": wait}.get(moment, lambda *_: None))
"""


def dying_backup(moment: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a backup that is killed or waits at the given moment."""
    command = [sys.executable, "-c", DYING_BACKUP, moment, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_the_next_backup_deletes_the_files_of_a_killed_one_and_no_others(file: Path, tmp_path: Path) -> None:
    folder, url = tmp_path / "backups", f"sqlite:///{file}"
    with dying_backup("copying", url, folder / "monday.db") as killed:
        assert killed.wait(60) == 9
    (left,) = folder.glob(".*.backup")
    (folder / ".mine.backup" / "copy").mkdir(parents=True)
    (folder / ".link.backup").symlink_to(tmp_path)
    with dying_backup("waiting", url, folder / "tuesday.db") as waiting:
        assert waiting.stdout is not None
        assert waiting.stdin is not None
        assert waiting.stdout.readline() == "copying\n"
        backup(url, folder / "wednesday.db")
        assert not left.exists()
        waiting.stdin.close()
        assert waiting.wait(60) == 0
    there = {path.name for path in folder.iterdir() if path.suffix != ".lock"}
    assert there == {"tuesday.db", "wednesday.db", ".mine.backup", ".link.backup"}
    assert versions(folder / "tuesday.db") == [1]


def test_the_next_backup_rolls_back_one_killed_between_its_renames(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, objects, url = tmp_path / "copy.db", tmp_path / "copy.db.s3", f"sqlite:///{file}"
    copy.write_text("yesterday's")
    store_objects(objects, "yesterday")
    store_objects(tmp_path / "registry.db.s3", "today")
    with dying_backup("between the names", url, copy) as killed:
        assert killed.wait(60) == 9
    assert [kept.stem for kept in objects.glob("*/*.object")] == ["today"]
    backup(url, tmp_path / "other.db")
    refuse_renames_onto(copy, monkeypatch=monkeypatch)
    with pytest.raises(BackendUnavailable, match="cannot write"):
        backup(url, copy, force=True)
    assert copy.read_text() == "yesterday's"
    assert [kept.stem for kept in objects.glob("*/*.object")] == ["yesterday"]
    backup(url, copy, force=True)
    assert [kept.stem for kept in objects.glob("*/*.object")] == ["today"]
    assert list(tmp_path.glob(".*")) == []


OPENED = "{} was opened by a registry during the backup and was not replaced"
WRITTEN = "{} was changed by another process during the backup and was not replaced"


@pytest.mark.parametrize(
    ("writes", "closes", "told"), [(True, False, OPENED), (False, False, OPENED), (True, True, WRITTEN)]
)
def test_a_registry_opened_at_the_destination_loses_nothing(
    writes: bool, closes: bool, told: str, file: Path, tmp_path: Path
) -> None:
    """Acknowledged changes are in the file or its log, and the log belongs to no other file."""
    copy, url = tmp_path / "copy.db", f"sqlite:///{file}"
    store_objects(tmp_path / "registry.db.s3", "yesterday")
    backup(url, copy)
    store_objects(tmp_path / "registry.db.s3", "today")
    opened: list[ModelRegistry] = []

    def open_it(*_: object) -> None:
        if not opened:
            opened.append(ModelRegistry(f"sqlite:///{copy}"))
            if writes:
                opened[0].register("churn", image="churn:2")
            if closes:
                opened[0].close()

    with pytest.raises(BackendUnavailable, match=re.escape(told.format(copy))):
        backup(url, copy, force=True, progress=open_it)
    if not closes:
        opened[0].register("churn", image="churn:next")
        opened[0].close()
    assert versions(copy) == list(range(1, 2 + writes + (not closes)))
    assert object_names(copy) == ["yesterday"]
    assert not list(tmp_path.glob(".copy.db*"))


def test_a_file_created_at_the_destination_meanwhile_is_not_replaced(file: Path, tmp_path: Path) -> None:
    copy, url = tmp_path / "copy.db", f"sqlite:///{file}"

    def put_it(*_: object) -> None:
        copy.write_text("mine")

    for force in (False, True):
        with pytest.raises(BackendUnavailable, match=re.escape(WRITTEN.format(copy))):
            backup(url, copy, force=force, progress=put_it)
        assert copy.read_text() == "mine"
        copy.unlink()


def test_a_copy_and_its_objects_come_from_one_of_two_concurrent_backups(file: Path, tmp_path: Path) -> None:
    """While one backup renames its files, no other one does, and no registry opens there; the other does not replace
    the result.
    """
    copy, url = tmp_path / "copy.db", f"sqlite:///{file}"
    store_objects(tmp_path / "registry.db.s3", "yesterday")
    backup(url, copy)
    store_objects(tmp_path / "registry.db.s3", "today")
    with dying_backup("waiting", url, copy) as second, dying_backup("waiting between the names", url, copy) as first:
        for one in (second, first):
            assert one.stdout is not None
            assert one.stdout.readline() == "copying\n"
        assert not is_free(tmp_path / "copy.db.lock", 0)
        store_objects(tmp_path / "registry.db.s3", "tomorrow")
        for one, code in ((first, 0), (second, 1)):
            assert one.stdin is not None
            one.stdin.close()
            assert one.wait(60) == code
    assert object_names(copy) == ["today", "yesterday"]
    assert backup(url, copy, force=True).objects == 3


def test_the_files_of_a_killed_backup_are_kept_while_they_are_open(file: Path, tmp_path: Path) -> None:
    copy, url = tmp_path / "copy.db", f"sqlite:///{file}"
    backup(url, copy)
    store_objects(tmp_path / "registry.db.s3", "today")
    with dying_backup("between the names", url, copy) as killed:
        assert killed.wait(60) == 9
    (left,) = tmp_path.glob(".*.backup")
    with ModelRegistry(f"sqlite:///{copy}"):
        with pytest.raises(BackendUnavailable, match="is a registry that is in use"):
            backup(url, copy, force=True)
        backup(url, tmp_path / "other.db")
        assert left.exists()
        assert object_names(copy) == ["today"]
    with pytest.raises(BackendUnavailable, match="already exists"):
        backup(url, copy)
    backup(url, copy, force=True, objects=False)
    assert not left.exists()
    assert not (tmp_path / "copy.db.s3").exists()


def object_names(copy: Path) -> list[str]:
    """Return the names of the S3 objects of a copy."""
    return sorted(kept.stem for kept in copy.with_name(copy.name + ".s3").glob("*/*.object"))


def test_the_registry_and_registries_in_use_are_not_overwritten(file: Path, tmp_path: Path) -> None:
    result = run(str(tmp_path / "." / "registry.db"), "--url", f"sqlite:///{file}", "--force")
    assert (result.exit_code, "is the registry itself" in result.output) == (2, True)
    with ModelRegistry(f"sqlite:///{tmp_path}/other.db") as other:
        other.register("fraud", image="fraud:1")
        result = run(str(tmp_path / "other.db"), "--url", f"sqlite:///{file}", "--force")
        assert (result.exit_code, "is a registry that is in use" in result.output) == (2, True)
        assert [version.version for version in other.versions("fraud")] == [1]


@pytest.mark.parametrize(
    "name",
    [f"registry.db{end}" for end in ("-wal", "-shm", "-journal", ".lock", ".s3", ".s3/copy.db")] + ["REGISTRY.DB-WAL"],
)
def test_files_of_the_registry_are_not_overwritten(name: str, file: Path, tmp_path: Path) -> None:
    link = tmp_path / "links" / "models.db"
    link.parent.mkdir()
    link.symlink_to(file)
    store_objects(tmp_path / "registry.db.s3", "today")
    with ModelRegistry(f"sqlite:///{file}") as registry:
        registry.register("churn", image="churn:2")
        before = {path: path.stat().st_ino for path in tmp_path.rglob("*")}
        for source in (file, link):
            result = run(str(tmp_path / name), "--url", f"sqlite:///{source}", "--force")
            assert (result.exit_code, "is part of the registry itself" in result.output) == (2, True), result.output
        assert {path: path.stat().st_ino for path in tmp_path.rglob("*")} == before
        registry.register("churn", image="churn:3")
    assert versions(file) == [1, 2, 3]


@pytest.mark.parametrize("end", ["-wal", "-shm", ".lock", ".s3"])
def test_files_of_another_registry_are_not_overwritten(end: str, file: Path, tmp_path: Path) -> None:
    store_objects(tmp_path / "other.db.s3", "today")
    with ModelRegistry(f"sqlite:///{tmp_path}/other.db") as other:
        other.register("fraud", image="fraud:1")
        result = run(str(tmp_path / f"other.db{end}"), "--url", f"sqlite:///{file}", "--force")
        assert (result.exit_code, "is part of other.db; choose another FILE" in result.output) == (2, True)
        other.register("fraud", image="fraud:2")
    assert versions(tmp_path / "other.db", "fraud") == [1, 2]


@pytest.mark.parametrize("end", [".s3", ".lock"])
def test_a_copy_whose_objects_or_lock_would_be_the_registry_is_rejected(end: str, file: Path, tmp_path: Path) -> None:
    source = file.rename(tmp_path / f"copy.db{end}")
    result = run(str(tmp_path / "copy.db"), "--url", f"sqlite:///{source}", "--force")
    assert (result.exit_code, "choose another FILE" in result.output) == (2, True)
    assert versions(source) == [1]


def test_a_file_with_a_journal_to_roll_back_is_not_replaced(file: Path, tmp_path: Path) -> None:
    """SQLite would roll back the copy with it on opening."""
    copy = tmp_path / "copy.db"
    copy.write_text("mine")
    journal = tmp_path / "copy.db-journal"
    journal.write_bytes(b"")  # as left on a network share
    run(str(copy), "--url", f"sqlite:///{file}", "--force")
    assert versions(copy) == [1]
    journal.write_bytes(bytes.fromhex("d9d505f920a163d7"))
    result = run(str(copy), "--url", f"sqlite:///{file}", "--force")
    assert (result.exit_code, "was not closed" in result.output) == (2, True)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sqlite://", "is in memory"),
        ("moto://", "is in memory"),
        ("postgresql://me:s3cret@db/models", "pg_dump --format=custom --file=registry.dump postgresql://me@db/models"),
        ("http://127.0.0.1:1", "sagemaker-registry export registry.jsonl --url http://127.0.0.1:1"),
        ("aws://eu-west-1", "sagemaker-registry export registry.jsonl --url aws://eu-west-1"),
        ("sqlite:///missing.db", "there is no registry at missing.db"),
    ],
)
def test_a_registry_that_is_not_a_file_is_rejected_with_an_alternative(url: str, sentence: str, tmp_path: Path) -> None:
    result = run(str(tmp_path / "copy.db"), "--url", url)
    assert result.exit_code == 2
    assert sentence in result.output
    assert "s3cret" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_registry_is_not_backed_up(file: Path, tmp_path: Path) -> None:
    content = bytearray(file.read_bytes())
    content[8192:12288] = bytes(4096)
    file.write_bytes(content)
    result = run(str(tmp_path / "copy.db"), "--url", f"sqlite:///{file}")
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert not (tmp_path / "copy.db").exists()


def test_a_database_of_another_program_is_not_backed_up(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE notes (text)")
    other.close()
    with pytest.raises(BackendUnavailable, match="not a registry database"):
        backup(f"sqlite:///{tmp_path}/other.db", tmp_path / "copy.db")


def test_a_broken_history_is_copied_and_reported(file: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("UPDATE model_packages SET record = json_set(record, '$.ModelApprovalStatus', 'Approved')")
    connection.commit()
    connection.close()
    result = run(str(tmp_path / "copy.db"), "--url", f"sqlite:///{file}")
    assert result.exit_code == 1
    assert "history of churn/1 was altered, in the registry and in the copy" in result.output
    assert versions(tmp_path / "copy.db") == [1]


def test_a_registry_with_another_version_of_the_schema_is_not_backed_up(file: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 0")
    connection.close()
    before = file.read_bytes()
    result = run(str(tmp_path / "copy.db"), "--url", f"sqlite:///{file}")
    assert result.exit_code == 2
    assert (
        f"cannot back up {file}: the database was created by a development version of sagemaker-registry"
        in result.output
    )
    assert file.read_bytes() == before
    assert not (tmp_path / "copy.db").exists()

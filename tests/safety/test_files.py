"""Every file of the registry is private under any umask."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.server import Emulator
from support.webhook_receiver import eventually

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")


@pytest.fixture(autouse=True)
def wide_umask() -> object:
    """Allow everyone to read and write new files, like a careless service file."""
    before = os.umask(0)
    yield
    os.umask(before)


def run(*arguments: str, cwd: Path) -> str:
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_file_of_the_server_and_commands_is_private(serve: Callable[..., Emulator], tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "registry.toml").write_text(f"[events]\nfile = '{home}/events.jsonl'\n")
    (tmp_path / "registry.toml").chmod(0o600)
    served = serve("--config", "registry.toml", "--backend", "sqlite:///home/registry.db")
    s3, sagemaker = served.client("s3"), served.client("sagemaker")
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key="churn.tar.gz", Body=b"weights")
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    container = {"Image": "churn:1", "ModelDataUrl": "s3://models/churn.tar.gz"}
    sagemaker.create_model_package(ModelPackageGroupName="churn", InferenceSpecification={"Containers": [container]})
    eventually(lambda: (home / "events.jsonl").exists())
    run("export", "home/export.jsonl", "--url", served.url, cwd=tmp_path)
    run("backup", "home/backups/nightly/copy.db", "--url", "sqlite:///home/registry.db", cwd=tmp_path)
    run(
        "watch",
        "--once",
        "--from",
        "start",
        "--exec",
        "true",
        "--state",
        "home/seen.json",
        "--url",
        served.url,
        cwd=tmp_path,
    )
    made = sorted(path for path in home.rglob("*"))
    names = {path.name for path in made}
    assert {"registry.db", "registry.db-wal", "registry.db-shm", "registry.db.lock", "events.jsonl"} <= names
    assert {"export.jsonl", "seen.json", "registry.db.s3", "bucket.json"} <= names
    assert {"backups", "nightly", "copy.db", "copy.db.s3"} <= names
    too_open = {
        path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in [home, *made] if path.stat().st_mode & 0o077
    }
    assert too_open == {}

"""`doctor`: reports each problem in one sentence, changes nothing, and shows no secret."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sagemaker_registry.backends.files import FileLock, reports_network_mounts
from sagemaker_registry.backends.store.sqlite import diagnosis
from sagemaker_registry.backends.store.sqlite.diagnosis import loses_commits
from sagemaker_registry.client import connect
from sagemaker_registry.client.cli import main
from support.server import Emulator

pytest_plugins = ("support.postgres",)

GROUP = {"ModelPackageGroupName": "churn"}

Checks = dict[str, tuple[str, str, str]]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments])


def checks_of(*arguments: str, code: int = 0) -> Checks:
    """Return the verdict, sentence and advice of each check."""
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    checks = json.loads(result.stdout)
    return {check["name"]: (check["verdict"], check["sentence"], check["advice"]) for check in checks}


def state_of(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return everything a check could change: the files, their modification times, modes and contents."""
    return {file.name: (file.stat().st_mtime_ns, file.stat().st_mode, file.read_bytes()) for file in folder.iterdir()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a database file in its own folder, with one group."""
    path = tmp_path / "data" / "registry.db"
    client = connect(f"sqlite:///{path}")
    client.create_model_package_group(**GROUP)
    client.close()
    return path


def test_a_healthy_file_passes_every_check(file: Path) -> None:
    before = state_of(file.parent)
    found = checks_of("--url", f"sqlite:///{file}")
    assert state_of(file.parent) == before
    assert {name: verdict for name, (verdict, _, _) in found.items() if verdict != "ok"} == {}
    assert found["file"][1] == f"{file}, {file.stat().st_size:,} bytes"
    assert found["rights"][1] == "only this user can open the file"
    assert found["journal"][1] == "WAL with 0 bytes"
    assert found["content"][1].startswith("intact: integrity_check took ")
    assert found["schema"][1] == "up to date (version 1)"
    assert found["server"][1].startswith("[server]: flask ")


def test_a_file_in_use_is_checked_with_its_wal(file: Path) -> None:
    client = connect(f"sqlite:///{file}")
    client.create_model_package_group(ModelPackageGroupName="fraud")
    before = state_of(file.parent)
    found = checks_of("--url", f"sqlite:///{file}")
    after = state_of(file.parent)
    index = f"{file.name}-shm"  # the shared-memory index records readers
    assert {name: after[name] for name in after if name != index} == {n: before[n] for n in before if n != index}
    assert found["content"][0] == found["schema"][0] == "ok"
    size = Path(f"{file}-wal").stat().st_size
    assert found["journal"][1] == f"WAL with {size:,} bytes"
    client.close()


def test_a_held_lock_is_reported(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks_of("--url", f"sqlite:///{file}")["lock"][1].startswith("acquired after ")
    monkeypatch.setattr(diagnosis, "PATIENCE", 0.0)
    lock = FileLock(file.with_name("registry.db.lock"))
    with lock:
        verdict, sentence, advice = checks_of("--url", f"sqlite:///{file}", code=1)["lock"]
    lock.close()
    assert (verdict, sentence) == ("failed", "a process has held registry.db.lock for 0 s: no other process can write")
    assert advice == f"find it with: lsof {file}.lock"


def test_a_file_is_not_called_local_if_the_system_cannot_tell(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "reports_network_mounts", lambda: reports_network_mounts(tmp_path / "no such list"))
    verdict, sentence, advice = checks_of("--url", f"sqlite:///{file}")["file system"]
    assert (verdict, sentence) == ("ok", "this system does not report whether the file system is local")
    assert advice == "keep the file on a local disk"


def test_a_copy_with_an_unapplied_wal_is_not_changed(file: Path, tmp_path: Path) -> None:
    client = connect(f"sqlite:///{file}")
    client.create_model_package_group(ModelPackageGroupName="fraud")
    copy = tmp_path / "copy"
    copy.mkdir()
    for end in ("", "-wal"):
        shutil.copy(f"{file}{end}", copy)
    client.close()
    before = state_of(copy)
    found = checks_of("--url", f"sqlite:///{copy / file.name}")
    assert found["content"][0] == "warning"
    assert state_of(copy) == before


def test_a_missing_file_is_reported_and_not_created(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "such.db"
    verdict, sentence, advice = checks_of("--url", f"sqlite:///{missing}")["file"]
    assert (verdict, sentence) == ("warning", f"{missing} does not exist: `serve` and `register` create it")
    assert advice
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_reported(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    file.write_bytes(content)
    verdict, sentence, advice = checks_of("--url", f"sqlite:///{file}", code=1)["content"]
    assert (verdict, advice) == ("failed", "restore it from a backup")
    assert "damaged" in sentence or "malformed" in sentence


def test_a_file_that_is_not_a_database_is_reported(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("buy milk, and more than a header's worth of other things that are no database at all" * 9)
    found = checks_of("--url", f"sqlite:///{other}", code=1)
    assert found["content"][:2] == ("failed", f"{other} cannot be read: file is not a database")


def test_an_empty_file_and_a_folder_are_distinguished(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch(mode=0o600)
    assert checks_of("--url", f"sqlite:///{tmp_path}/empty.db")["content"][1].startswith("the file is empty")
    assert checks_of("--url", f"sqlite:///{tmp_path}", code=1)["file"][1] == f"{tmp_path} is not a file"


def test_a_database_of_another_program_is_reported(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    (tmp_path / "other.db").chmod(0o600)
    found = checks_of("--url", f"sqlite:///{tmp_path}/other.db", code=1)
    assert found["schema"][:2] == ("failed", "the file is not a registry database")
    assert found["journal"][1] == "rollback journal"


def test_a_schema_of_a_development_version_is_reported_and_not_changed(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 0")
    connection.close()
    before = state_of(file.parent)
    verdict, sentence, advice = checks_of("--url", f"sqlite:///{file}", code=1)["schema"]
    assert (verdict, sentence) == ("failed", "the database was created by a development version of sagemaker-registry")
    assert advice.startswith("export it with that version")
    assert state_of(file.parent) == before


def test_a_newer_schema_is_reported(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    _, sentence, advice = checks_of("--url", f"sqlite:///{file}", code=1)["schema"]
    assert sentence.startswith("the database was created by a newer sagemaker-registry (schema version 9999; ")
    assert advice.startswith("upgrade this installation")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no modes")
def test_a_file_readable_by_other_users_is_reported(file: Path) -> None:
    file.chmod(0o644)
    found = checks_of("--url", f"sqlite:///{file}")
    assert found["rights"] == (
        "warning",
        "other users on this machine can open the file (mode 0644)",
        f"chmod 600 {file}",
    )


@pytest.mark.parametrize(
    ("release", "loses"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 0), True),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_releases_of_sqlite_that_lose_commits(release: tuple[int, int, int], loses: bool) -> None:
    assert loses_commits(release) is loses


def test_a_served_registry_passes(emulator: Emulator) -> None:
    found = checks_of("--url", emulator.url)
    verdict, sentence, _ = found["registry"]
    assert (verdict, sentence.partition(", after")[0]) == ("ok", "it responds")
    assert "the same version as this command" in found["server"][1] or found["server"][1].startswith("[server]")


def test_an_unreachable_registry_is_reported() -> None:
    verdict, sentence, advice = checks_of("--url", "http://127.0.0.1:9", code=1)["registry"]
    assert verdict == "failed"
    assert 'Could not connect to the endpoint URL: "http://127.0.0.1:9/"' in sentence
    assert advice == "start it with `sagemaker-registry serve --port 9`"


def test_a_server_that_is_not_a_registry_is_reported(emulator: Emulator) -> None:
    assert checks_of("--url", f"{emulator.url}/elsewhere", code=1)["registry"][0] == "failed"


@pytest.mark.parametrize("url", ["mongodb://x", "sqlite://x", "http://", "nonsense"])
def test_an_invalid_url_is_reported(url: str) -> None:
    assert checks_of("--url", url, code=1)["registry"][0] == "failed"


def test_an_in_memory_registry_passes() -> None:
    assert checks_of("--url", "sqlite://")["registry"][0] == "ok"


def test_without_a_url_the_other_checks_run(monkeypatch: pytest.MonkeyPatch) -> None:
    found = checks_of()
    assert found["url"][1].endswith(", the default: neither --url nor SAGEMAKER_REGISTRY_URL is set")
    assert found["file"][0] == "warning"
    assert found["identity"][1] == "access key ID local (the default: no credentials are configured)"
    assert found["region"][1] == "us-east-1, the default"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    found = checks_of()
    assert found["region"][1] == "eu-west-1"
    assert found["identity"][1] == "access key ID 111122223333 (env); a local registry uses account 111122223333"
    assert checks_of("--region", "eu-west-2")["region"][1] == "eu-west-2"


def test_on_aws_the_callers_identity_is_shown(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator takes the place of STS."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    url = f"aws://eu-west-1?endpoint_url={emulator.url}&sts_endpoint_url={emulator.url}"
    found = checks_of("--url", url)
    assert found["registry"][0] == "ok"
    assert found["region"][1] == "eu-west-1"
    assert found["identity"][1].startswith("arn:aws:")
    assert " in account 123456789012" in found["identity"][1]
    assert checks_of("--url", "aws://", code=1)["region"][0] == "failed"
    no_identity = checks_of(
        "--url", f"aws://eu-west-1?endpoint_url={emulator.url}&sts_endpoint_url=http://127.0.0.1:9", code=1
    )
    assert no_identity["identity"][0] == "failed"


def test_a_conflicting_endpoint_variable_is_reported(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    verdict, sentence, advice = checks_of("--url", emulator.url)["endpoint"]
    assert verdict == "warning"
    assert sentence == (
        f"AWS_ENDPOINT_URL is http://127.0.0.1:9: boto3 and the AWS CLI use it instead of {emulator.url}"
    )
    assert advice == "unset AWS_ENDPOINT_URL, or set it to the same URL"
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{emulator.url}/")
    assert checks_of("--url", emulator.url)["endpoint"][0] == "ok"
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert "disables it" in checks_of("--url", emulator.url)["endpoint"][1]


def test_a_proxy_for_local_addresses_is_reported(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://ann:s3cret@127.0.0.1:9")
    found = checks_of("--url", emulator.url, code=1)
    assert found["proxy"] == (
        "warning",
        "requests to 127.0.0.1, localhost go through the proxy http://ann@127.0.0.1:9",
        "set NO_PROXY=127.0.0.1,localhost",
    )
    assert found["registry"][0] == "failed"
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    assert "proxy" not in checks_of("--url", emulator.url)


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://ann:s3cret@127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://ann:s3cret@127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "s3cret")
    for url in (
        "http://ann:s3cret@127.0.0.1:9",
        "postgresql://ann:s3cret@127.0.0.1:9/models",
        "postgresql://ann:s3cret@s3cret@127.0.0.1:9/models",
        "postgresql://127.0.0.1:9/models?user=ann&password=s3cret",
        "mongodb://ann:s3cret@db",
        "sqlite://ann:s3cret@db",
    ):
        for arguments in (["--url", url], ["--url", url, "--json"]):
            result = run(*arguments)
            assert result.exit_code == 1
            assert "s3cret" not in result.output
            assert "AKIAIOSFODNN7EXAMPLE" not in result.output
            assert "AKIA...MPLE" in result.output


def test_each_check_is_one_line_followed_by_its_advice(file: Path) -> None:
    file.chmod(0o644)
    lines = run("--url", f"sqlite:///{file}").stdout.splitlines()
    place = lines.index("warning  rights       other users on this machine can open the file (mode 0644)")
    assert lines[place + 1].strip() == f"chmod 600 {file}"


def test_a_postgresql_database_is_checked_without_creating_its_schema(postgres_url: str, postgres_cluster: Any) -> None:
    found = checks_of("--url", postgres_url)
    assert found["registry"][0] == "ok"
    assert found["schema"][1] == "not created yet: the tables are created at first use"
    database = postgres_url.rpartition("/")[2]
    assert postgres_cluster.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'", database) == []
    connect(postgres_url).close()
    assert checks_of("--url", postgres_url)["schema"][1] == "up to date (version 1)"
    wrong = postgres_cluster.url(database, password="wr0ng-s3cret")
    result = run("--url", wrong)
    assert result.exit_code == 1
    assert "wr0ng-s3cret" not in result.output
    assert "password authentication failed" in result.output


def test_a_silent_database_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://ann@127.0.0.1:{silent.getsockname()[1]}/models"
        assert checks_of("--url", url, code=1)["registry"][0] == "failed"


HIDDEN = "import sys\nfor name in {packages!r}: sys.modules[name] = None\n"
DOCTOR = "from sagemaker_registry.client.cli import main; main({arguments!r}, prog_name='sagemaker-registry')"
SERVER_PACKAGES = ("flask", "orjson", "regex", "sqlite_utils", "msgspec", "waitress", "moto", "psycopg", "psycopg_pool")


def test_the_base_installation_can_check_a_server_and_a_file(emulator: Emulator, file: Path) -> None:
    for url in (emulator.url, f"sqlite:///{file}"):
        script = HIDDEN.format(packages=SERVER_PACKAGES) + DOCTOR.format(arguments=["doctor", "--url", url])
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
        assert "ok       sqlite" in ended.stdout


def test_a_missing_extra_is_reported_with_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `importlib.metadata` report a missing package."""
    from importlib.metadata import PackageNotFoundError, version

    def version_without_waitress(name: str) -> str:
        if name == "waitress":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr("sagemaker_registry.client.doctor.version", version_without_waitress)
    sentence = "[server] is not installed; to serve a registry, and for sqlite:// URLs"
    assert checks_of("--url", "http://127.0.0.1:9", code=1)["server"][:2] == (
        "ok",
        f"{sentence}: pip install 'sagemaker-registry[server]'",
    )
    assert checks_of("--url", "sqlite://", code=1)["server"] == (
        "failed",
        "[server]: waitress not installed, required for sqlite://",
        "pip install 'sagemaker-registry[server]'",
    )


def test_the_registry_of_the_environment_is_checked(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_REGISTRY_URL", f"sqlite:///{file}")
    assert checks_of()["schema"][1] == "up to date (version 1)"
    assert "SAGEMAKER_REGISTRY_URL is set to another registry" in checks_of("--url", "sqlite://")["url"][1]
    assert os.environ["SAGEMAKER_REGISTRY_URL"] == f"sqlite:///{file}"

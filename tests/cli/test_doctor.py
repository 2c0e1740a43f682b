"""`doctor`: what is wrong is found and told in a sentence, nothing is changed, and no secret is shown."""

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

from sagemaker_registry.backends.files import FileLock, tells_networks
from sagemaker_registry.backends.store.sqlite import diagnosis
from sagemaker_registry.backends.store.sqlite.diagnosis import loses_commits
from sagemaker_registry.client import connect
from sagemaker_registry.client.cli import main
from support.server import Emulator

pytest_plugins = ("support.postgres",)

GROUP = {"ModelPackageGroupName": "churn"}

Found = dict[str, tuple[str, str, str]]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["doctor", *arguments])


def examined(*arguments: str, code: int = 0) -> Found:
    """Return what is said of each thing that is looked at: the verdict, the sentence and the advice."""
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    checks = json.loads(result.stdout)
    return {check["name"]: (check["verdict"], check["sentence"], check["advice"]) for check in checks}


def state_of(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return all that a look could change: which files there are, when they were written, and what is in them."""
    return {file.name: (file.stat().st_mtime_ns, file.stat().st_mode, file.read_bytes()) for file in folder.iterdir()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a database file in a folder of its own, with a group in it."""
    path = tmp_path / "data" / "registry.db"
    client = connect(f"sqlite:///{path}")
    client.create_model_package_group(**GROUP)
    client.close()
    return path


def test_a_file_that_is_well_is_said_to_be(file: Path) -> None:
    before = state_of(file.parent)
    found = examined("--url", f"sqlite:///{file}")
    assert state_of(file.parent) == before
    assert {name: verdict for name, (verdict, _, _) in found.items() if verdict != "ok"} == {}
    assert found["file"][1] == f"{file}, {file.stat().st_size:,} bytes"
    assert found["rights"][1] == "it is this user's alone"
    assert found["journal"][1] == "WAL, 0 bytes of it not in the file yet"
    assert found["content"][1].startswith("whole: integrity_check took ")
    assert found["schema"][1] == "up to date (version 1)"
    assert found["server"][1].startswith("[server]: flask ")


def test_a_file_in_use_is_looked_at_with_what_is_in_its_wal(file: Path) -> None:
    client = connect(f"sqlite:///{file}")
    client.create_model_package_group(ModelPackageGroupName="fraud")
    before = state_of(file.parent)
    found = examined("--url", f"sqlite:///{file}")
    after = state_of(file.parent)
    index = f"{file.name}-shm"  # shared memory: who reads at which point is written there
    assert {name: after[name] for name in after if name != index} == {n: before[n] for n in before if n != index}
    assert found["content"][0] == found["schema"][0] == "ok"
    size = Path(f"{file}-wal").stat().st_size
    assert found["journal"][1] == f"WAL, {size:,} bytes of it not in the file yet"
    client.close()


def test_a_lock_that_somebody_keeps_is_found(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert examined("--url", f"sqlite:///{file}")["lock"][1].startswith("it can be had, after ")
    monkeypatch.setattr(diagnosis, "PATIENCE", 0.0)
    lock = FileLock(file.with_name("registry.db.lock"))
    with lock:
        verdict, sentence, advice = examined("--url", f"sqlite:///{file}", code=1)["lock"]
    lock.close()
    assert (verdict, sentence) == ("failed", "a process has held registry.db.lock for 0 s: nobody else can write")
    assert advice == f"find it with: lsof {file}.lock"


def test_where_no_system_tells_networks_from_disks_a_file_is_not_called_local(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "tells_networks", lambda: tells_networks(tmp_path / "no such list"))
    verdict, sentence, advice = examined("--url", f"sqlite:///{file}")["file system"]
    assert (verdict, sentence) == ("ok", "this system does not say whether it is local or on a network")
    assert advice == "keep it on a disk of this machine"


def test_a_copy_with_changes_in_its_wal_alone_is_not_touched(file: Path, tmp_path: Path) -> None:
    client = connect(f"sqlite:///{file}")
    client.create_model_package_group(ModelPackageGroupName="fraud")
    copy = tmp_path / "copy"
    copy.mkdir()
    for end in ("", "-wal"):
        shutil.copy(f"{file}{end}", copy)
    client.close()
    before = state_of(copy)
    found = examined("--url", f"sqlite:///{copy / file.name}")
    assert found["content"][0] == "warning"
    assert state_of(copy) == before


def test_a_file_that_is_not_there_is_said_and_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "such.db"
    verdict, sentence, advice = examined("--url", f"sqlite:///{missing}")["file"]
    assert (verdict, sentence) == ("warning", f"{missing} is not there: it is made when it is first used")
    assert advice
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_found(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    file.write_bytes(content)
    verdict, sentence, advice = examined("--url", f"sqlite:///{file}", code=1)["content"]
    assert (verdict, advice) == ("failed", "restore it from a backup")
    assert "damaged" in sentence or "malformed" in sentence


def test_a_file_that_is_no_database_is_found(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("buy milk, and more than a header's worth of other things that are no database at all" * 9)
    found = examined("--url", f"sqlite:///{other}", code=1)
    assert found["content"][:2] == ("failed", f"{other} cannot be read: file is not a database")


def test_an_empty_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch(mode=0o600)
    assert examined("--url", f"sqlite:///{tmp_path}/empty.db")["content"][1].startswith("it is empty")
    assert examined("--url", f"sqlite:///{tmp_path}", code=1)["file"][1] == f"{tmp_path} is not a file"


def test_another_programs_database_is_found(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    (tmp_path / "other.db").chmod(0o600)
    found = examined("--url", f"sqlite:///{tmp_path}/other.db", code=1)
    assert found["schema"][:2] == ("failed", "it is not a registry's")
    assert found["journal"][1] == "a rollback journal"


def test_a_schema_of_a_development_version_is_found_and_not_changed(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 0")
    connection.close()
    before = state_of(file.parent)
    verdict, sentence, advice = examined("--url", f"sqlite:///{file}", code=1)["schema"]
    assert (verdict, sentence) == ("failed", "the database was made by a development version of sagemaker-registry")
    assert advice.startswith("export it with that version")
    assert state_of(file.parent) == before


def test_a_newer_schema_is_found(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA user_version = 9999")
    connection.close()
    _, sentence, advice = examined("--url", f"sqlite:///{file}", code=1)["schema"]
    assert sentence.startswith("the database was made by a newer sagemaker-registry (schema version 9999, ")
    assert advice.startswith("upgrade this installation")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no modes")
def test_a_file_others_may_open_is_found(file: Path) -> None:
    file.chmod(0o644)
    found = examined("--url", f"sqlite:///{file}")
    assert found["rights"] == ("warning", "others on this machine may open it (mode 0644)", f"chmod 600 {file}")


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


def test_a_served_registry_is_reached(emulator: Emulator) -> None:
    found = examined("--url", emulator.url)
    verdict, sentence, _ = found["registry"]
    assert (verdict, sentence.partition(", after")[0]) == ("ok", "it responds")
    assert "the same version as this command" in found["server"][1] or found["server"][1].startswith("[server]")


def test_a_registry_that_is_not_there_is_found() -> None:
    verdict, sentence, advice = examined("--url", "http://127.0.0.1:9", code=1)["registry"]
    assert verdict == "failed"
    assert 'Could not connect to the endpoint URL: "http://127.0.0.1:9/"' in sentence
    assert advice == "start it: sagemaker-registry serve --port 9"


def test_something_else_that_answers_is_found(emulator: Emulator) -> None:
    assert examined("--url", f"{emulator.url}/elsewhere", code=1)["registry"][0] == "failed"


@pytest.mark.parametrize("url", ["mongodb://x", "sqlite://x", "http://", "nonsense"])
def test_a_url_that_names_no_registry_is_found(url: str) -> None:
    assert examined("--url", url, code=1)["registry"][0] == "failed"


def test_a_registry_in_memory_is_opened() -> None:
    assert examined("--url", "sqlite://")["registry"][0] == "ok"


def test_without_a_registry_the_rest_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    found = examined()
    assert found["url"][1].endswith(", the default: neither --url nor SAGEMAKER_REGISTRY_URL is set")
    assert found["file"][0] == "warning"
    assert found["identity"][1] == "access key ID local (the default: no credentials are configured)"
    assert found["region"][1] == "us-east-1, the default"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    found = examined()
    assert found["region"][1] == "eu-west-1"
    assert found["identity"][1] == "access key ID 111122223333 (env); a local registry uses account 111122223333"
    assert examined("--region", "eu-west-2")["region"][1] == "eu-west-2"


def test_of_aws_it_is_said_who_one_is_there(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """STS's answer, from the emulator in AWS's place."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    url = f"aws://eu-west-1?endpoint_url={emulator.url}&sts_endpoint_url={emulator.url}"
    found = examined("--url", url)
    assert found["registry"][0] == "ok"
    assert found["region"][1] == "eu-west-1"
    assert found["identity"][1].startswith("arn:aws:")
    assert " in account 123456789012" in found["identity"][1]
    assert examined("--url", "aws://", code=1)["region"][0] == "failed"
    no_identity = examined(
        "--url", f"aws://eu-west-1?endpoint_url={emulator.url}&sts_endpoint_url=http://127.0.0.1:9", code=1
    )
    assert no_identity["identity"][0] == "failed"


def test_an_endpoint_that_leads_elsewhere_is_found(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    verdict, sentence, advice = examined("--url", emulator.url)["endpoint"]
    assert verdict == "warning"
    assert sentence == (
        f"AWS_ENDPOINT_URL is http://127.0.0.1:9: boto3 and the AWS CLI use it instead of {emulator.url}"
    )
    assert advice == "unset AWS_ENDPOINT_URL, or set it to the same URL"
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{emulator.url}/")
    assert examined("--url", emulator.url)["endpoint"][0] == "ok"
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert "disables it" in examined("--url", emulator.url)["endpoint"][1]


def test_a_proxy_that_catches_this_machine_is_found(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://ann:s3cret@127.0.0.1:9")
    found = examined("--url", emulator.url, code=1)
    assert found["proxy"] == (
        "warning",
        "requests to 127.0.0.1, localhost go through the proxy http://ann@127.0.0.1:9",
        "set NO_PROXY=127.0.0.1,localhost",
    )
    assert found["registry"][0] == "failed"
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    assert "proxy" not in examined("--url", emulator.url)


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


def test_every_check_is_a_line_and_advice_another(file: Path) -> None:
    file.chmod(0o644)
    lines = run("--url", f"sqlite:///{file}").stdout.splitlines()
    place = lines.index("warning  rights       others on this machine may open it (mode 0644)")
    assert lines[place + 1].strip() == f"chmod 600 {file}"


def test_a_database_is_reached_and_its_schema_is_left_as_it_is(postgres_url: str, postgres_cluster: Any) -> None:
    found = examined("--url", postgres_url)
    assert found["registry"][0] == "ok"
    assert found["schema"][1] == "not there: the tables are created when the database is first used"
    database = postgres_url.rpartition("/")[2]
    assert postgres_cluster.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'", database) == []
    connect(postgres_url).close()
    assert examined("--url", postgres_url)["schema"][1] == "up to date (version 1)"
    wrong = postgres_cluster.url(database, password="wr0ng-s3cret")
    result = run("--url", wrong)
    assert result.exit_code == 1
    assert "wr0ng-s3cret" not in result.output
    assert "password authentication failed" in result.output


def test_a_database_that_does_not_answer_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://ann@127.0.0.1:{silent.getsockname()[1]}/models"
        assert examined("--url", url, code=1)["registry"][0] == "failed"


HIDDEN = "import sys\nfor name in {packages!r}: sys.modules[name] = None\n"
DOCTOR = "from sagemaker_registry.client.cli import main; main({arguments!r}, prog_name='sagemaker-registry')"
OF_SERVER = ("flask", "orjson", "regex", "sqlite_utils", "msgspec", "waitress", "moto", "psycopg", "psycopg_pool")


def test_the_base_install_is_enough_for_a_served_registry_and_for_a_look_at_a_file(
    emulator: Emulator, file: Path
) -> None:
    for url in (emulator.url, f"sqlite:///{file}"):
        script = HIDDEN.format(packages=OF_SERVER) + DOCTOR.format(arguments=["doctor", "--url", url])
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
        assert "ok       sqlite" in ended.stdout


def test_a_missing_extra_is_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `importlib.metadata` would say in an environment that lacks it."""
    from importlib.metadata import PackageNotFoundError, version

    def lacking(name: str) -> str:
        if name == "waitress":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr("sagemaker_registry.client.doctor.version", lacking)
    sentence = "[server] is not installed; to serve a registry, and for sqlite:// URLs"
    assert examined("--url", "http://127.0.0.1:9", code=1)["server"][:2] == (
        "ok",
        f"{sentence}: pip install 'sagemaker-registry[server]'",
    )
    assert examined("--url", "sqlite://", code=1)["server"] == (
        "failed",
        "[server]: waitress not installed, required for sqlite://",
        "pip install 'sagemaker-registry[server]'",
    )


def test_the_registry_of_the_environment_is_the_one_looked_at(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_REGISTRY_URL", f"sqlite:///{file}")
    assert examined()["schema"][1] == "up to date (version 1)"
    assert "SAGEMAKER_REGISTRY_URL is set to another registry" in examined("--url", "sqlite://")["url"][1]
    assert os.environ["SAGEMAKER_REGISTRY_URL"] == f"sqlite:///{file}"

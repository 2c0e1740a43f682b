"""Secrets stay where they were sent: each is a canary that must not appear in anything a server writes or shows.

Stored values such as a container's Environment are returned to callers that may read the version, and are in history,
exports and events, which are copies of it. They are in no log, no metric, and no error for other callers.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from click.testing import CliRunner

from sagemaker_registry.client.cli import main
from support.server import Emulator
from support.webhook_receiver import eventually, receiving

CANARIES = {
    name: f"canary{number:02}of{name}"
    for number, name in enumerate(
        [
            *("signature", "token", "cookie", "query", "presigned", "password", "webhook", "path"),
            *("environment", "refused", "card", "key"),
        ]
    )
}
STORED = {CANARIES["environment"], CANARIES["card"]}
"""The secrets that a version contains, for those who may read it."""

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1"

Start = Callable[..., Emulator]


@pytest.fixture
def start_logging(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a server with full logging, and its output in files."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> Emulator:
        said, logged = (tmp_path / f"{name}{len(started)}.log" for name in ("stdout", "stderr"))
        command = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", "0"]
        with said.open("w") as stdout, logged.open("w") as stderr:
            process = subprocess.Popen(
                [*command, "--log-level", "debug", *options], stdout=stdout, stderr=stderr, text=True, cwd=tmp_path
            )
        started.append(process)
        lines = eventually(lambda: re.findall(r"listening on (\S+)\n(?s:.*)press Ctrl", said.read_text()))
        return Emulator(lines[0], process)

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=60)


def canaries_in(text: str) -> set[str]:
    return {value for value in CANARIES.values() if value in text}


def signed(key: str = "pipeline") -> dict[str, str]:
    scope = f"{key}/20260101/us-east-1/sagemaker/aws4_request"
    return {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={CANARIES['signature']}",
        "X-Amz-Security-Token": CANARIES["token"],
        "Cookie": f"registry-console-80={CANARIES['cookie']}",
        "Content-Type": "application/x-amz-json-1.1",
    }


def call(url: str, operation: str, key: str = "pipeline", **params: Any) -> requests.Response:
    headers = {**signed(key), "X-Amz-Target": f"SageMaker.{operation}"}
    return requests.post(url, data=json.dumps(params), headers=headers, timeout=30)


def register(url: str, *, environment: dict[str, str]) -> requests.Response:
    card = {"model_overview": {"model_creator": CANARIES["card"]}}
    container = {"Image": "churn:1", "Environment": environment}
    specification = {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    return call(
        url,
        "CreateModelPackage",
        ModelPackageGroupName="churn",
        InferenceSpecification=specification,
        ModelCard={"ModelCardStatus": "Draft", "ModelCardContent": json.dumps(card)},
    )


def test_a_server_does_not_write_or_show_secrets(start_logging: Start, tmp_path: Path) -> None:
    with receiving() as receiver:
        (tmp_path / "registry.toml").write_text(
            f"[identities.carol]\naccess_key = '{CANARIES['key']}'\n"
            f"[[events.webhooks]]\nname = 'chat'\nsecret = '{CANARIES['webhook']}'\n"
            f"url = '{receiver.url}/{CANARIES['path']}?key={CANARIES['query']}'\n"
            f"[[events.webhooks]]\nurl = 'http://127.0.0.1:9/{CANARIES['path']}'\nname = 'nobody'\n"
        )
        served = start_logging("--config", "registry.toml", "--backend", "sqlite:///r.db", "--test-controls")
        assert call(served.url, "CreateModelPackageGroup", ModelPackageGroupName="churn").status_code == 200
        registered = register(served.url, environment={"PASSWORD": CANARIES["environment"]})
        assert registered.status_code == 200, registered.text
        receiver.wait_for(1)
    error_log = [
        register(served.url, environment={"PASSWORD": CANARIES["refused"] + "x" * 2000}),
        register(served.url, environment={"1 PASSWORD": CANARIES["refused"]}),
        call(served.url, "DescribeModelPackage", CANARIES["key"], ModelPackageName="absent"),
        call(served.url, "UpdateModelPackage", ModelPackageArn=ARN, ModelApprovalStatus="Perhaps"),
    ]
    assert [answer.status_code for answer in error_log] == [400] * 4
    query = f"X-Amz-Signature={CANARIES['presigned']}&X-Amz-Security-Token={CANARIES['token']}"
    credential = "X-Amz-Credential=pipeline%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
    presigned = requests.get(f"{served.url}/models/x?{credential}&{query}", headers=signed(), timeout=30)
    assert presigned.status_code in (400, 403, 404)

    told_elsewhere = [answer.text for answer in (*error_log[2:], presigned)]
    for path in ("info", "health", "ready", "metrics", "settings", "store", "events/deliveries"):
        answer = requests.get(f"{served.url}/_registry/{path}", headers=signed(), timeout=30)
        assert answer.ok, (path, answer.text)
        told_elsewhere.append(answer.text)
    explained = requests.post(f"{served.url}/_registry/explain", json={"arn": ARN}, headers=signed(), timeout=30)
    assert explained.ok
    assert [canaries_in(text) for text in (*told_elsewhere, explained.text)] == [set()] * (len(told_elsewhere) + 1)

    # copies of stored values, for callers that request them
    for path in ("history", "export", "events", "versions", "calls"):
        answer = requests.get(f"{served.url}/_registry/{path}", headers=signed(), timeout=30)
        assert canaries_in(answer.text) <= STORED | ({CANARIES["refused"]} if path == "calls" else set()), path
    assert canaries_in(call(served.url, "DescribeModelPackage", ModelPackageName=ARN).text) == STORED

    pages = pages_of(served.url, Path(tmp_path / "stdout0.log").read_text())
    assert {path for path, page in pages.items() if canaries_in(page) - {CANARIES["card"]}} == set()
    for options in ([], ["--json"]):
        assert canaries_in(run("doctor", "--url", served.url, *options)) == set()
    served.stop()
    for log in tmp_path.glob("*.log"):
        assert canaries_in(log.read_text()) == set(), log.name
    assert "ValidationException" in Path(tmp_path / "stderr0.log").read_text()


def pages_of(url: str, said: str) -> dict[str, str]:
    """Return the pages of the console for a logged-in user, and check that none contains the login link."""
    link = re.search(r"console: +(\S+token=(\S+))", said)
    assert link
    with requests.Session() as browser:
        assert browser.get(link[1], timeout=30).ok
        assert browser.post(f"{url}/console/login", data={"token": link[2]}, timeout=30).ok
        paths = (
            "",
            "groups",
            "groups/churn",
            "groups/churn/1",
            "groups/churn/1/decide?to=Approved",
            "history",
            "health",
        )
        pages = {path: browser.get(f"{url}/console/{path}", timeout=30) for path in paths}
        session = next(iter(browser.cookies)).value
    assert all(page.ok for page in pages.values())
    assert not [path for path, page in pages.items() if link[2] in page.text or str(session) in page.text]
    return {path: page.text for path, page in pages.items()}


def test_a_forwarding_server_does_not_log_secrets(
    start_logging: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forwarding server has its own credentials, and libraries that log everything at this level."""
    backend = start_logging("--backend", "sqlite://", "--no-console", "--console-user", "alice")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "pipeline")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARIES["key"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", CANARIES["token"])
    gateway = start_logging("--backend", backend.url)
    assert call(gateway.url, "CreateModelPackageGroup", ModelPackageGroupName="churn").status_code == 200
    registered = register(gateway.url, environment={"PASSWORD": CANARIES["environment"]})
    assert registered.status_code == 200, registered.text
    for log in tmp_path.glob("*.log"):
        assert canaries_in(log.read_text()) == set(), log.name


@pytest.mark.parametrize(
    "command",
    [
        ("serve", "--port", "0", "--backend"),
        ("doctor", "--url"),
        ("doctor", "--json", "--url"),
        ("history", "--url"),
        ("export", "--url"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:{}@127.0.0.1:1/db",
        "postgresql://u:p/@{}@127.0.0.1:1/db",
        "postgresql://127.0.0.1:1/db?user=u&password={}",
        "http://u:{}@127.0.0.1:1",
        "nonsense://u:{}@host",
        "sqlite://u:{}@host/registry.db",
    ],
)
def test_the_password_of_a_url_is_not_repeated(command: tuple[str, ...], url: str) -> None:
    said = run(*command, url.format(CANARIES["password"]))
    assert canaries_in(said) == set()
    assert said.strip()


def run(*arguments: str) -> str:
    done = CliRunner().invoke(main, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks for files that are open where Linux lists them")
def test_no_temporary_file_is_left_behind(
    start_logging: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body too large for memory is in an unnamed file while it arrives, and then in none."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    served = start_logging("--backend", "sqlite:///r.db")
    call(served.url, "CreateModelPackageGroup", ModelPackageGroupName="churn")
    assert register(served.url, environment={"PASSWORD": CANARIES["environment"]}).status_code == 200
    served.client("s3").create_bucket(Bucket="models")
    body = CANARIES["environment"].encode() * 2**19  # more than 8 MiB
    host, port = served.url.removeprefix("http://").split(":")
    scope = signed()["Authorization"].replace("/sagemaker/", "/s3/")
    head = f"PUT /models/churn.bin HTTP/1.1\r\nHost: localhost\r\nAuthorization: {scope}\r\nConnection: close\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2])
        (held,) = eventually(lambda: open_files(served.process.pid, folder))
        assert held.endswith(" (deleted)")
        assert list(folder.rglob("*")) == []
        connection.sendall(body[len(body) // 2 :])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        assert list(folder.rglob("*")) == []
    assert served.client("s3").head_object(Bucket="models", Key="churn.bin")["ContentLength"] == len(body)
    eventually(lambda: held not in open_files(served.process.pid, folder))
    assert list(folder.rglob("*")) == []


def open_files(process: int, folder: Path) -> list[str]:
    """Return the open files of a process in a folder, including those without a name."""
    found = []
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed in the meantime
            found.append(os.readlink(descriptor))
    return [path for path in found if path.startswith(str(folder))]


def test_access_keys_and_login_links_are_not_repeated(start_logging: Start, tmp_path: Path) -> None:
    """Verified keys, right and wrong ones; the console's link is printed once on stdout for its owner."""
    made = json.loads(run("credentials", "add", "alice", "--file", str(tmp_path / "keys.ini"), "--json"))
    key, secret = made["aws_access_key_id"], made["aws_secret_access_key"]
    served = start_logging("--backend", "sqlite:///r.db", "--credentials", "keys.ini", "--test-controls")
    sent: list[str] = []
    answers: list[str] = []
    for given in (secret, CANARIES["key"]):
        client = boto3.client(
            "sagemaker",
            endpoint_url=served.url,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=given,
            config=Config(retries={"total_max_attempts": 1}),
        )
        client.meta.events.register("before-send.sagemaker", lambda request, **_: sent.append(signature_of(request)))
        try:
            client.create_model_package_group(ModelPackageGroupName="churn")
            answers.append("")
        except ClientError as error:
            answers.append(str(error))
    assert answers[0] == ""
    assert "InvalidSignatureException" in answers[1]
    answers += [requests.get(f"{served.url}/_registry/{path}", timeout=30).text for path in ("health", "info", "calls")]
    said = (tmp_path / "stdout0.log").read_text()
    token = re.search(r"token=(\S+)", said)
    assert token
    assert said.count(token[1]) == 1
    logged = (tmp_path / "stderr0.log").read_text()
    secrets = [secret, CANARIES["key"], *sent]
    assert len(sent) == 2
    assert [text for text in (*answers, said, logged) for one in secrets if one in text] == []
    assert token[1] not in logged + "".join(answers)


def signature_of(request: Any) -> str:
    authorization = request.headers["Authorization"]
    return (authorization.decode() if isinstance(authorization, bytes) else authorization).rpartition("Signature=")[2]

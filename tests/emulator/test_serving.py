"""The server as a process: start, identity, isolation, other services, draining, and persistence."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from sagemaker_registry.backends.urls import without_password
from sagemaker_registry.emulator.http import server as serving
from sagemaker_registry.emulator.http.server import Server, listen
from support.server import Emulator, start

Serve = Callable[..., Emulator]


def test_the_first_lines_show_the_url_and_the_environment(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        match = re.fullmatch(r"listening on (http://127\.0\.0\.1:[0-9]+)\n", first)
        assert match is not None, first
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert f"export AWS_ENDPOINT_URL={match[1]}\n" in rest
    assert process.returncode == 0
    assert (tmp_path / "data" / "sagemaker-registry" / "registry.db").exists()


def test_login_links_use_the_address_of_the_server_and_not_the_host_header() -> None:
    emulator = start("--backend", "sqlite://", "--console-user", "alice")
    assert emulator.process.stdout
    first = next(line for line in emulator.process.stdout if line.startswith("console:"))
    token = first.partition("token=")[2].split()[0]
    requests.post(f"{emulator.url}/console/login", data={"token": token}, timeout=60).raise_for_status()
    asked = requests.post(f"{emulator.url}/console/reprint", headers={"Host": "203.0.113.66:8080"}, timeout=60)
    assert asked.status_code == 200
    emulator.process.terminate()
    with emulator.process:
        links = [first, *(line for line in emulator.process.stdout if line.startswith("console:"))]
    assert len(links) == 2
    assert all(line.startswith(f"console:   {emulator.url}/console/login?token=") for line in links)


def test_everything_survives_a_restart(serve: Serve) -> None:
    first = serve("--backend", "sqlite:///kept.db")
    sagemaker = first.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    arn = sagemaker.create_model_package(ModelPackageGroupName="churn")["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="fine")
    before = sagemaker.describe_model_package(ModelPackageName=arn)
    assert first.stop() == 0

    sagemaker = serve("--backend", "sqlite:///kept.db").client("sagemaker")
    after = sagemaker.describe_model_package(ModelPackageName=arn)
    del before["ResponseMetadata"], after["ResponseMetadata"]
    assert after == before
    assert sagemaker.create_model_package(ModelPackageGroupName="churn")["ModelPackageArn"].endswith("/2")


def test_a_killed_server_loses_no_acknowledged_version(serve: Serve) -> None:
    served = serve("--backend", "sqlite:///killed.db")
    sagemaker = served.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    arns = [sagemaker.create_model_package(ModelPackageGroupName="churn")["ModelPackageArn"] for _ in range(20)]
    served.kill()

    sagemaker = serve("--backend", "sqlite:///killed.db").client("sagemaker")
    listed = sagemaker.list_model_packages(ModelPackageGroupName="churn", SortOrder="Ascending")
    assert [summary["ModelPackageArn"] for summary in listed["ModelPackageSummaryList"]] == arns


def test_a_client_token_is_remembered_across_a_crash(serve: Serve) -> None:
    served = serve("--backend", "sqlite:///crashed.db")
    sagemaker = served.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    request = {"ModelPackageGroupName": "churn", "ClientToken": "sent-twice"}
    arn = sagemaker.create_model_package(**request)["ModelPackageArn"]
    served.kill()

    sagemaker = serve("--backend", "sqlite:///crashed.db").client("sagemaker")
    assert sagemaker.create_model_package(**request)["ModelPackageArn"] == arn
    assert len(sagemaker.list_model_packages(ModelPackageGroupName="churn")["ModelPackageSummaryList"]) == 1


def test_two_servers_share_one_file_without_losing_a_version(serve: Serve) -> None:
    clients = [serve("--backend", "sqlite:///shared.db").client("sagemaker") for _ in range(2)]
    clients[0].create_model_package_group(ModelPackageGroupName="churn")
    arns: list[str] = []

    def register(client: Any) -> None:
        for _ in range(25):
            arns.append(client.create_model_package(ModelPackageGroupName="churn")["ModelPackageArn"])

    threads = [threading.Thread(target=register, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(arn.rpartition("/")[2]) for arn in arns) == list(range(1, 51))


def test_accounts_and_regions_are_separate(emulator: Emulator) -> None:
    scopes = [("222222222222", "us-east-1"), ("222222222222", "eu-west-1"), ("333333333333", "us-east-1")]
    for account, region in scopes:
        client = emulator.client("sagemaker", account, region)
        arn = client.create_model_package_group(ModelPackageGroupName="same-name")["ModelPackageGroupArn"]
        assert arn == f"arn:aws:sagemaker:{region}:{account}:model-package-group/same-name"
        assert len(client.list_model_package_groups()["ModelPackageGroupSummaryList"]) == 1
    other = emulator.client("sagemaker", "333333333333", "us-east-1")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        other.describe_model_package_group(
            ModelPackageGroupName="arn:aws:sagemaker:us-east-1:222222222222:model-package-group/same-name"
        )


@pytest.mark.parametrize(
    ("key", "region", "arn"),
    [
        ("444444444444", "us-east-1", "arn:aws:iam::444444444444:root"),
        ("444444444444", "cn-north-1", "arn:aws-cn:iam::444444444444:root"),
        ("alice", "us-east-1", "arn:aws:iam::123456789012:user/alice"),
    ],
)
def test_created_by_is_the_identity_of_the_caller(emulator: Emulator, key: str, region: str, arn: str) -> None:
    client = emulator.client("sagemaker", key, region)
    client.create_model_package_group(ModelPackageGroupName="mine")
    created_by = client.describe_model_package_group(ModelPackageGroupName="mine")["CreatedBy"]
    assert created_by == {"IamIdentity": {"Arn": arn, "PrincipalId": key}}
    client.delete_model_package_group(ModelPackageGroupName="mine")


def test_s3_sts_iam_ecr_and_other_sagemaker_operations_use_the_same_endpoint(emulator: Emulator, account: str) -> None:
    s3 = emulator.client("s3", account)
    s3.create_bucket(Bucket="models-of-the-test")
    s3.put_object(Bucket="models-of-the-test", Key="a/model.tar.gz", Body=b"m" * 6_000_000)
    assert s3.get_object(Bucket="models-of-the-test", Key="a/model.tar.gz")["Body"].read() == b"m" * 6_000_000
    assert emulator.client("sts", account).get_caller_identity()["Account"] == account
    assert emulator.client("iam", account).list_users()["Users"] == []
    repository = emulator.client("ecr", account).create_repository(repositoryName="churn")["repository"]
    assert repository["registryId"] == account
    assert emulator.client("sagemaker", account).list_models()["Models"] == []
    assert emulator.client("sagemaker", "555555555555").list_models()["Models"] == []


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        (
            "sagemaker",
            "create_hub_content_presigned_urls",
            {"HubName": "a", "HubContentType": "Model", "HubContentName": "b"},
        ),
        ("chime", "list_accounts", {}),
        ("lambda", "list_capacity_providers", {}),
        ("iam", "get_organizations_access_report", {"JobId": "0" * 36}),
    ],
)
def test_an_unsupported_call_is_an_aws_error(
    emulator: Emulator, service: str, operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(emulator.client(service), operation)(**params)
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"
    assert caught.value.response["Error"]["Message"].startswith("This endpoint does not support ")


@pytest.mark.parametrize("key", ["a model+1", "100%", "p%2Fq", "what?", "#1", "ü/解約", "a//b", "a=b&c;d"])
def test_s3_keeps_keys_and_metadata_unchanged(emulator: Emulator, account: str, key: str) -> None:
    s3 = emulator.client("s3", account)
    bucket = f"keys-{account}"
    s3.create_bucket(Bucket=bucket)
    metadata = {"git_commit": "4f5c2a9", "data-set": "2026-11"}
    s3.put_object(Bucket=bucket, Key=key, Body=b"x", Metadata=metadata)
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert s3.head_object(Bucket=bucket, Key=key)["Metadata"] == metadata


def test_other_services_send_no_cors_headers(emulator: Emulator) -> None:
    headers = requests.get(f"{emulator.url}/some-bucket/key", timeout=30).headers
    assert not [name for name in headers if name.lower().startswith("access-control")]


def test_the_root_url_describes_the_server(emulator: Emulator) -> None:
    info = requests.get(emulator.url, timeout=30).json()
    assert info["name"] == "sagemaker-registry"
    assert "CreateModelPackage" in info["operations"]


def test_a_stopping_server_finishes_its_requests() -> None:
    release, begun = threading.Event(), threading.Semaphore(0)

    def slow(environ: Any, start_response: Any) -> list[bytes]:
        begun.release()
        release.wait(30)
        start_response("200 OK", [("Content-Length", "300000")])
        return [b"x" * 300_000]

    listener = listen("127.0.0.1", 0)
    server = Server(slow, listener, threads=2)
    running = threading.Thread(target=server.run)
    running.start()
    address = listener.getsockname()
    connection_ = [socket.create_connection(address, timeout=60) for _ in range(12)]
    for connection in connection_:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    begun.acquire()
    begun.acquire()  # two requests are running; the others wait in the queue or the listener's backlog
    server.stop()
    release.set()
    answers = [read_to_the_end(connection) for connection in connection_]
    running.join(60)
    assert [answer.startswith(b"HTTP/1.1 200 OK") and len(answer) > 300_000 for answer in answers] == [True] * 12
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)


def test_stopping_a_server_that_has_ended_does_nothing(tmp_path: Path) -> None:
    server = Server(lambda environ, start_response: [], listen("127.0.0.1", 0))
    server.stop()
    server.run()
    opened = [
        (tmp_path / str(number)).open("w+b") for number in range(16)
    ]  # some get the descriptor numbers of the closed socket
    server.stop()
    for file in opened:
        with file:
            file.seek(0)
            assert file.read() == b""


def test_a_second_signal_changes_nothing(serve: Serve, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as receiver:  # does not respond
        address = f"http://127.0.0.1:{receiver.getsockname()[1]}/"
        config = tmp_path / "hook.toml"
        config.write_text(f'[[events.webhooks]]\nname = "slow"\nurl = "{address}"\n')
        served = serve("--backend", "sqlite:///hook.db", "--config", str(config))
        client = served.client("sagemaker")
        client.create_model_package_group(ModelPackageGroupName="churn")
        client.create_model_package(ModelPackageGroupName="churn")
        receiver.settimeout(60)
        delivery, _ = receiver.accept()
        with delivery:
            served.process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionRefusedError):
                while True:
                    with suppress(ConnectionResetError):  # the connection was in the closed queue
                        socket.create_connection(address_of(served), timeout=5).close()
            assert served.stop() == 0


def address_of(served: Emulator) -> tuple[str, int]:
    host, _, port = served.url.removeprefix("http://").partition(":")
    return host, int(port)


def read_to_the_end(connection: socket.socket) -> bytes:
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_terminated_server_finishes_accepted_requests(serve: Serve) -> None:
    served = serve("--backend", "sqlite:///drained.db")
    sagemaker = served.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    acknowledged: list[str] = []

    def register() -> None:
        client = served.client("sagemaker")
        while True:
            try:
                acknowledged.append(client.create_model_package(ModelPackageGroupName="churn")["ModelPackageArn"])
            except Exception:
                return

    threads = [threading.Thread(target=register) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 20:
        threads[0].join(0.01)
    assert served.stop() == 0
    for thread in threads:
        thread.join()
    client = serve("--backend", "sqlite:///drained.db").client("sagemaker")
    pages = client.get_paginator("list_model_packages").paginate(ModelPackageGroupName="churn")
    stored = {summary["ModelPackageArn"] for page in pages for summary in page["ModelPackageSummaryList"]}
    assert stored == set(acknowledged)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--backend", "mysql://x"], "invalid registry URL 'mysql://x': it must begin with one of aws://, http://"),
        (
            ["--backend", "sqlite://registry.db"],
            "invalid SQLite URL 'sqlite://registry.db': expected sqlite:///registry.db (relative path)",
        ),
        (["--backend", "sqlite:////proc/nowhere/registry.db"], "cannot be opened for writing"),
        (["--host", "203.0.113.7", "--i-accept-no-authentication"], "cannot listen on 203.0.113.7"),
        (["--port", "99999"], "99999 is not in the range"),
    ],
)
def test_an_invalid_start_is_one_sentence_and_exit_code_2(tmp_path: Path, options: list[str], sentence: str) -> None:
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", "0", *options]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:///registry.db", "sqlite:///registry.db"),
        ("postgresql://ann:s3cret@db:5432/models", "postgresql://ann@db:5432/models"),
        ("postgresql://ann:s3/cr@t:@db/models", "postgresql://ann@db/models"),
        ("aws://profile@eu-west-1", "aws://profile@eu-west-1"),
        (
            "postgresql://db/models?user=ann&password=s3cret&sslmode=require",
            "postgresql://db/models?user=ann&sslmode=require",
        ),
    ],
)
def test_a_password_is_never_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", port]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert ended.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in ended.stderr


def test_a_full_server_stops_in_time_and_does_not_busy_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "DRAIN_TIMEOUT", 2.0)
    begun, release = threading.Semaphore(0), threading.Event()

    def slow(environ: Any, start_response: Any) -> list[bytes]:
        begun.release()
        release.wait(60)
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    with ExitStack() as opened:
        listener = opened.enter_context(listen("127.0.0.1", 0))
        server = Server(slow, listener, most=5, threads=2)  # three connections in addition to the server's own
        thread = threading.Thread(target=server.run)
        thread.start()
        opened.callback(thread.join, 60)
        opened.callback(server.stop)
        opened.callback(release.set)
        for _ in range(6):
            connection_ = opened.enter_context(socket.create_connection(listener.getsockname(), timeout=60))
            connection_.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for _ in range(2):
            assert begun.acquire(timeout=60)
        cpu_time = time.process_time()
        server.stop()
        thread.join(20)  # two seconds, plus the time waitress gives its workers
        assert not thread.is_alive()
        assert time.process_time() - cpu_time < 1


def test_a_server_with_a_high_socket_descriptor_stops() -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2048:
        pytest.skip("so many files may not be open")
    with ExitStack() as opened:
        opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
        with listen("127.0.0.1", 0) as low:
            listener = opened.enter_context(socket.socket(fileno=os.dup2(low.fileno(), 2000)))
        server = Server(lambda environ, start_response: [], listener)
        server.stop()
        server.run()

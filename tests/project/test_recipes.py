"""Recipes of the how-to guides and files of examples/clients: they run, and agree with each other."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import click
import pytest
import requests
import yaml
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from clients_of_others.programs import EXAMPLES, ROOT
from sagemaker_registry.backends.config import load
from sagemaker_registry.client import ModelRegistry
from sagemaker_registry.client.commands import command as command_of
from support.blocks import parse
from support.server import REGION, Emulator

PAGES = {
    name: (ROOT / "docs" / "how-to" / name).read_text(encoding="utf-8")
    for name in ("connect-a-client.md", "deploy-approved-versions.md", "run-in-ci.md", "simulate-failures.md")
}
BLOCKS = [block for text in PAGES.values() for block in parse(text)]
FILES = {path: path.read_text(encoding="utf-8") for path in EXAMPLES.glob("*") if path.is_file()}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
ADDRESS = "127.0.0.1:8080"
SPECIFICATION = {"Containers": [{"Image": "registry/churn:3"}]}


def block_with(language: str, words: str) -> str:
    (block,) = (block.code for block in BLOCKS if block.language == language and words in block.code)
    return block


def health_command() -> list[str]:
    (command,) = re.findall(r"^HEALTHCHECK [^\[]*CMD (\[.*\])$", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)
    return list(json.loads(command))


def serve_options(arguments: list[str]) -> dict[str, click.Parameter]:
    """Parse arguments of `serve` and return its options by name."""
    command, *rest = arguments
    assert command == "serve"
    serve = command_of("serve")
    with serve.make_context("serve", list(rest)) as context:
        assert context.params["host"] == "0.0.0.0"
    return {option: parameter for parameter in serve.params for option in parameter.opts}


@pytest.fixture
def at_the_registry(serve: Callable[..., Emulator], monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Return a registry of the test's own, in an environment as connect-a-client.md exports it."""
    served = serve("--backend", "sqlite://")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it caches the credentials of its first use
    monkeypatch.setenv("AWS_ENDPOINT_URL", served.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "alice")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("EXECUTION_ROLE_ARN", "arn:aws:iam::123456789012:role/deploy")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return served


@contextmanager
def a_shell(script: str, folder: Path, **variables: str) -> Iterator[str]:
    """Run a shell script, yield its output, and stop its background processes afterwards."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    output = folder / "printed"
    with output.open("w") as file:
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", script],
            env={**os.environ, "PATH": path, **variables},
            cwd=folder,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        assert process.wait(timeout=90) == 0, output.read_text()
        yield output.read_text()
    finally:
        with suppress(ProcessLookupError):  # no background process
            os.killpg(process.pid, signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_the_rule_against_approval_by_a_deployment_refuses_it(serve: Callable[..., Emulator], tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text(block_with("toml", "reason-required"), encoding="utf-8")
    assert load(tmp_path / "registry.toml").approval
    sagemaker = serve("--backend", "sqlite://", "--config", "registry.toml").client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="churn",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification=SPECIFICATION,
    )["ModelPackageArn"]
    with pytest.raises(ClientError, match="ApprovalDescription"):
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")  # as SDK v2 does
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="ticket 42")


# GitHub Actions, compose and Testcontainers: checked against the Dockerfile and the command line, without Docker.


def workflow() -> dict[str, Any]:
    return yaml.safe_load(FILES[EXAMPLES / "github-actions.yaml"])["jobs"]


def test_the_service_container_uses_the_health_check_of_the_image() -> None:
    (service,) = (job["services"]["registry"] for job in workflow().values() if "services" in job)
    options = shlex.split(service["options"])
    given = dict(zip(options[::2], options[1::2], strict=True))
    assert given.keys() == {"--health-cmd", "--health-interval", "--health-timeout", "--health-retries"}
    assert shlex.split(given["--health-cmd"]) == health_command()
    assert [port.split(":")[1] for port in service["ports"]] == re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    assert service["env"].keys() <= {parameter.envvar for parameter in command_of("serve").params}


def test_the_health_command_succeeds_only_if_the_server_answers(emulator: Emulator) -> None:
    port = str(free_port())
    for is_served, url in ((True, emulator.url), (False, f"http://127.0.0.1:{port}")):
        _, *arguments = (part.replace(f"http://{ADDRESS}", url) for part in health_command())
        done = subprocess.run([sys.executable, *arguments], check=False, timeout=60, capture_output=True)
        assert (done.returncode == 0) is is_served


def test_the_workflow_and_the_page_start_a_server_and_wait_for_it(tmp_path: Path) -> None:
    (run,) = (
        step["run"] for job in workflow().values() for step in job["steps"] if step.get("name") == "Start the registry"
    )
    assert run == block_with("sh", "until grep -q")
    port = free_port()
    with a_shell(run.replace("serve ", f"serve --port {port} "), tmp_path):
        client = boto3.client(
            "sagemaker",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name=REGION,
            aws_access_key_id="ci",
            aws_secret_access_key="any",
        )
        assert client.list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_every_job_of_the_workflow_has_a_registry_and_its_endpoint() -> None:
    whole = yaml.safe_load(FILES[EXAMPLES / "github-actions.yaml"])
    assert whole["env"]["AWS_ENDPOINT_URL"] == f"http://{ADDRESS}"
    assert all("services" in job or "serve" in json.dumps(job["steps"]) for job in whole["jobs"].values())


def test_compose_waits_for_a_registry_that_accepts_its_host_name(
    serve: Callable[..., Emulator], emulator: Emulator
) -> None:
    services = yaml.safe_load(FILES[EXAMPLES / "compose.yaml"])["services"]
    registry, tests = services["registry"], services["tests"]
    url = tests["environment"]["AWS_ENDPOINT_URL"]
    assert url == "http://registry:8080"
    assert tests["depends_on"]["registry"]["condition"] == "service_healthy"
    assert registry["healthcheck"]["test"] == ["CMD", *health_command()]
    options = serve_options(registry["command"])
    assert registry["environment"].keys() <= {option.envvar for option in options.values()}

    # run the container's command on loopback and a free port, and send requests with the host name of compose
    arguments = ["127.0.0.1" if word == "0.0.0.0" else word for word in registry["command"][1:]]
    served = serve(*arguments, "--backend", "sqlite://")
    for server, status in ((served, 200), (emulator, 421)):
        answer = requests.get(f"{server.url}/_registry/health", headers={"Host": "registry:8080"}, timeout=60)
        assert answer.status_code == status, answer.text
    for name in tests["environment"]:
        assert name in PAGES["connect-a-client.md"]


def test_the_testcontainers_example_matches_the_image_and_the_server(emulator: Emulator) -> None:
    source = FILES[EXAMPLES / "testcontainers_example.py"]
    constants: dict[str, Any] = {}
    for line in re.findall(r"^[A-Z]+ = .*$", source, re.MULTILINE):
        exec(line, constants)
    serve_options(constants["COMMAND"])
    assert f"EXPOSE {constants['PORT']}\n" in DOCKERFILE
    assert f"http://127.0.0.1:{constants['PORT']}{constants['HEALTH']}" in health_command()[-1]
    assert constants["IMAGE"] in FILES[EXAMPLES / "compose.yaml"]


# The Lambda handler


@pytest.fixture
def registry(at_the_registry: Emulator) -> Iterator[ModelRegistry]:
    with ModelRegistry(at_the_registry.url) as registry:
        yield registry


@pytest.fixture
def handler(registry: ModelRegistry) -> Callable[[], dict[str, Any]]:
    """Return a function that calls the handler with the registry's newest event."""
    from lambda_handler import handler  # type: ignore[import-not-found]

    return lambda: handler(dict(next(registry.events(newest_first=True)).envelope), None)


def test_the_handler_deploys_an_approved_version_once(
    registry: ModelRegistry, handler: Callable[[], dict[str, Any]], at_the_registry: Emulator
) -> None:
    sagemaker = at_the_registry.client("sagemaker")
    version = registry.register("churn", image="registry/churn:3")
    assert handler() == {"endpoint": "churn", "action": "none approved"}
    assert sagemaker.list_models()["Models"] == []
    registry.approve(version, "ticket 42")
    assert handler() == {"endpoint": "churn", "action": "created", "version": version.arn}
    assert handler()["action"] == "unchanged"
    registry.register("churn", image="registry/churn:4")
    assert handler() == {"endpoint": "churn", "action": "unchanged", "version": version.arn}
    assert [model["ModelName"] for model in sagemaker.list_models()["Models"]] == ["churn-1"]
    endpoint = sagemaker.describe_endpoint(EndpointName="churn")
    (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])[
        "ProductionVariants"
    ]
    assert variant["ModelName"] == "churn-1"


def test_the_block_of_the_handler_runs(at_the_registry: Emulator) -> None:
    code = block_with("python", "from lambda_handler import handler").replace(f"http://{ADDRESS}", at_the_registry.url)
    exec(compile(code, "deploy-approved-versions.md", "exec"), {"__name__": "recipe"})


def test_after_a_rejection_the_handler_deploys_the_previous_version(
    registry: ModelRegistry,
    handler: Callable[[], dict[str, Any]],
    at_the_registry: Emulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sagemaker = at_the_registry.client("sagemaker")
    emulate_update_endpoint(sagemaker, monkeypatch)
    first, second = (registry.register("churn", image=f"registry/churn:{number}") for number in (1, 2))
    registry.approve(first, "ticket 42")
    assert handler()["action"] == "created"
    registry.approve(second, "ticket 43")
    assert handler() == {"endpoint": "churn", "action": "updated", "version": second.arn}
    assert sagemaker.describe_endpoint(EndpointName="churn")["EndpointConfigName"] == "churn-2"
    registry.reject(second, "drifts")
    assert handler() == {"endpoint": "churn", "action": "updated", "version": first.arn}
    assert sagemaker.describe_endpoint(EndpointName="churn")["EndpointConfigName"] == "churn-1"


def emulate_update_endpoint(sagemaker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make new clients replace an endpoint on UpdateEndpoint, which moto does not support."""

    def update(params: dict[str, Any], **_: Any) -> None:
        sagemaker.delete_endpoint(EndpointName=params["EndpointName"])
        sagemaker.create_endpoint(**params)

    def client(*arguments: Any, **options: Any) -> Any:
        made = make(*arguments, **options)
        made.meta.events.register("provide-client-params.sagemaker.UpdateEndpoint", update)
        made.meta.events.register("before-call.sagemaker.UpdateEndpoint", lambda **_: (updated, {}))
        return made

    make, updated = boto3.client, AWSResponse("", 200, {}, None)
    monkeypatch.setattr(boto3, "client", client)


def test_without_update_endpoint_the_handler_fails_with_the_error_of_moto(
    registry: ModelRegistry, handler: Callable[[], dict[str, Any]]
) -> None:
    for number in (1, 2):
        version = registry.register("churn", image=f"registry/churn:{number}")
        registry.approve(version, "ticket 42")
        if number == 1:
            assert handler()["action"] == "created"
    with pytest.raises(ClientError, match=r"UnknownOperationException.*UpdateEndpoint"):
        handler()


def test_an_event_of_a_package_without_a_group_is_ignored(
    at_the_registry: Emulator, handler: Callable[[], dict[str, Any]]
) -> None:
    from lambda_handler import handler as handle

    detail = {"ModelPackageName": "solo", "ModelApprovalStatus": "Approved"}
    assert handle({"source": "aws.sagemaker", "detail": detail}, None) == {"endpoint": None, "action": "ignored"}


def test_watch_runs_the_handler_for_each_event(registry: ModelRegistry, tmp_path: Path) -> None:
    registry.approve(registry.register("churn", image="registry/churn:3"), "ticket 42")
    shutil.copytree(EXAMPLES, tmp_path / "examples" / "clients", ignore=shutil.ignore_patterns("node_modules"))
    block = block_with("sh", '--exec "python examples').replace(f"http://{ADDRESS}", os.environ["AWS_ENDPOINT_URL"])
    command = block.replace(" --group", " --once --from 1 --group")
    with a_shell(command, tmp_path, SAGEMAKER_REGISTRY_URL=os.environ["AWS_ENDPOINT_URL"]) as printed:
        assert '{"endpoint": "churn", "action": "created", "version": ' in printed
    assert (tmp_path / "deployed.json").exists()


# moto


def test_the_registry_looks_for_artifacts_in_a_moto_server(tmp_path: Path) -> None:
    moto_port, port = free_port(), free_port()
    block = block_with("sh", "moto_server")
    script = block.replace("5000", str(moto_port)).replace("8081", str(port))
    script += "timeout 60 sh -c 'until grep -qs \"^listening on\" registry.log; do sleep 0.2; done'\n"
    script += "timeout 60 sh -c 'until grep -qs Running moto.log; do sleep 0.2; done'\n"
    script += "echo $AWS_ENDPOINT_URL $AWS_ENDPOINT_URL_SAGEMAKER $AWS_ACCESS_KEY_ID\n"
    with a_shell(script, tmp_path) as printed:
        moto_url, url, key = printed.split()
        keys = {"region_name": REGION, "aws_access_key_id": key, "aws_secret_access_key": "any"}
        s3 = boto3.client("s3", endpoint_url=moto_url, **keys)
        sagemaker = boto3.client("sagemaker", endpoint_url=url, **keys)
        s3.create_bucket(Bucket="models")
        s3.put_object(Bucket="models", Key="there.tar.gz", Body=b"weights")
        sagemaker.create_model_package_group(ModelPackageGroupName="churn")
        with pytest.raises(ClientError, match=r"missing\.tar\.gz in bucket models"):
            sagemaker.create_model_package(**version_with("s3://models/missing.tar.gz"))
        sagemaker.create_model_package(**version_with("s3://models/there.tar.gz"))


def version_with(artifact: str) -> dict[str, Any]:
    container = {"Image": "registry/churn:3", "ModelDataUrl": artifact}
    return {"ModelPackageGroupName": "churn", "InferenceSpecification": {"Containers": [container]}}


@pytest.mark.parametrize("file", sorted(FILES), ids=lambda path: path.name)
def test_every_example_is_on_a_page_and_contains_no_local_paths(file: Path) -> None:
    assert file.name in "".join(PAGES.values())
    assert not re.search(r"/(home|root|work|tmp)/", FILES[file])

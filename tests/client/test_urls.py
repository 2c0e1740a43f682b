"""Registries behind moto://, aws:// and http:// URLs, and the requests that each rejects."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError, NoCredentialsError

from sagemaker_registry.backends import BackendUnavailable, open_backend
from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.errors import RegistryError, ServiceUnavailable, UpstreamError
from sagemaker_registry.backends.remote import moto
from sagemaker_registry.backends.service.operations import ANSWERED, OPERATIONS
from sagemaker_registry.backends.urls import default_url
from sagemaker_registry.client import ModelRegistry, connect
from support.server import REGION, Emulator

Serve = Callable[..., Emulator]
KEYS: Any = {"aws_access_key_id": "222233334444", "aws_secret_access_key": "any"}


def refusal(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def forbid_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_the_forwarded_operations_are_those_of_the_registry() -> None:
    """CreateModel is the deployment check of the local registry; AWS performs its own."""
    assert OPERATIONS.keys() - {"CreateModel"} == ANSWERED


def test_the_default_registry_is_in_the_users_data_folder(tmp_path: Path) -> None:
    with ModelRegistry() as registry:
        registry.register("churn", image="churn:1")
    assert (tmp_path / "data" / "sagemaker-registry" / "registry.db").exists()
    assert default_url() == f"sqlite:///{tmp_path}/data/sagemaker-registry/registry.db"


# moto


def test_a_moto_registry_runs_in_process_without_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_network(monkeypatch)
    with ModelRegistry("moto://", region_name="eu-west-1", **KEYS) as registry:
        version = registry.register("in-process", image="churn:1", metadata={"accuracy": 0.93})
        assert registry.approve(version, "ticket 42").status == "Approved"
        assert registry.latest_approved("in-process").arn == version.arn
        assert version.arn.startswith("arn:aws:sagemaker:eu-west-1:222233334444:")


def test_moto_does_not_patch_other_boto3_clients() -> None:
    connect("moto://", region_name=REGION, **KEYS)
    stock = boto3.client("sagemaker", region_name=REGION, endpoint_url="http://127.0.0.1:9", **KEYS)
    with pytest.raises(Exception, match="Could not connect to the endpoint URL"):
        stock.list_model_package_groups()


def test_accounts_are_separate_in_moto() -> None:
    one, other = (
        connect("moto://", region_name=REGION, aws_access_key_id=key, aws_secret_access_key="any")
        for key in ("333344445555", "444455556666")
    )
    one.create_model_package_group(ModelPackageGroupName="only-here")
    assert other.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    assert len(one.list_model_package_groups()["ModelPackageGroupSummaryList"]) == 1


def test_an_operation_that_moto_lacks_is_rejected() -> None:
    sagemaker = connect("moto://", region_name=REGION, **KEYS)
    assert "DeleteModelPackage" in ANSWERED - moto.operations()
    code, sentence = refusal(sagemaker.delete_model_package, ModelPackageName="churn")
    assert code == "UnknownOperationException"
    assert sentence == f"{moto.MotoRegistry('moto://', {}).name} does not support DeleteModelPackage."
    backend = open_backend("moto://")
    with pytest.raises(RegistryError, match="does not support DeleteModelPackage"):
        backend.call("DeleteModelPackage", {"ModelPackageName": "churn"}, Caller())


def test_a_served_moto_registry_has_s3(serve: Serve) -> None:
    served = serve("--backend", "moto://")
    sagemaker = served.client("sagemaker", "555566667777")
    sagemaker.create_model_package_group(ModelPackageGroupName="served")
    (listed,) = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert ":555566667777:" in listed["ModelPackageGroupArn"]
    served.client("s3").create_bucket(Bucket="models")


# AWS


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("aws://nobody@eu-west-1", r"The config profile \(nobody\) could not be found"),
        ("aws://eu-west-1?account=42", "invalid account ID '42': expected 12 digits"),
        ("aws://eu-west-1/x", "invalid AWS registry URL '.*': use aws://"),
        ("aws://eu-west-1?acount=111122223333", "invalid AWS registry URL '.*': use aws://"),
        ("aws://EU_WEST", "invalid AWS registry URL '.*': use aws://"),
        ("aws://?endpoint_url=http://a&endpoint_url=http://b", "invalid AWS registry URL"),
        ("aws://", "no region in the URL"),
        ("moto://host", "use moto://, which has no host"),
    ],
)
def test_an_invalid_aws_or_moto_url_is_rejected(url: str, sentence: str) -> None:
    with pytest.raises(BackendUnavailable, match=sentence):
        connect(url)


def test_an_aws_url_ignores_the_endpoint_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:8080")
    assert connect("aws://eu-west-1").meta.endpoint_url == "https://api.sagemaker.eu-west-1.amazonaws.com"
    assert connect("aws://", region_name="eu-west-3").meta.region_name == "eu-west-3"


def test_a_profile_sets_region_and_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text('[profile "a b"]\nregion = eu-west-2\naws_access_key_id = A\naws_secret_access_key = B\n')
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert connect("aws://a%20b@").meta.region_name == "eu-west-2"


def test_a_region_that_is_not_allowed_is_rejected_locally(monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_network(monkeypatch)
    with pytest.raises(BackendUnavailable, match="does not allow region us-east-1; allowed: eu-west-1, eu-west-3"):
        connect("aws://eu-west-1?region=eu-west-3", region_name="us-east-1")
    assert connect("aws://eu-west-1?region=eu-west-3", region_name="eu-west-3").meta.region_name == "eu-west-3"


def test_aws_is_not_called_without_credentials() -> None:
    with pytest.raises(NoCredentialsError):
        connect("aws://eu-west-1").list_model_package_groups()
    with pytest.raises(BackendUnavailable, match="AWS rejected the credentials of 'aws://eu-west-1': Unable to locate"):
        open_backend("aws://eu-west-1")


def aws_url(emulator: Emulator, more: str = "") -> str:
    return f"aws://{REGION}?endpoint_url={emulator.url}&sts_endpoint_url={emulator.url}{more}"


def test_credentials_of_another_account_are_rejected_locally(emulator: Emulator) -> None:
    sagemaker = connect(aws_url(emulator, "&account=111122223333"), **KEYS)
    code, sentence = refusal(sagemaker.create_model_package_group, ModelPackageGroupName="churn")
    assert code == "AccessDeniedException"
    assert "belong to account 222233334444; the registry URL allows only 111122223333" in sentence
    allowed = connect(aws_url(emulator, "&account=222233334444"), **KEYS)
    assert allowed.list_model_package_groups(NameContains="churn")["ModelPackageGroupSummaryList"] == []


def test_an_aws_client_makes_only_registry_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_network(monkeypatch)
    sagemaker = connect("aws://eu-west-1", **KEYS)
    endpoint = "arn:aws:sagemaker:eu-west-1:222233334444:endpoint/churn"
    for call, params in (
        (sagemaker.list_models, {}),
        (sagemaker.delete_endpoint, {"EndpointName": "churn"}),
        (sagemaker.add_tags, {"ResourceArn": endpoint, "Tags": [{"Key": "a", "Value": "b"}]}),
        (sagemaker.search, {"Resource": "TrainingJob"}),
    ):
        code, sentence = refusal(call, **params)
        assert code == "UnknownOperationException"
        assert "is not a model registry operation" in sentence


@pytest.fixture
def gateway(serve: Serve, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Return a gateway to AWS, represented by an emulator, with its own credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "666677778888")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "only-here")
    return serve("--backend", aws_url(emulator, "&account=666677778888&region=eu-west-1"))


def test_a_gateway_signs_with_its_own_credentials(gateway: Emulator) -> None:
    created = gateway.client("sagemaker", "999900001111").create_model_package_group(ModelPackageGroupName="gateway")
    assert ":666677778888:" in created["ModelPackageGroupArn"]
    code, sentence = refusal(gateway.client("sagemaker").create_model_package_group, ModelPackageGroupName="gateway")
    assert (code, sentence[:34]) == ("ValidationException", "Model Package Group already exists")


def test_a_gateway_starts_in_any_region(serve: Serve, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "666677778888")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "only-here")
    gateway = serve("--backend", aws_url(emulator).replace(REGION, "eu-central-1"))
    groups = gateway.client("sagemaker", region="eu-central-1").list_model_package_groups()
    assert groups["ModelPackageGroupSummaryList"] == []


def test_a_gateway_calls_only_allowed_regions(gateway: Emulator) -> None:
    assert (
        gateway.client("sagemaker", region="eu-west-1").list_model_package_groups()["ModelPackageGroupSummaryList"]
        == []
    )
    code, sentence = refusal(gateway.client("sagemaker", region="us-west-2").list_model_package_groups)
    assert code == "ValidationException"
    assert sentence == "This gateway does not forward calls to us-west-2; allowed: us-east-1, eu-west-1."


def test_a_gateway_forwards_only_registry_calls(gateway: Emulator) -> None:
    assert refusal(gateway.client("sagemaker").list_models)[0] == "UnknownOperationException"
    assert "forwards only model registry operations" in refusal(gateway.client("s3").list_buckets)[1]
    tagged = {"ResourceArn": "arn:aws:sagemaker:us-east-1:666677778888:endpoint/churn"}
    assert refusal(gateway.client("sagemaker").list_tags, **tagged)[0] == "UnknownOperationException"


def test_a_gateway_without_its_registry_is_unhealthy_but_keeps_running(serve: Serve) -> None:
    behind = serve("--backend", "sqlite://")
    gateway = serve("--backend", behind.url)
    assert requests.get(f"{gateway.url}/_registry/health", timeout=10).status_code == 200
    behind.stop()
    answer = requests.get(f"{gateway.url}/_registry/health", timeout=60)
    assert (answer.status_code, answer.json()["__type"]) == (503, "ServiceUnavailable")
    assert "is unavailable" in answer.json()["message"]


def test_a_gateway_forwards_the_extension_api(serve: Serve, emulator: Emulator) -> None:
    gateway = serve("--backend", emulator.url)
    answered = requests.get(f"{gateway.url}/_registry/settings", timeout=10)
    assert answered.json() == requests.get(f"{emulator.url}/_registry/settings", timeout=10).json()
    assert requests.get(f"{gateway.url}/_registry/settings?a=1", timeout=10).json()["__type"] == "ValidationException"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://127.0.0.1:9", "cannot reach http://127.0.0.1:9: Could not connect to the endpoint URL"),
        ("aws://eu-west-1", "Unable to locate credentials"),
        ("aws://eu-west-1/x", "invalid AWS registry URL"),
    ],
)
def test_serving_an_unreachable_registry_is_one_sentence_and_exit_code_2(url: str, sentence: str) -> None:
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", "0", "--backend", url]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_an_error_of_the_upstream_registry_is_returned_unchanged(emulator: Emulator) -> None:
    backend = open_backend(emulator.url)
    with pytest.raises(UpstreamError, match=r"ModelPackageGroup arn:.* does not exist") as caught:
        backend.call("DescribeModelPackageGroup", {"ModelPackageGroupName": "nobody"}, Caller())
    assert (caught.value.code, caught.value.status) == ("ValidationException", 400)
    backend.close()


def test_an_unreachable_upstream_registry_is_service_unavailable(serve: Serve) -> None:
    behind = serve("--backend", "sqlite://")
    backend = open_backend(behind.url)
    behind.kill()
    with pytest.raises(ServiceUnavailable, match="is unavailable"):
        backend.call("ListModelPackageGroups", {}, Caller())


def test_a_gateway_names_its_upstream_registry(gateway: Emulator) -> None:
    told = requests.get(f"{gateway.url}/_registry/info", timeout=10).json()
    assert told["registry"].startswith(f"aws://{REGION}?")


def test_verifying_a_gateway_to_aws_requires_consent(gateway: Emulator) -> None:
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "verify", gateway.url]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "a server forwards requests to AWS" in ended.stderr
    assert (
        gateway.client("sagemaker").list_model_package_groups(NameContains="verify-")["ModelPackageGroupSummaryList"]
        == []
    )

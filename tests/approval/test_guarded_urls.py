"""Approval rules in front of any registry: in the client, and in a server that forwards requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagemaker_registry.backends import BackendUnavailable
from sagemaker_registry.client import ModelRegistry, connect
from support.server import REGION, Emulator

STRICT = '[[approval]]\ngroups = ["*"]\nprofile = "strict"\n'
URLS = {
    "file": "sqlite:///{folder}/ruled.db",
    "moto": "moto://",
    "http": "{emulator}",
    "aws": "aws://us-east-1?account={account}&endpoint_url={emulator}&sts_endpoint_url={emulator}",
}

Keys = dict[str, Any]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "registry.toml"
    file.write_text(STRICT, encoding="utf-8")
    return file


@pytest.fixture
def keys(account: str) -> Keys:
    return {"region_name": REGION, "aws_access_key_id": account, "aws_secret_access_key": "any"}


@pytest.fixture(params=URLS)
def registry(
    request: pytest.FixtureRequest, rules: Path, keys: Keys, emulator: Emulator, account: str, tmp_path: Path
) -> Iterator[ModelRegistry]:
    """Return a registry whose rules are applied by the client; the backend has none."""
    url = URLS[request.param].format(folder=tmp_path, emulator=emulator.url, account=account)
    with ModelRegistry(url, settings=rules, **keys) as registry:
        yield registry


def refusal(call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **options)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_a_decision_without_a_reason_is_rejected_and_changes_nothing(registry: ModelRegistry) -> None:
    version = registry.register("ruled", image="churn:1")
    code, sentence = refusal(registry.approve, version)
    assert code == "ValidationException"
    assert "reason-required" in sentence
    assert registry.get(version.arn).record == version.record


def test_the_implicit_approval_of_the_sagemaker_sdk_is_rejected(registry: ModelRegistry) -> None:
    """ModelPackage.deploy() approves a pending version without a description."""
    version = registry.register("ruled", image="churn:1")
    silent: Any = {"ModelPackageArn": version.arn, "ModelApprovalStatus": "Approved"}
    assert refusal(registry.boto3.update_model_package, **silent)[0] == "ValidationException"
    assert registry.get(version.arn).status == "PendingManualApproval"


def test_a_decision_with_a_reason_is_accepted_once(registry: ModelRegistry) -> None:
    version = registry.register("ruled", image="churn:1")
    assert registry.approve(version, "ticket 42").status == "Approved"
    code, sentence = refusal(registry.approve, version, "me too")
    assert code == "ConflictException"
    assert "does not allow a transition to Approved" in sentence


def test_a_version_cannot_be_registered_as_approved(registry: ModelRegistry) -> None:
    registry.register("ruled", image="churn:1")
    code, sentence = refusal(registry.register, "ruled", image="churn:2", approval="Approved")
    assert code == "ValidationException"
    assert "cannot start with ModelApprovalStatus Approved" in sentence
    assert [version.version for version in registry.versions("ruled")] == [1]


def test_the_transitions_of_a_version_are_explained(registry: ModelRegistry) -> None:
    version = registry.register("ruled", image="churn:1")
    told = registry.explain(version)
    assert {"Approved", "Rejected"} <= {transition.to for transition in told.transitions}


def test_a_server_applies_its_rules_before_forwarding(
    serve: Callable[..., Emulator], rules: Path, keys: Keys, emulator: Emulator
) -> None:
    gateway = serve("--backend", emulator.url, "--config", str(rules))
    with ModelRegistry(gateway.url, **keys) as guarded, ModelRegistry(emulator.url, **keys) as behind:
        version = guarded.register("ruled", image="churn:1")
        assert refusal(guarded.approve, version)[0] == "ValidationException"
        assert guarded.explain(version).transitions
        assert guarded.approve(version, "ticket 42").status == "Approved"
        assert behind.get(version.arn).reason == "ticket 42"
        assert (
            behind.approve(version, "again").status == "Approved"
        )  # callers that reach the backend directly are not subject to the rules


def test_the_environment_can_name_the_configuration(
    monkeypatch: pytest.MonkeyPatch, rules: Path, keys: Keys, tmp_path: Path
) -> None:
    monkeypatch.setenv("SAGEMAKER_REGISTRY_CONFIG", str(rules))
    with ModelRegistry(f"sqlite:///{tmp_path}/ruled.db", **keys) as registry:
        assert refusal(registry.register, "ruled", image="churn:1", approval="Approved")[0] == "ValidationException"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[[approval]]\ngroups = ["*"]\nprofile = "strickt"\n', "strict"),
        ('[[approval]]\ngroups = ["*"]\nrules = ["two"]\n[rules.two]\nis = "approvers"\ncount = 2\n', "moto"),
    ],
)
def test_unsupported_rules_are_rejected_on_connect(tmp_path: Path, keys: Keys, text: str, sentence: str) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BackendUnavailable, match=sentence):
        connect("moto://", settings=file, **keys)

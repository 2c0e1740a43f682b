"""connect(): a stock boto3 client for any URL, without global changes."""

from __future__ import annotations

import socket
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from sagemaker_registry.backends import BackendUnavailable
from sagemaker_registry.client import connect

REGION = {"region_name": "eu-west-1"}


def test_the_client_has_boto3s_exceptions_and_paginators() -> None:
    sagemaker = connect("sqlite://", **REGION)
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    sagemaker.create_model_package(ModelPackageGroupName="churn")
    with pytest.raises(sagemaker.exceptions.ConflictException) as caught:
        sagemaker.delete_model_package_group(ModelPackageGroupName="churn")
    assert caught.value.response["Error"]["Message"] == caught.value.response["Message"]  # type: ignore[typeddict-item]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert sagemaker.can_paginate("list_model_packages")
    sagemaker.close()


def test_event_hooks_see_each_call() -> None:
    sagemaker = connect("sqlite://", **REGION)
    seen: list[tuple[str, int]] = []

    def note(model: Any, http_response: Any, **_: Any) -> None:
        seen.append((model.name, http_response.status_code))

    sagemaker.meta.events.register("after-call.sagemaker.*", note)
    sagemaker.list_model_package_groups()
    assert seen == [("ListModelPackageGroups", 200)]
    sagemaker.close()


def test_two_registries_in_one_process_are_separate_and_boto3_is_unchanged() -> None:
    one, two = connect("sqlite://", **REGION), connect("sqlite://", **REGION)
    one.create_model_package_group(ModelPackageGroupName="only-here")
    assert two.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    stock = boto3.client("sagemaker", aws_access_key_id="a", aws_secret_access_key="b", **REGION)
    assert stock.meta.endpoint_url == "https://api.sagemaker.eu-west-1.amazonaws.com"
    one.close()
    two.close()


def test_the_url_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAGEMAKER_REGISTRY_URL", f"sqlite:///{tmp_path}/registry.db")
    connect(**REGION).create_model_package_group(ModelPackageGroupName="churn")
    assert (tmp_path / "registry.db").exists()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mongodb://x", "must begin with one of aws://, http://"),
        ("registry.db", "must begin with one of aws://, http://"),
    ],
)
def test_a_url_with_an_unknown_scheme_is_rejected(url: str, sentence: str) -> None:
    with pytest.raises(BackendUnavailable, match=sentence):
        connect(url)


def test_an_unsupported_operation_is_rejected() -> None:
    sagemaker = connect("sqlite://", **REGION)
    refused = r"UnknownOperationException.*does not support ListModels"
    with pytest.raises(sagemaker.exceptions.ClientError, match=refused):
        sagemaker.list_models()
    sagemaker.close()


def test_an_access_key_of_twelve_digits_is_the_account() -> None:
    keys = {"aws_access_key_id": "222222222222", "aws_secret_access_key": "any"}
    sagemaker = connect("sqlite://", **REGION, **keys)
    arn = sagemaker.create_model_package_group(ModelPackageGroupName="churn")["ModelPackageGroupArn"]
    assert arn == "arn:aws:sagemaker:eu-west-1:222222222222:model-package-group/churn"
    sagemaker.close()


def test_connect_does_not_use_the_network_to_find_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    sagemaker = connect("sqlite://")
    assert sagemaker.meta.region_name == "us-east-1"
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    created_by = sagemaker.describe_model_package_group(ModelPackageGroupName="churn")["CreatedBy"]
    assert created_by["IamIdentity"]["Arn"] == "arn:aws:iam::123456789012:user/local"
    sagemaker.close()


def test_times_have_a_time_zone() -> None:
    sagemaker = connect("sqlite://", **REGION)
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    created = sagemaker.describe_model_package_group(ModelPackageGroupName="churn")["CreationTime"]
    assert isinstance(created, datetime)
    assert created.tzinfo is not None
    sagemaker.close()


def test_an_in_process_client_needs_no_web_framework_and_no_socket() -> None:
    script = (
        "import sys, socket\n"
        "def refuse(*a, **k): raise AssertionError('a socket was opened')\n"
        "socket.socket.connect = refuse\n"
        "from sagemaker_registry.client import connect\n"
        "c = connect('sqlite://', region_name='us-east-1', aws_access_key_id='a', aws_secret_access_key='b')\n"
        "c.create_model_package_group(ModelPackageGroupName='churn')\n"
        "print(sorted({'flask', 'werkzeug', 'waitress', 'moto'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"

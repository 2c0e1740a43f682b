"""What a registry does beyond AWS's API: asked in process and over HTTP, with the same answers and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from sagemaker_registry.client import connect, extensions
from support.server import REGION, Emulator


@pytest.fixture(params=["{emulator}", "sqlite:///{folder}/registry.db"], ids=["http", "file"])
def sagemaker(request: pytest.FixtureRequest, emulator: Emulator, account: str, tmp_path: Path) -> Any:
    url = request.param.format(emulator=emulator.url, folder=tmp_path)
    client = connect(url, region_name=REGION, aws_access_key_id=account, aws_secret_access_key="any")
    yield client
    client.close()


def refusal(client: Any, name: str, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        extensions.ask(client, name, **params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_the_settings_of_a_registry_can_be_read(sagemaker: Any) -> None:
    assert extensions.ask(sagemaker, "settings")["lists"]["default_order"] == "Descending"
    assert extensions.offers(sagemaker, "settings")


def test_what_is_not_there_is_said(sagemaker: Any) -> None:
    assert refusal(sagemaker, "no/such/thing")[0] == "UnknownOperationException"
    assert not extensions.offers(sagemaker, "no/such/thing")


def test_an_unknown_parameter_is_named(sagemaker: Any) -> None:
    code, sentence = refusal(sagemaker, "settings", colour="red")
    assert code == "ValidationException"
    assert "colour" in sentence


def test_aws_is_not_asked_for_what_it_has_not() -> None:
    client = boto3.client("sagemaker", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    assert refusal(client, "settings")[0] == "UnknownOperationException"


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", "SerializationException"), (b"[]", "SerializationException"), (b'{"a": 1}', "ValidationException")],
)
def test_a_body_that_is_no_object_of_ours_is_refused(emulator: Emulator, body: bytes, code: str) -> None:
    answer = requests.post(f"{emulator.url}/_registry/settings", data=body, timeout=10)
    assert (answer.status_code, answer.json()["__type"]) == (400, code)


def test_a_query_is_what_a_get_takes(emulator: Emulator) -> None:
    assert requests.get(f"{emulator.url}/_registry/settings", timeout=10).json()["checks"]["artifacts"] == "auto"
    assert requests.get(f"{emulator.url}/_registry/settings?a=1", timeout=10).status_code == 400
    assert requests.put(f"{emulator.url}/_registry/settings", timeout=10).status_code == 400

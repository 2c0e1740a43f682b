"""The extension API, in process and over HTTP, with the same responses and errors."""

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


def error_of(client: Any, name: str, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        extensions.ask(client, name, **params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_the_settings_extension_returns_the_settings(sagemaker: Any) -> None:
    assert extensions.ask(sagemaker, "settings")["lists"]["default_order"] == "Descending"
    assert extensions.offers(sagemaker, "settings")


def test_an_unknown_extension_is_rejected(sagemaker: Any) -> None:
    assert error_of(sagemaker, "no/such/thing")[0] == "UnknownOperationException"
    assert not extensions.offers(sagemaker, "no/such/thing")


def test_an_unknown_parameter_is_named(sagemaker: Any) -> None:
    code, sentence = error_of(sagemaker, "settings", colour="red")
    assert code == "ValidationException"
    assert "colour" in sentence


def test_an_extension_that_changes_something_names_the_method_it_accepts(emulator: Emulator) -> None:
    answer = requests.get(f"{emulator.url}/_registry/import", timeout=30)
    assert answer.json() == {
        "__type": "UnknownOperationException",
        "message": "/_registry/import does not accept GET; send the request as POST.",
    }


def test_a_body_that_is_not_json_is_rejected_with_its_place(emulator: Emulator) -> None:
    answer = requests.post(f"{emulator.url}/_registry/import", data=b'{\n"lines": }', timeout=30)
    assert answer.json()["__type"] == "SerializationException"
    assert answer.json()["message"].startswith("The body is not valid JSON: ")
    assert answer.json()["message"].endswith(" (line 2, column 10).")


def test_extensions_are_not_sent_to_aws() -> None:
    client = boto3.client("sagemaker", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    assert error_of(client, "settings")[0] == "UnknownOperationException"


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", "SerializationException"), (b"[]", "SerializationException"), (b'{"a": 1}', "ValidationException")],
)
def test_an_invalid_request_body_is_rejected(emulator: Emulator, body: bytes, code: str) -> None:
    answer = requests.post(f"{emulator.url}/_registry/settings", data=body, timeout=10)
    assert (answer.status_code, answer.json()["__type"]) == (400, code)


def test_a_get_request_takes_query_parameters(emulator: Emulator) -> None:
    assert requests.get(f"{emulator.url}/_registry/settings", timeout=10).json()["checks"]["artifacts"] == "auto"
    assert requests.get(f"{emulator.url}/_registry/settings?a=1", timeout=10).status_code == 400
    assert requests.put(f"{emulator.url}/_registry/settings", timeout=10).status_code == 400


def test_a_mistyped_extension_gets_a_suggestion(emulator: Emulator) -> None:
    response = requests.get(f"{emulator.url}/_registry/histroy", timeout=30)
    assert response.status_code == 400
    assert "no extension 'histroy'; did you mean 'history'? /_registry/info lists" in response.text

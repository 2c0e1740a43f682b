"""The OpenAPI document of a server: it is valid, complete, and each path responds as it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from sagemaker_registry.backends.credentials import add
from sagemaker_registry.emulator.api import openapi
from support.server import REGION, Emulator, start

PREFIX = "/_registry/"
VERSION = {"arn": "churn/1"}
GIVEN: dict[str, dict[str, Any]] = {
    "history": {"group": "churn", "max_results": 1},
    "as-of": {"group": "churn", "moment": "2100-01-01"},
    "versions": {"max_results": 1},
    "explain": VERSION,
    "decide": {**VERSION, "status": "Approved", "reason": "ticket 42"},
    "import": {"account": "123456789012", "region": REGION, "lines": []},
    "seed": {"groups": [{"where": "a test", "request": {"ModelPackageGroupName": "fraud"}}]},
    "events": {"group": "churn"},
    "events/replay": {"since": 0},
    "reset": {"account": "999999999999"},
    "snapshot": {"name": "before"},
    "restore": {"name": "before"},
    "clock/advance": {"seconds": 1},
    "faults/add": {"kind": "latency", "operation": "Search", "seconds": 0},
}
"""The parameters of a request to each extension; none by default."""
LAST = ("faults/add", "faults", "calls", "restore", "reset")
"""Requests that are sent last, as they need others before them, or end what others need."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    folder = tmp_path_factory.mktemp("openapi")
    (folder / "registry.toml").write_text('[events]\nfile = "events.jsonl"\n[[approval]]\ngroups = ["fraud"]\n')
    served = start("--backend", "sqlite://", "--config", "registry.toml", cwd=folder)
    client = served.client("sagemaker")
    client.create_model_package_group(ModelPackageGroupName="churn")
    containers = [{"Image": "registry/churn:3"}]
    client.create_model_package(ModelPackageGroupName="churn", InferenceSpecification={"Containers": containers})
    yield served
    served.stop()


@pytest.fixture(scope="module")
def document(server: Emulator) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{server.url}{PREFIX}openapi.json", timeout=10).json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    found = [
        (path.removeprefix(PREFIX), method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return sorted(found, key=lambda one: LAST.index(one[0]) if one[0] in LAST else -1)


def undocumented(value: Any, schema: dict[str, Any], document: dict[str, Any], path: str = "$") -> Iterator[str]:
    """Yield the path of each member of an object that its schema does not name."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        for one in value:
            yield from undocumented(one, schema.get("items", {}), document, f"{path}[]")
    if isinstance(value, dict) and "properties" in schema:
        for name, inner in value.items():
            if name not in schema["properties"]:
                yield f"{path}.{name}"
            else:
                yield from undocumented(inner, schema["properties"][name], document, f"{path}.{name}")


def test_it_is_a_valid_document(document: dict[str, Any]) -> None:
    validate(document)  # type: ignore[arg-type]


def test_it_lists_the_extensions_that_the_server_offers(server: Emulator, document: dict[str, Any]) -> None:
    info = requests.get(f"{server.url}{PREFIX}info", timeout=10).json()
    own = {*openapi.OWN, "openapi.json", "metrics"}
    assert {path.removeprefix(PREFIX) for path in document["paths"]} == info["extensions"].keys() | own
    assert info["openapi"] == f"{PREFIX}openapi.json"
    for name, writes in info["extensions"].items():
        assert set(document["paths"][PREFIX + name]) == ({"post"} if writes else {"get", "post"})


def test_each_path_responds_as_it_says(server: Emulator, document: dict[str, Any]) -> None:
    for name, method, operation in operations(document):
        given = GIVEN.get(name, {})
        sent: dict[str, Any] = {"params": given} if method == "get" else {"json": given}
        answer = requests.request(method, f"{server.url}{PREFIX}{name}", **sent, timeout=30)
        assert answer.status_code == 200, (name, method, answer.text)
        ((kind, media),) = operation["responses"]["200"]["content"].items()
        assert answer.headers["Content-Type"] == kind
        if kind == "application/json":
            schema = {**media["schema"], "components": document["components"]}
            Draft202012Validator(schema).validate(answer.json())
            assert list(undocumented(answer.json(), media["schema"], document)) == []


def test_each_extension_rejects_an_unknown_parameter_with_the_documented_error(
    server: Emulator, document: dict[str, Any]
) -> None:
    schema = {"$ref": "#/components/schemas/Error", "components": document["components"]}
    for name, method, operation in operations(document):
        if method == "post":
            answer = requests.post(f"{server.url}{PREFIX}{name}", json={"no_such_parameter": 1}, timeout=30)
            assert answer.status_code == 400
            assert operation["responses"]["default"]
            Draft202012Validator(schema).validate(answer.json())


def test_required_parameters_are_required(server: Emulator, document: dict[str, Any]) -> None:
    for name, method, operation in operations(document):
        body = operation.get("requestBody", {})
        if method == "post" and body.get("required"):
            assert requests.post(f"{server.url}{PREFIX}{name}", json={}, timeout=30).status_code == 400
        for parameter in operation.get("parameters", ()):
            if parameter["required"]:
                assert requests.get(f"{server.url}{PREFIX}{name}", timeout=30).status_code == 400


def test_a_gateway_describes_an_extension_of_another_backend() -> None:
    found = openapi.document({"explain": False, "theirs": True})
    validate(found)  # type: ignore[arg-type]
    assert set(found["paths"][f"{PREFIX}theirs"]) == {"post"}


def test_it_requires_a_signature_where_requests_must_be_signed(tmp_path: Path) -> None:
    file = tmp_path / "keys.ini"
    alice = add(file, "alice")
    served = start("--backend", "sqlite://", "--credentials", str(file), cwd=tmp_path)
    try:
        url = f"{served.url}{PREFIX}openapi.json"
        answer = requests.get(url, timeout=10)
        assert (answer.status_code, answer.json()["__type"]) == (400, "MissingAuthenticationTokenException")
        signed = AWSRequest("GET", url)
        SigV4Auth(Credentials(alice.access_key, alice.secret), "sagemaker", REGION).add_auth(signed)
        assert requests.get(url, headers=dict(signed.headers), timeout=10).status_code == 200
    finally:
        served.stop()

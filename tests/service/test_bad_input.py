"""Malformed and hostile input over HTTP: always a JSON 4xx with a code and a message, and no change."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.errors import NotHandled, RegistryError
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.service import model
from sagemaker_registry.backends.service.operations import OPERATIONS
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from support.random_values import values
from support.server import Emulator

CALLER = Caller()
JSON_1_1 = "application/x-amz-json-1.1"


def post(url: str, body: bytes, target: str | None = "SageMaker.CreateModelPackageGroup", **headers: str) -> Any:
    sent = {"Content-Type": JSON_1_1, **({"X-Amz-Target": target} if target is not None else {}), **headers}
    return requests.post(url, data=body, headers=sent, timeout=30)


def assert_rejected(response: requests.Response) -> dict[str, str]:
    assert 400 <= response.status_code < 500
    assert response.headers["Content-Type"] == JSON_1_1
    assert response.headers["x-amzn-RequestId"]
    error: dict[str, str] = response.json()
    assert set(error) in ({"__type", "message"}, {"__type", "Message"})
    assert all(error.values())
    return error


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[]",
        b"null",
        b'{"ModelPackageGroupName": 5}',
        b'{"ModelPackageGroupName": "ok", "Colour": "red"}',
        b'{"ModelPackageGroupName": NaN}',
        b'{"ModelPackageGroupName": "ok", "Tags": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"ModelPackageGroupName": "\\ud800"}',
        b'{"ModelPackageGroupName": "nul\\u0000"}',
        b"\xff\xfe",
        b"",
    ],
)
def test_a_malformed_body_is_rejected_and_changes_nothing(emulator: Emulator, account: str, body: bytes) -> None:
    scope = f"AWS4-HMAC-SHA256 Credential={account}/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=host"
    assert_rejected(post(emulator.url, body, Authorization=scope))
    assert emulator.client("sagemaker", account).list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_a_body_over_the_limit_is_rejected(emulator: Emulator) -> None:
    body = b'{"ModelPackageGroupName": "' + b"a" * 5_000_000 + b'"}'
    assert assert_rejected(post(emulator.url, body))["__type"] == "RequestTooLarge"


def test_a_body_under_the_limit_is_validated(emulator: Emulator) -> None:
    body = b'{"ModelPackageGroupName": "' + b"a" * 4_000_000 + b'"}'
    error = assert_rejected(post(emulator.url, body))
    assert error["__type"] == "ValidationException"
    assert len(error["message"]) < 3_000


def test_a_body_with_too_many_values_is_rejected(emulator: Emulator) -> None:
    body = b'{"ModelPackageGroupName": [' + b"1," * 100_000 + b"1]}"
    error = assert_rejected(post(emulator.url, body))
    assert error == {"__type": "SerializationException", "message": "The body has more than 100,000 values."}
    many = b'{"ModelPackageGroupName": "' + b"," * 100_000 + b'"}'  # one string value, whatever it contains
    assert assert_rejected(post(emulator.url, many))["__type"] == "ValidationException"


def test_a_compressed_body_is_rejected(emulator: Emulator) -> None:
    error = assert_rejected(post(emulator.url, b"{}", **{"Content-Encoding": "gzip"}))
    assert error["__type"] == "SerializationException"


@pytest.mark.parametrize(
    "target", [None, "", "SageMaker", "SageMaker.", "SageMaker.Fly", "sagemaker.ListModelPackages", "x" * 5000, "A.b"]
)
def test_an_unknown_operation_is_rejected(emulator: Emulator, target: str | None) -> None:
    assert assert_rejected(post(emulator.url, b"{}", target))["__type"] == "UnknownOperationException"


def test_an_unsupported_sagemaker_operation_is_named_in_the_error(emulator: Emulator) -> None:
    error = assert_rejected(post(emulator.url, b"{}", "SageMaker.CreateHubContentPresignedUrls"))
    assert error["__type"] == "UnknownOperationException"
    assert "SageMaker.CreateHubContentPresignedUrls" in error["message"]


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("CreateModel", b"{}"),
        ("AddTags", b'{"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/x"}'),
        ("Search", b'{"Resource": "TrainingJob", "MaxResults": 0}'),
    ],
)
def test_a_shared_operation_is_validated_before_it_is_forwarded(
    emulator: Emulator, operation: str, body: bytes
) -> None:
    assert assert_rejected(post(emulator.url, body, f"SageMaker.{operation}"))["__type"] == "ValidationException"


@pytest.mark.parametrize("authorization", ["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b/c"])
def test_a_signature_without_a_scope_is_rejected(emulator: Emulator, authorization: str) -> None:
    response = requests.get(emulator.url, headers={"Authorization": authorization}, timeout=30)
    assert response.status_code == 400
    assert "<Code>ValidationException</Code>" in response.text


def test_an_invalid_region_is_rejected(emulator: Emulator) -> None:
    scope = "AWS4-HMAC-SHA256 Credential=test/20260101/Mars!/sagemaker/aws4_request, SignedHeaders=host"
    error = assert_rejected(post(emulator.url, b'{"ModelPackageGroupName": "ok"}', Authorization=scope))
    assert "'Mars!'" in error["message"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_a_registry_call_must_be_a_post(emulator: Emulator, method: str) -> None:
    headers = {"Content-Type": JSON_1_1, "X-Amz-Target": "SageMaker.ListModelPackages"}
    assert_rejected(requests.request(method, emulator.url, headers=headers, data=b"{}", timeout=30))


def test_an_unknown_extension_path_returns_a_json_error(emulator: Emulator) -> None:
    assert_rejected(requests.get(f"{emulator.url}/_registry/nothing", timeout=30))


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.nip.io", "localhost.evil.example", "", "a" * 300, "localhost:0", "local host"]
)
def test_a_foreign_host_header_is_rejected(emulator: Emulator, host: str) -> None:
    assert assert_rejected(post(emulator.url, b"{}", Host=host))["__type"] == "MisdirectedRequest"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "localhost.", "127.0.0.1", "[::1]:8080", "bucket.localhost"]
)
def test_loopback_host_names_are_accepted(emulator: Emulator, host: str) -> None:
    assert post(emulator.url, b"{}", "SageMaker.ListModelPackageGroups", Host=host).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_request_from_another_site_is_rejected(emulator: Emulator, headers: dict[str, str]) -> None:
    assert assert_rejected(post(emulator.url, b"{}", **headers))["__type"] == "AccessDeniedException"
    preflight = requests.options(emulator.url, headers=headers, timeout=30)
    assert_rejected(preflight)
    assert not [name for name in preflight.headers if name.lower().startswith("access-control")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200) | st.text(max_size=100).map(str.encode),
    target=st.sampled_from(
        [
            "CreateModelPackage",
            "UpdateModelPackage",
            "ListModelPackages",
            "DescribeModelPackage",
            "DeleteModelPackageGroup",
        ]
    ),
)
def test_any_body_gets_a_json_response_below_500(emulator: Emulator, body: bytes, target: str) -> None:
    response = post(emulator.url, body, f"SageMaker.{target}")
    assert response.status_code < 500
    assert response.headers["Content-Type"] == JSON_1_1


def test_a_request_that_is_not_http_does_not_stop_the_server(emulator: Emulator) -> None:
    host, port = emulator.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01\x00\xa5\x01\x00\r\n\r\n")
        assert b"500" not in connection.recv(4096)[:20]
    assert requests.get(f"{emulator.url}/_registry/health", timeout=30).json() == {"status": "ok"}


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_parameters_are_answered_or_rejected(operation: str, data: st.DataObject) -> None:
    """Values of the right types with any content: the request is answered or rejected, and a rejected one changes
    nothing.
    """
    with LocalRegistry(SQLiteRows(None)) as registry:
        group = {"ModelPackageGroupName": "churn", "Tags": [{"Key": "team", "Value": "a"}]}
        registry.call("CreateModelPackageGroup", group, CALLER)
        registry.call("CreateModelPackage", {"ModelPackageGroupName": "churn"}, CALLER)
        before = contents(registry)
        status = outcome(registry, operation, data.draw(values(model.input_shape(operation))))
        assert status in (200, 400)
        assert status == 200 or contents(registry) == before


def outcome(registry: LocalRegistry, operation: str, params: Any) -> int:
    """Return the status of a response; forwarded requests count as 400, as they must change nothing."""
    try:
        registry.call(operation, params, CALLER)
    except NotHandled:
        return 400
    except RegistryError as error:
        return error.status if error.message else 0
    return 200


def contents(registry: LocalRegistry) -> list[Any]:
    return list(registry._rows._writer.iterdump())  # type: ignore[attr-defined]

"""Signatures behind other WSGI servers, whose bodies can be read only once and may have no length."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest

from safety.auth_app import ALICE, AT, JSON
from sagemaker_registry.backends import open_backend
from sagemaker_registry.emulator.app import create_app
from sagemaker_registry.emulator.auth.authentication import Authentication
from sagemaker_registry.emulator.aws.other_services import alone
from sagemaker_registry.emulator.http.channel import HEAD
from support.signing import NOW, environ_of, signed

CHURN = b'{"ModelPackageGroupName": "churn"}'
OTHER = b'{"ModelPackageGroupName": "other"}'
KEYS = {ALICE.access_key: ALICE}


class ReadOnceBody(io.RawIOBase):
    """A body like that of a socket: it can be read once, in pieces; `taken` is the number of bytes read."""

    def __init__(self, content: bytes) -> None:
        self._content, self.taken = content, 0

    def read(self, size: int = -1) -> bytes:
        piece = self._content[self.taken :][: size if size >= 0 else None][:5000]
        self.taken += len(piece)
        return piece


def environ_of_another_server(prepared: Any, body: bytes, **more: Any) -> dict[str, Any]:
    """Return the environment that another server creates for a request with a body, by default in chunks."""
    environ = {**environ_of(prepared), "wsgi.input": ReadOnceBody(body), "wsgi.input_terminated": True, **more}
    del environ[HEAD]
    if "CONTENT_LENGTH" not in more:
        del environ["CONTENT_LENGTH"]
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    return environ


def call(environ: dict[str, Any]) -> tuple[int, bytes, bytes | None]:
    """Return the status and body of the response, and the body read by the application (None if it was not called)."""
    read: list[bytes] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        read.append(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or -1)))
        start_response("200 OK", [])
        return [b"answered"]

    guarded = Authentication(app, KEYS, clock=lambda: AT)
    return *answered(guarded, environ), read[0] if read else None


def answered(app: Any, environ: dict[str, Any]) -> tuple[int, bytes]:
    """Return the status and body of a response, and close it as servers do."""
    statuses: list[str] = []
    answer = app(environ, lambda status, *_: statuses.append(status))
    body = b"".join(answer)
    getattr(answer, "close", lambda: None)()
    return int(statuses[0][:3]), body


def test_a_chunked_body_must_match_its_signature() -> None:
    prepared = signed(ALICE, headers=JSON, body=CHURN, at=NOW)
    assert call(environ_of_another_server(prepared, CHURN)) == (200, b"answered", CHURN)
    empty = signed(ALICE, headers=JSON, body=b"", at=NOW)
    assert call(environ_of_another_server(empty, b"")) == (200, b"answered", b"")
    for request, body in ((prepared, OTHER), (prepared, b""), (empty, OTHER)):
        for length in ({}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0"}):
            status, answer, read = call(environ_of_another_server(request, body, **length))
            assert (status, read) == (400, None)
            assert b"InvalidSignatureException" in answer


def test_a_body_is_read_only_up_to_its_length() -> None:
    prepared = signed(ALICE, headers=JSON, body=CHURN, at=NOW)
    environ = environ_of_another_server(prepared, CHURN + OTHER, CONTENT_LENGTH=str(len(CHURN)))
    del environ["wsgi.input_terminated"]
    assert call(environ) == (200, b"answered", CHURN)
    unended = environ_of_another_server(signed(ALICE, headers=JSON, body=b"", at=NOW), OTHER)
    del unended["wsgi.input_terminated"]  # nothing marks the end, so there is no body
    assert call(unended) == (200, b"answered", b"")


def test_the_registry_executes_only_the_signed_body() -> None:
    with open_backend("sqlite://") as backend:
        keys = {"authenticated": lambda app, **others: Authentication(app, KEYS, clock=lambda: AT, **others)}
        app = create_app(backend, other_services=alone, **keys)  # type: ignore[arg-type]
        headers = {**JSON, "X-Amz-Target": "SageMaker.CreateModelPackageGroup"}
        prepared = signed(ALICE, headers=headers, body=CHURN, at=NOW)
        assert answered(app, environ_of_another_server(prepared, OTHER))[0] == 400
        assert answered(app, environ_of_another_server(prepared, CHURN))[0] == 200


@pytest.mark.parametrize("length", ["200000000", "9" * 5000])
def test_an_unverified_body_is_read_up_to_a_limit(length: str) -> None:
    prepared = signed(ALICE, headers=JSON, body=CHURN, at=NOW)
    endless = environ_of_another_server(prepared, b"x" * 10_000_000)
    status, answer, read = call(endless)
    assert (status, read) == (413, None)
    assert b"RequestTooLarge" in answer
    assert endless["wsgi.input"].taken < 5_000_000
    declared = environ_of_another_server(prepared, b"x" * 10_000_000, CONTENT_LENGTH=length)
    assert call(declared)[0] == 413
    assert declared["wsgi.input"].taken < 5_000_000


def test_an_s3_upload_with_a_signed_hash_is_verified_without_a_length() -> None:
    content = b"z" * 3_000_000
    declared = {"x-amz-content-sha256": hashlib.sha256(content).hexdigest()}
    prepared = signed(ALICE, "PUT", "http://localhost/b/k", declared, content, service="s3", signer="s3 header", at=NOW)
    assert call(environ_of_another_server(prepared, content)) == (200, b"answered", content)
    assert call(environ_of_another_server(prepared, content[1:]))[0] == 400
    wrong = environ_of_another_server(prepared, content)
    wrong["HTTP_AUTHORIZATION"] = wrong["HTTP_AUTHORIZATION"][:-64] + "0" * 64
    assert call(wrong)[0] == 403
    assert wrong["wsgi.input"].taken == 0


def test_an_absurd_length_is_rejected_without_verification() -> None:
    with open_backend("sqlite://") as backend:
        environ = environ_of(signed(ALICE, headers=JSON, body=CHURN, at=NOW))
        environ["CONTENT_LENGTH"] = "9" * 5000
        assert answered(create_app(backend, other_services=alone), environ)[0] == 413

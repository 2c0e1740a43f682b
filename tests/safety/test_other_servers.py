"""Signatures behind a WSGI server that is not ours, whose bodies can be read once and come without a length."""

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


class Once(io.RawIOBase):
    """A body as it comes from a socket: read once, in pieces, to where it ends; `taken` is how much was."""

    def __init__(self, content: bytes) -> None:
        self._content, self.taken = content, 0

    def read(self, size: int = -1) -> bytes:
        piece = self._content[self.taken :][: size if size >= 0 else None][:5000]
        self.taken += len(piece)
        return piece


def as_another_gives_it(prepared: Any, body: bytes, **more: Any) -> dict[str, Any]:
    """Return the environment that a server of others makes of a request with a body, by default in chunks."""
    environ = {**environ_of(prepared), "wsgi.input": Once(body), "wsgi.input_terminated": True, **more}
    del environ[HEAD]
    if "CONTENT_LENGTH" not in more:
        del environ["CONTENT_LENGTH"]
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    return environ


def ask(environ: dict[str, Any]) -> tuple[int, bytes, bytes | None]:
    """Return the status and the answer, and what who answered has read as the body: None if nobody was asked."""
    read: list[bytes] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        read.append(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or -1)))
        start_response("200 OK", [])
        return [b"answered"]

    guarded = Authentication(app, KEYS, clock=lambda: AT)
    return *answered(guarded, environ), read[0] if read else None


def answered(app: Any, environ: dict[str, Any]) -> tuple[int, bytes]:
    """Return the status and the body of an answer, which is closed as every server closes one."""
    statuses: list[str] = []
    answer = app(environ, lambda status, *_: statuses.append(status))
    body = b"".join(answer)
    getattr(answer, "close", lambda: None)()
    return int(statuses[0][:3]), body


def test_a_body_in_chunks_is_the_one_that_was_signed() -> None:
    prepared = signed(ALICE, headers=JSON, body=CHURN, at=NOW)
    assert ask(as_another_gives_it(prepared, CHURN)) == (200, b"answered", CHURN)
    empty = signed(ALICE, headers=JSON, body=b"", at=NOW)
    assert ask(as_another_gives_it(empty, b"")) == (200, b"answered", b"")
    for request, body in ((prepared, OTHER), (prepared, b""), (empty, OTHER)):
        for length in ({}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0"}):
            status, answer, read = ask(as_another_gives_it(request, body, **length))
            assert (status, read) == (400, None)
            assert b"InvalidSignatureException" in answer


def test_a_body_with_a_length_is_read_to_it_and_the_rest_is_nobodys() -> None:
    prepared = signed(ALICE, headers=JSON, body=CHURN, at=NOW)
    environ = as_another_gives_it(prepared, CHURN + OTHER, CONTENT_LENGTH=str(len(CHURN)))
    del environ["wsgi.input_terminated"]
    assert ask(environ) == (200, b"answered", CHURN)
    unended = as_another_gives_it(signed(ALICE, headers=JSON, body=b"", at=NOW), OTHER)
    del unended["wsgi.input_terminated"]  # nobody says where it ends: there is none
    assert ask(unended) == (200, b"answered", b"")


def test_the_registry_does_what_was_signed_and_nothing_else() -> None:
    with open_backend("sqlite://") as backend:
        keys = {"authenticated": lambda app, **others: Authentication(app, KEYS, clock=lambda: AT, **others)}
        app = create_app(backend, other_services=alone, **keys)  # type: ignore[arg-type]
        headers = {**JSON, "X-Amz-Target": "SageMaker.CreateModelPackageGroup"}
        prepared = signed(ALICE, headers=headers, body=CHURN, at=NOW)
        assert answered(app, as_another_gives_it(prepared, OTHER))[0] == 400
        assert answered(app, as_another_gives_it(prepared, CHURN))[0] == 200


@pytest.mark.parametrize("length", ["200000000", "9" * 5000])
def test_what_is_not_yet_known_to_be_signed_is_not_read_without_end(length: str) -> None:
    prepared = signed(ALICE, headers=JSON, body=CHURN, at=NOW)
    endless = as_another_gives_it(prepared, b"x" * 10_000_000)
    status, answer, read = ask(endless)
    assert (status, read) == (413, None)
    assert b"RequestTooLarge" in answer
    assert endless["wsgi.input"].taken < 5_000_000
    said = as_another_gives_it(prepared, b"x" * 10_000_000, CONTENT_LENGTH=length)
    assert ask(said)[0] == 413
    assert said["wsgi.input"].taken < 5_000_000


def test_an_upload_to_s3_whose_hash_was_signed_is_verified_without_a_length() -> None:
    content = b"z" * 3_000_000
    said = {"x-amz-content-sha256": hashlib.sha256(content).hexdigest()}
    prepared = signed(ALICE, "PUT", "http://localhost/b/k", said, content, service="s3", signer="s3 header", at=NOW)
    assert ask(as_another_gives_it(prepared, content)) == (200, b"answered", content)
    assert ask(as_another_gives_it(prepared, content[1:]))[0] == 400
    wrong = as_another_gives_it(prepared, content)
    wrong["HTTP_AUTHORIZATION"] = wrong["HTTP_AUTHORIZATION"][:-64] + "0" * 64
    assert ask(wrong)[0] == 403
    assert wrong["wsgi.input"].taken == 0


def test_a_length_that_no_number_holds_is_too_large_for_a_call_that_nobody_verifies() -> None:
    with open_backend("sqlite://") as backend:
        environ = environ_of(signed(ALICE, headers=JSON, body=CHURN, at=NOW))
        environ["CONTENT_LENGTH"] = "9" * 5000
        assert answered(create_app(backend, other_services=alone), environ)[0] == 413

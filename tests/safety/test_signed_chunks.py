"""S3 uploads in signed chunks: the example that AWS documents, with its published signatures."""

from __future__ import annotations

import io
from typing import Any

import pytest

from safety.auth_app import Answer
from sagemaker_registry.backends.credentials import Credential
from sagemaker_registry.emulator.auth.authentication import Authentication
from sagemaker_registry.emulator.http.channel import HEAD

EXAMPLE = Credential("example", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SIGNATURES = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
]
CHUNKS = [b"a" * 65536, b"a" * 1024, b""]
UPLOAD = (
    "PUT /examplebucket/chunkObject.txt HTTP/1.1\r\nHost: s3.amazonaws.com\r\nx-amz-date: 20130524T000000Z\r\n"
    "x-amz-storage-class: REDUCED_REDUNDANCY\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/"
    "20130524/us-east-1/s3/aws4_request,SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
    "x-amz-decoded-content-length;x-amz-storage-class,"
    "Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    "\r\nx-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\nContent-Encoding: aws-chunked\r\n"
    "x-amz-decoded-content-length: 66560\r\nContent-Length: 66824"
)


def upload(body: bytes) -> Answer:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        assert environ["wsgi.input"].read() == body
        return [b"answered"]

    authorization = UPLOAD.split("Authorization: ")[1].split("\r\n")[0]
    environ = {
        "REQUEST_METHOD": "PUT",
        "PATH_INFO": "/examplebucket/chunkObject.txt",
        "REQUEST_URI": "/examplebucket/chunkObject.txt",
        "QUERY_STRING": "",
        "HTTP_AUTHORIZATION": authorization,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        HEAD: UPLOAD.encode(),
    }
    guarded = Authentication(app, {EXAMPLE.access_key: EXAMPLE}, clock=lambda: 1369353600.0)
    statuses: list[str] = []
    answer = b"".join(guarded(environ, lambda status, headers: statuses.append(status)))  # type: ignore[arg-type, return-value]
    return Answer(int(statuses[0][:3]), answer.decode(), answer == b"answered")


def in_chunks(chunks: list[bytes], signatures: list[str]) -> bytes:
    return b"".join(
        f"{len(chunk):x};chunk-signature={signature}\r\n".encode() + chunk + b"\r\n"
        for chunk, signature in zip(chunks, signatures, strict=True)
    )


def test_the_chunked_upload_of_the_aws_documentation_is_accepted() -> None:
    body = in_chunks(CHUNKS, SIGNATURES)
    assert len(body) == 66824
    assert upload(body).passed


@pytest.mark.parametrize(
    "body",
    [
        in_chunks([b"b" * 65536, *CHUNKS[1:]], SIGNATURES),
        in_chunks(CHUNKS[:2], SIGNATURES[:2]),
        in_chunks([CHUNKS[0], CHUNKS[2]], [SIGNATURES[0], SIGNATURES[2]]),
        in_chunks(CHUNKS, [SIGNATURES[0], SIGNATURES[0], SIGNATURES[2]]),
        in_chunks(CHUNKS, SIGNATURES) + b"more",
        in_chunks(CHUNKS, SIGNATURES).replace(b";chunk-signature=" + SIGNATURES[0].encode(), b""),
        in_chunks(CHUNKS, SIGNATURES)[:-200],
        b"fffffffffffffffff\r\n",
        b"",
    ],
    ids=["another", "cut off", "left out", "another signature", "more behind", "unsigned", "short", "huge", "empty"],
)
def test_a_chunk_without_its_signature_is_rejected(body: bytes) -> None:
    answer = upload(body)
    assert not answer.passed
    assert "<Code>XAmzContentSHA256Mismatch</Code>" in answer.body

"""Limits of a request: sizes, counts and forms, on real sockets of a server with short limits."""

from __future__ import annotations

import gc
import gzip
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from safety.auth_app import ALICE
from safety.listener import CALL, HEALTH, MAX_BODY, UPLOAD, Bucket, everything, served, status_of
from sagemaker_registry.backends.base import Caller, partition_of
from sagemaker_registry.emulator.auth import sigv4 as signatures
from sagemaker_registry.emulator.caller import caller_from, has_scope
from sagemaker_registry.emulator.http.connections import MAX_HEAD, MAX_HEADERS, MAX_READ
from support.server import start


def test_a_large_request_head_is_rejected(say: Callable[..., bytes]) -> None:
    fits = b"GET /_registry/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Long: "
    assert status_of(say(fits + b"a" * (MAX_HEAD - len(fits) - 100) + b"\r\n\r\n")) == 200
    answer = say(fits + b"a" * MAX_HEAD)
    assert status_of(answer) == 431
    assert b'"__type":"RequestTooLarge"' in answer
    assert b"nosniff" in answer


def test_a_head_with_too_many_headers_is_rejected(say: Callable[..., bytes]) -> None:
    most = b"".join(b"X-%d: 1\r\n" % number for number in range(MAX_HEADERS - 2))
    assert status_of(say(HEALTH[:-2] + most + b"\r\n")) == 200
    assert status_of(say(HEALTH[:-2] + most + b"X-More: 1\r\n\r\n")) == 400


PUT = b"PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\n"
WORST_HEADS = {
    "spaces in metadata": PUT + b"x-amz-meta-a_b: y%bz\r\n\r\n" % (b" " * 32000),
    "metadata without a colon": PUT + b"x-amz-meta-%b\r\n\r\n" % (b"_" * 32000),
    "spaces before a value": PUT + b"X-Long:%bz\r\n\r\n" % (b" " * 32000),
    "tabs before a folded value": PUT + b"X-Long:\r\n%b\x01\r\n\r\n" % (b"\t" * 32000),
    "a host in the path": b"GET /a://%b HTTP/9.99\r\nHost: localhost\r\n\r\n" % (b"1" * 32000),
    "credentials": PUT + b"Authorization: %b\r\n\r\n" % (b"Credential=" * 2900),
    "slashes in a credential": PUT + b"Authorization: Credential=a%b\r\n\r\n" % (b"/" * 32000),
    "folded lines": PUT + b"X-Long: a\r\n%b\r\n" % (b" \r\n" * 10000),
    "dots in a host": b"GET / HTTP/1.1\r\nHost: %b!\r\n\r\n" % (b"." * 32000),
    "parameters": b"PUT /b/k?%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"X-Amz-Credential=&" * 1700),
}


def test_a_signed_url_with_many_parameters_is_parsed_in_linear_time() -> None:
    """The URL is parsed before the key is known: the time may grow with its length, but not with the square of it."""
    claimed = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A/20261124/us-east-1/s3/aws4_request&X-Amz-Expires=60"
        f"&X-Amz-Date=20261124T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature={'0' * 64}"
    )
    pairs = signatures.pairs_of(claimed + "".join(f"&X-Amz-{number}" for number in range(2500)))
    began = time.process_time()
    assert signatures.claim_of_query(pairs)
    assert time.process_time() - began < 0.02
    assert signatures.claim_of_query([*pairs, pairs[-1]]) is None


def test_invented_regions_are_not_cached() -> None:
    for number in range(300):
        assert Caller("123456789012", f"nowhere-{number}-{'x' * 1000}", "ann").partition == "aws"
    assert partition_of.cache_info().currsize <= 256
    assert Caller("123456789012", "cn-north-1", "ann").partition == "aws-cn"


@pytest.mark.parametrize("name", WORST_HEADS)
def test_any_request_head_is_parsed_quickly(say: Callable[..., bytes], name: str) -> None:
    request = WORST_HEADS[name]
    assert MAX_HEAD - 4000 < len(request) < MAX_HEAD
    began = time.process_time()  # includes the server's time, and no other process
    answer = say(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    seconds = time.process_time() - began
    assert 200 <= status_of(answer) < 500
    assert seconds < 0.1


@pytest.mark.parametrize(
    ("authorization", "key"),
    [
        ("AWS4-HMAC-SHA256 Credential=ann/20261124/eu-west-1/sagemaker/aws4_request, SignedHeaders=host", "ann"),
        ("AWS4-HMAC-SHA256 Credential=ann/20261124/eu-west-1/sagemaker/aws4_request", "ann"),
        ("AWS4-HMAC-SHA256 SignedHeaders=host,Credential=ann/20261124/eu-west-1/sagemaker/aws4_request", "ann"),
        ("AWS4-HMAC-SHA256 Credential=ann/20261124/eu-west-1/sagemaker", "anonymous"),
        ("AWS4-HMAC-SHA256 Credential=/20261124/eu-west-1/sagemaker/aws4_request", "anonymous"),
        ("AWS4-HMAC-SHA256 Credential= ann/20261124/eu-west-1/sagemaker/aws4_request", "anonymous"),
        ("AWS4-HMAC-SHA256 Credential=a nn/20261124/eu-west-1/sagemaker/aws4_request", "anonymous"),
        ("AWS4-HMAC-SHA256 Credential=ann,/20261124/eu-west-1/sagemaker/aws4_request", "anonymous"),
        ("", "anonymous"),
    ],
)
def test_only_a_complete_credential_is_used(authorization: str, key: str) -> None:
    for caller in (
        caller_from(authorization),
        caller_from("", f"X-Amz-Credential={quote(authorization.partition('Credential=')[2].partition(', ')[0])}"),
    ):
        assert caller.access_key == key
        assert caller.region == ("us-east-1" if key == "anonymous" else "eu-west-1")
    assert has_scope(authorization) == (key != "anonymous")


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"Transfer-Encoding: , chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n ,chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"Transfer-Encoding: \r\n\r\n{}",
        b"Content-Length: 0000000000000002\r\n\r\n{}",
        b"Content-Length: " + b"1" * 5000 + b"\r\n\r\n{}",
        b"Expect: 100-continue\r\nContent-Length: x\r\n\r\n",
        b"Expect: 100-continue\r\nContent-Length: 5368709120\r\n\r\n",
        b"Expect: 100-continue\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n0\r\n\r\n",
        b"Content-Length: -2\r\n\r\n{}",
        b"Content-Length: +2\r\n\r\n{}",
        b"Content-Length: 2, 2\r\n\r\n{}",
        b"Content-Length: 0x2\r\n\r\n{}",
        b"Content-Length : 2\r\n\r\n{}",
        b"X-Amz-Target : SageMaker.DeleteModelPackageGroup\r\n\r\n",
        b"X\0: 1\r\n\r\n",
        b"no colon\r\n\r\n",
        b"Host: localhost\r\n\r\n",
    ],
)
def test_ambiguous_requests_are_rejected(say: Callable[..., bytes], head: bytes) -> None:
    answer = say(CALL + head)
    assert status_of(answer) in (400, 413, 501)
    assert b'"__type"' in answer
    assert answer.count(b"__type") == 1
    assert b"Connection: close" in answer


@pytest.mark.parametrize("head", [HEALTH, UPLOAD + b"Content-Length: 0\r\n\r\n", UPLOAD + b"\r\n"])
def test_expect_continue_without_a_body_is_answered_immediately(say: Callable[..., bytes], head: bytes) -> None:
    assert status_of(say(head.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))) == 200


def test_expect_continue_is_supported(address: tuple[str, int], bucket: Bucket) -> None:
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(UPLOAD + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"bytes")
        assert status_of(everything(connection)) == 200
    assert bucket.sizes[-1] == 5


@pytest.mark.parametrize("before", [b"", b"1;", b"0\r\nX-Trailer: "], ids=["size", "extension", "trailer"])
def test_data_between_chunks_is_limited(say: Callable[..., bytes], before: bytes) -> None:
    answer = say(UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n" + before, *[b"1" * 2**16] * 64)
    assert not answer or (status_of(answer) == 400 and b"limited to 8192 bytes" in answer)


def test_a_signed_chunk_is_read(say: Callable[..., bytes], bucket: Bucket) -> None:
    signature = b";chunk-signature=" + b"0" * 64
    body = b"5%b\r\nbytes\r\n0%b\r\nx-amz-trailer-signature:%b\r\n\r\n" % (signature, signature, b"0" * 64)
    assert status_of(say(UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n" + body)) == 200
    assert bucket.sizes[-1] == 5


def test_an_exception_is_an_internal_failure_without_details(caplog: pytest.LogCaptureFixture) -> None:
    def fails(environ: Any, start_response: Any) -> list[bytes]:
        raise KeyError("an internal detail")

    with served(fails) as address, socket.create_connection(address, timeout=60) as connection:
        connection.sendall(HEALTH)
        answer = everything(connection)
    assert status_of(answer) == 500
    assert b'"__type":"InternalFailure"' in answer
    assert b"an internal detail" not in answer
    assert "an internal detail" in caplog.text


@pytest.mark.parametrize("line", [b"POST / HTTP/1.0", b"POST /", b"POST /HTTP/1.1", b"POST /xHTTP/1.1"])
def test_transfer_encoding_requires_http_1_1(say: Callable[..., bytes], line: bytes) -> None:
    other = CALL.replace(b"POST / HTTP/1.1", line)
    answer = say(other + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    assert status_of(answer) == 400
    assert b"Transfer-Encoding requires HTTP/1.1" in answer


def test_a_space_after_the_version_is_ignored(say: Callable[..., bytes]) -> None:
    call = CALL.replace(b"HTTP/1.1", b"HTTP/1.1 ") + b"Connection: close\r\n"
    assert status_of(say(call + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")) == 200


@pytest.mark.parametrize(
    "target",
    [
        *(b"/\t/[x", b"/\t/evil.example/_registry/health", b"/_registry/\thealth", b"/a\0b", b"/a\x0bb", b"/a\x7fb"),
        *(b"//[x", b"//\\[x", b"//x]/key", b"//\xff[x"),
    ],
)
def test_an_ambiguous_path_is_rejected(
    say: Callable[..., bytes], caplog: pytest.LogCaptureFixture, target: bytes
) -> None:
    answer = say(HEALTH.replace(b"/_registry/health", target))
    assert status_of(answer) == 400
    assert b"Invalid request: The path " in answer
    assert not caplog.records


@pytest.mark.parametrize("target", [b"//key", b"//[::1]/key", b"//%5Bx", b"/bucket//[x", b"/bucket/[x]"])
def test_an_s3_key_can_have_slashes_and_brackets(say: Callable[..., bytes], target: bytes) -> None:
    assert status_of(say(UPLOAD.replace(b"/bucket/key", target) + b"Content-Length: 0\r\n\r\n")) == 200


def test_pipelined_requests_are_answered_in_order(say: Callable[..., bytes]) -> None:
    one = CALL + b"Content-Length: 2\r\n\r\n{}"
    wrong = CALL + b"Content-Length: 3\r\n\r\n{x}"
    answer = say(one + wrong + one + HEALTH)
    statuses = [int(part[2:5]) for part in answer.split(b"HTTP/1.")[1:]]
    assert statuses == [200, 400, 200, 200]


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"identity, gzip", b"aws-chunked"])
def test_a_compressed_registry_call_is_rejected(say: Callable[..., bytes], encoding: bytes) -> None:
    bomb = gzip.compress(b"\0" * 2**24)
    head = b"Content-Encoding: %b\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (encoding, len(bomb))
    answer = say(CALL + head + bomb)
    assert status_of(answer) == 400
    assert b"Content-Encoding is not supported" in answer


def test_a_compressed_object_is_not_decompressed(say: Callable[..., bytes], bucket: Bucket) -> None:
    bomb = gzip.compress(b"\0" * 2**24)
    say(UPLOAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)
    assert bucket.sizes[-1] == len(bomb)


@pytest.mark.parametrize(
    "path", [b"POST / ", b"POST /_registry/seed ", b"POST //_registry/seed ", b"POST /console/login ", b"PUT /console "]
)
def test_a_registry_call_of_1_gib_is_rejected_before_it_is_read(say: Callable[..., bytes], path: bytes) -> None:
    answer = say(CALL.replace(b"POST / ", path) + b"Content-Length: %d\r\n\r\n" % 2**30)
    assert status_of(answer) == 413
    assert b"RequestTooLarge" in answer


@pytest.mark.parametrize(
    "head",
    [
        b"PUT /console-models/model.tar.gz HTTP/1.1\r\n",
        b"PUT /console/model.tar.gz HTTP/1.1\r\nAuthorization: AWS4-HMAC-SHA256 Credential=a\r\n",
        b"PUT /console/model.tar.gz?X-Amz-Signature=0 HTTP/1.1\r\n",
    ],
    ids=["a longer name", "signed", "presigned"],
)
def test_a_bucket_can_be_named_console(say: Callable[..., bytes], bucket: Bucket, head: bytes) -> None:
    length = MAX_READ + 1
    head += b"Host: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % length
    assert status_of(say(head, b"m" * length)) == 200
    assert bucket.sizes[-1] == length


@pytest.fixture(scope="module")
def with_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """Return the address of a server that requires signatures; alice has the key ALICE."""
    folder = tmp_path_factory.mktemp("keys")
    file = folder / "keys.ini"
    file.write_text(f"[alice]\naws_access_key_id = {ALICE.access_key}\naws_secret_access_key = {ALICE.secret}\n")
    file.chmod(0o600)
    emulator = start("--backend", "sqlite://", "--credentials", str(file), "--no-console", cwd=folder)
    host, _, port = emulator.url.removeprefix("http://").partition(":")
    yield host, int(port)
    assert emulator.stop() == 0


SIGNED = b"Authorization: AWS4-HMAC-SHA256 Credential=%b/20261124/us-east-1/%b/aws4_request\r\n"
LARGE = b"Content-Length: 5000000000\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (UPLOAD + LARGE, b"<Code>AccessDenied</Code>"),
        (UPLOAD + SIGNED % (b"AKIANOBODY", b"s3") + LARGE, b"<Code>InvalidAccessKeyId</Code>"),
        (
            UPLOAD.replace(b"/key", b"/key?X-Amz-Credential=mallory%2Fa%2Fb%2Fs3%2Faws4_request") + LARGE,
            b"InvalidAccess",
        ),
        (UPLOAD + SIGNED % (b"AKIANOBODY", b"ecr") + LARGE, b'"__type":"UnrecognizedClientException"'),
    ],
    ids=["unsigned", "unknown key", "presigned", "another service"],
)
@pytest.mark.parametrize("before", [b"", b"Expect: 100-continue\r\n"], ids=["sends", "asks"])
def test_a_large_body_without_a_known_key_is_not_read(
    with_keys: tuple[str, int], head: bytes, code: bytes, before: bytes
) -> None:
    with socket.create_connection(with_keys, timeout=60) as connection:
        connection.sendall(head.replace(b"Content-Length", before + b"Content-Length"))
        answer = everything(connection)
    assert status_of(answer) in (400, 403)
    assert code in answer
    assert b"nosniff" in answer


def test_a_large_chunked_body_without_a_known_key_is_not_read(with_keys: tuple[str, int]) -> None:
    chunk, sent = b"100000\r\n" + b"a" * 2**20 + b"\r\n", 0
    with socket.create_connection(with_keys, timeout=60) as connection:
        connection.sendall(UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n")
        with suppress(ConnectionError):
            while sent < 2**8:
                connection.sendall(chunk)
                sent += 1
        answer = everything(connection)
    assert sent < 2**8
    assert not answer or status_of(answer) == 403


@pytest.mark.parametrize("place", ["header", "query"])
def test_a_large_body_with_a_known_key_is_read(with_keys: tuple[str, int], place: str) -> None:
    head = UPLOAD + SIGNED % (ALICE.access_key.encode(), b"s3")
    if place == "query":
        head = UPLOAD.replace(b"/key", b"/key?X-Amz-Credential=%b/a/b/s3/aws4_request" % ALICE.access_key.encode())
    with socket.create_connection(with_keys, timeout=60) as connection:
        connection.sendall(head + b"Expect: 100-continue\r\n" + LARGE)
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_a_chunked_body_is_rejected_when_it_becomes_too_large(say: Callable[..., bytes]) -> None:
    chunk = b"100000\r\n" + b"a" * 2**20 + b"\r\n"
    answer = say(CALL + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * (MAX_READ // 2**20 + 64))
    assert not answer or status_of(answer) == 413  # a client that continues to send may not read the response


def test_a_body_slightly_over_the_limit_gets_an_error(say: Callable[..., bytes]) -> None:
    length = MAX_BODY + 1
    answer = say(CALL + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % length, b"a" * length)
    assert status_of(answer) == 413
    assert b"is 4194304 bytes" in answer


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks for files that are open where Linux lists them")
def test_a_large_body_is_stored_in_an_unnamed_temporary_file(say: Callable[..., bytes], bucket: Bucket) -> None:
    bucket.files.clear()
    size = 8 * 2**20
    assert status_of(say(UPLOAD + b"Content-Length: %d\r\n\r\n" % size, b"b" * size)) == 200
    assert bucket.sizes[-1] == size
    (file,) = bucket.files
    assert file.endswith(" (deleted)")  # the file has no name by which it could be opened
    assert not Path(file.removesuffix(" (deleted)")).exists()
    gc.collect()
    still_open = [os.readlink(link.path) for link in os.scandir("/proc/self/fd") if os.path.lexists(link.path)]
    assert file not in still_open


def test_x_forwarded_headers_are_ignored(say: Callable[..., bytes]) -> None:
    for name in (b"X-Forwarded-For", b"X-Forwarded-Host", b"X-Forwarded-Proto", b"Forwarded", b"X-Forwarded-Prefix"):
        assert status_of(say(HEALTH[:-2] + name + b": evil.example\r\n\r\n")) == 200
    foreign = HEALTH.replace(b"Host: localhost", b"Host: evil.example\r\nX-Forwarded-Host: localhost")
    assert status_of(say(foreign)) == 421

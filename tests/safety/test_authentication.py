"""Signatures: requests signed by botocore are accepted, all others are rejected with AWS's messages."""

from __future__ import annotations

import io
import logging
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safety.auth_app import ALICE, BOB, JSON, verifier
from sagemaker_registry.backends.credentials import Credential
from sagemaker_registry.backends.settings import Authentication as Strictness
from sagemaker_registry.emulator.http.channel import HEAD
from support.signing import NOW, environ_of, signed

NO_DATE = "20261124T120000Z"

PATHS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), max_size=4)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,12}", fullmatch=True)


def encoded(parts: list[str]) -> str:
    from urllib.parse import quote

    return "/" + "/".join(quote(part, safe="-_.~") for part in parts)


@settings(max_examples=200, deadline=None, report_multiple_bugs=False)
@given(
    signer=st.sampled_from(["header", "s3 header", "query", "s3 query"]),
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
    path=PATHS.map(encoded),
    query=st.dictionaries(TEXTS, TEXTS, max_size=4),
    headers=st.dictionaries(NAMES.map(lambda name: f"x-amz-meta-{name}"), TEXTS, max_size=4),
    body=st.binary(max_size=300),
    tampered=st.sampled_from(["nothing", "body", "path", "query", "header", "method", "secret", "date", "region"]),
)
def test_only_requests_signed_by_botocore_are_accepted(
    signer: str,
    method: str,
    path: str,
    query: dict[str, str],
    headers: dict[str, str],
    body: bytes,
    tampered: str,
) -> None:
    from urllib.parse import quote

    asked = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query.items())
    url = f"http://localhost:8080{path}" + (f"?{asked}" if asked else "")
    service = "s3" if signer.startswith("s3") else "execute-api"
    body = b"" if signer.endswith("query") else body  # the signers would take the body for parameters
    prepared = signed(ALICE, method, url, headers, body, service=service, signer=signer, at=NOW)
    environ = environ_of(prepared)
    assert verifier()(environ).passed
    again = environ_of(prepared)
    if tampered == "body" and signer != "s3 query":
        again["wsgi.input"], again["CONTENT_LENGTH"] = io.BytesIO(body + b"!"), str(len(body) + 1)
    elif tampered == "path":
        again["REQUEST_URI"] = again["REQUEST_URI"].replace(path, f"{path}x", 1)
    elif tampered == "query":
        mark = "&" if "?" in again["REQUEST_URI"] else "?"
        again["REQUEST_URI"] += f"{mark}more=1"
    elif tampered == "header":
        again[HEAD] += b"\r\nx-amz-acl: public-read"
    elif tampered == "method":
        again["REQUEST_METHOD"] = "PATCH"
    elif tampered == "secret":
        again = environ_of(
            signed(
                Credential("alice", ALICE.access_key, BOB.secret),
                method,
                url,
                headers,
                body,
                service=service,
                signer=signer,
                at=NOW,
            )
        )
    elif tampered == "date" and signer.endswith("header"):
        again[HEAD] = again[HEAD].replace(NO_DATE.encode(), b"20261124T120001Z")
    elif tampered == "region":
        for name in ("HTTP_AUTHORIZATION", "QUERY_STRING", "REQUEST_URI"):
            again[name] = again.get(name, "").replace("us-east-1", "us-east-2")
        again[HEAD] = again[HEAD].replace(b"us-east-1", b"us-east-2")
    else:
        return
    if not again.get("HTTP_AUTHORIZATION"):
        again.pop("HTTP_AUTHORIZATION", None)
    assert not verifier()(again).passed


@pytest.mark.parametrize(
    ("later", "sentence"),
    [
        (901, "Signature expired: 20261124T120000Z is now earlier than 20261124T120001Z (20261124T121501Z - 15 min.)"),
        (
            -901,
            "Signature not yet current: 20261124T120000Z is still later than 20261124T115959Z "
            "(20261124T114459Z + 15 min.)",
        ),
        (899, ""),
        (-899, ""),
    ],
)
def test_clocks_may_differ_by_15_minutes(later: int, sentence: str) -> None:
    answer = verifier()(environ_of(signed(ALICE, headers=JSON, at=NOW)), later)
    assert answer.passed == (not sentence)
    assert sentence in answer.body
    if sentence:
        assert '"__type":"InvalidSignatureException"' in answer.body


def test_a_presigned_url_is_valid_until_it_expires() -> None:
    prepared = signed(ALICE, "GET", "http://localhost/bucket/key", body=b"", service="s3", signer="s3 query", at=NOW)
    call = verifier()
    assert call(environ_of(prepared), 3599).passed
    assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in call(environ_of(prepared), 3601).body
    assert not call(environ_of(prepared), -901).passed
    longer = environ_of(prepared)
    for name in ("QUERY_STRING", "REQUEST_URI"):
        longer[name] = longer[name].replace("X-Amz-Expires=3600", "X-Amz-Expires=604801")
    assert "604800" in call(longer).body


def changed(headers: dict[str, str], old: str, new: str) -> dict[str, Any]:
    environ = environ_of(signed(ALICE, headers=headers, at=NOW))
    environ[HEAD] = environ[HEAD].replace(old.encode(), new.encode())
    environ["HTTP_AUTHORIZATION"] = environ["HTTP_AUTHORIZATION"].replace(old, new)
    return environ


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("SignedHeaders=content-type;host;", "SignedHeaders=content-type;", "'Host' or ':authority' must be a"),
        (";x-amz-target", "", "'x-amz-target' must be a 'SignedHeader'"),
        ("SignedHeaders=content-type;host", "SignedHeaders=host;content-type", "sorted"),
        ("SignedHeaders=content-type;host", "SignedHeaders=content-type;host;host", "sorted and unique"),
        ("/sagemaker/", "/s3/", "Credential should be scoped to correct service: 'sagemaker'. "),
        ("/20261124/", "/20261123/", "Date in Credential scope does not match YYYYMMDD"),
        ("/aws4_request", "/aws5_request", "Signature Version 4"),
        (", SignedHeaders", ", Signed", "requires 'SignedHeaders' parameter"),
        ("Credential=", "Credential=x/", "Signature Version 4"),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", "Signature Version 4"),
        (
            "AWS4-HMAC-SHA256 Credential",
            "AWS4-HMAC-SHA256 Credential=a/20261124/r/sagemaker/aws4_request, Credential",
            "Signature Version 4",
        ),
        ("X-Amz-Date:", "X-Other-Date:", "requires existence of"),
        ("20261124T120000Z", "20261399T120000Z", "is not a valid date"),
    ],
)
def test_an_invalid_authorization_header_is_rejected_with_the_reason(old: str, new: str, sentence: str) -> None:
    answer = verifier()(changed(JSON, old, new))
    assert answer.status == 400
    assert not answer.passed
    assert sentence in answer.body


def test_a_request_with_two_signatures_is_rejected() -> None:
    environ = environ_of(signed(ALICE, headers=JSON, at=NOW))
    query = environ_of(signed(BOB, "GET", body=b"", signer="query", at=NOW))["QUERY_STRING"]
    assert not verifier()({**environ, "QUERY_STRING": query, "REQUEST_URI": f"/?{query}"}).passed
    twice = {**environ, HEAD: environ[HEAD] + b"\r\nAuthorization: " + environ["HTTP_AUTHORIZATION"].encode()}
    assert not verifier()(twice).passed


def test_a_caller_cannot_choose_another_moto_account() -> None:
    environ = {**environ_of(signed(ALICE, headers=JSON, at=NOW)), "HTTP_X_MOTO_ACCOUNT_ID": "999999999999"}
    assert verifier()(environ).passed
    assert "HTTP_X_MOTO_ACCOUNT_ID" not in environ


def test_a_signature_can_be_used_once_if_replays_are_rejected() -> None:
    call, prepared = verifier(Strictness(refuse_replays=True)), signed(ALICE, headers=JSON, at=NOW)
    assert call(environ_of(prepared)).passed
    assert "has already been used" in call(environ_of(prepared), 800).body
    assert call(environ_of(signed(ALICE, headers={**JSON, "amz-sdk-invocation-id": "2"}, at=NOW))).passed
    assert verifier()(environ_of(prepared)).passed


def test_failed_signatures_are_throttled_and_valid_ones_are_not() -> None:
    """Behind a proxy all clients have one address; failures of one client must not lock out others."""
    call = verifier(Strictness(failures_per_minute=3))
    wrong = signed(Credential("alice", ALICE.access_key, BOB.secret), headers=JSON, at=NOW)
    unknown = signed(Credential("mallory", "AKIAMALLORY", BOB.secret), headers=JSON, at=NOW)
    for request, code in ((wrong, "InvalidSignatureException"), (unknown, "UnrecognizedClientException")):
        for _ in range(3):
            assert code in call(environ_of(request)).body
        assert '"__type":"ThrottlingException"' in call(environ_of(request)).body
        assert code in call({**environ_of(request), "REMOTE_ADDR": "192.0.2.1"}).body
    for right in (ALICE, BOB):
        assert call(environ_of(signed(right, headers=JSON, at=NOW))).passed
    assert '"__type":"ThrottlingException"' in call(environ_of(wrong)).body
    assert "InvalidSignatureException" in call(environ_of(wrong), 61).body


def test_metrics_can_be_public() -> None:
    metrics = {"REQUEST_METHOD": "GET", "PATH_INFO": "/_registry/metrics"}
    assert verifier(Strictness(open_metrics=True))(dict(metrics)).passed
    assert not verifier()(dict(metrics)).passed
    assert not verifier(Strictness(open_metrics=True))({**metrics, "PATH_INFO": "/_registry/metrics/"}).passed


def test_no_secret_and_no_signature_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    environ = environ_of(signed(Credential("alice", ALICE.access_key, BOB.secret), headers=JSON, at=NOW))
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    answer = verifier()(environ)
    output = caplog.text + answer.body
    signature = environ["HTTP_AUTHORIZATION"].rpartition("=")[2]
    assert ALICE.access_key in output
    assert not [secret for secret in (ALICE.secret, BOB.secret, signature) if secret in output]


MAX_MICROSECONDS = 500
"""CPU time of a verification, about 30 microseconds when this was written; more would be noticeable in each call."""


def test_a_verification_is_fast(figures: dict[str, Any]) -> None:
    prepared = signed(
        ALICE, headers={**JSON, "User-Agent": "boto3", "amz-sdk-invocation-id": "1"}, body=b"x" * 2000, at=NOW
    )
    environs, call = [environ_of(prepared) for _ in range(1000)], verifier()
    began = time.process_time()
    assert all(call(environ).passed for environ in environs)
    microseconds = (
        time.process_time() - began
    ) * 1000  # the time of a thousand calls in seconds is that of one in milliseconds
    figures["us of CPU a verified call"] = round(microseconds, 1)
    assert microseconds < MAX_MICROSECONDS

"""Signatures: what botocore's own signers sign is answered, anything else is refused in AWS's words, everywhere."""

from __future__ import annotations

import io
import logging
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from clients import Emulator, start
from sagemaker_registry.backends import credentials
from sagemaker_registry.backends.config import read
from sagemaker_registry.backends.credentials import Credential
from sagemaker_registry.backends.errors import CannotOpen, Misconfigured
from sagemaker_registry.backends.identities import with_profiles
from sagemaker_registry.backends.settings import Authentication as Strictness
from sagemaker_registry.backends.settings import IdentityTable
from sagemaker_registry.emulator.authentication import Authentication
from sagemaker_registry.emulator.s3_headers import HEAD
from signing import NOW, environ_of, signed

ALICE = credentials.generate("alice")
BOB = credentials.generate("bob")
JSON = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.ListModelPackageGroups"}
AT = NOW.timestamp()
NO_DATE = "20261124T120000Z"


@dataclass
class Answer:
    status: int
    body: str
    passed: bool


def verifier(strictness: Strictness | None = None, at: float = AT) -> Callable[..., Answer]:
    """Return a function that asks an application in which every request must be signed, at a moment."""
    now = [at]

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"answered"]

    guarded = Authentication(app, {ALICE.access_key: ALICE, BOB.access_key: BOB}, strictness, clock=lambda: now[0])

    def ask(environ: dict[str, Any], later: float = 0.0) -> Answer:
        now[0] = at + later
        statuses: list[str] = []
        body = b"".join(guarded(environ, lambda status, headers: statuses.append(status)))  # type: ignore[arg-type, return-value]
        return Answer(int(statuses[0][:3]), body.decode(), body == b"answered")

    return ask


# What is signed, by botocore's own signers

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
def test_what_botocore_signs_is_answered_and_nothing_else(
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
    body = b"" if signer.endswith("query") else body  # which those signers would take for parameters
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
def test_a_clock_may_be_wrong_by_a_quarter_of_an_hour(later: int, sentence: str) -> None:
    answer = verifier()(environ_of(signed(ALICE, headers=JSON, at=NOW)), later)
    assert answer.passed == (not sentence)
    assert sentence in answer.body
    if sentence:
        assert '"__type":"InvalidSignatureException"' in answer.body


def test_a_presigned_url_is_good_until_it_expires() -> None:
    prepared = signed(ALICE, "GET", "http://localhost/bucket/key", body=b"", service="s3", signer="s3 query", at=NOW)
    ask = verifier()
    assert ask(environ_of(prepared), 3599).passed
    assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in ask(environ_of(prepared), 3601).body
    assert not ask(environ_of(prepared), -901).passed
    longer = environ_of(prepared)
    for name in ("QUERY_STRING", "REQUEST_URI"):
        longer[name] = longer[name].replace("X-Amz-Expires=3600", "X-Amz-Expires=604801")
    assert "604800" in ask(longer).body


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
        ("SignedHeaders=content-type;host", "SignedHeaders=content-type;host;host", "each of them once"),
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
        ("20261124T120000Z", "20261399T120000Z", "none that a calendar has"),
    ],
)
def test_a_header_that_is_not_as_it_should_be_is_told_what_is_wrong(old: str, new: str, sentence: str) -> None:
    answer = verifier()(changed(JSON, old, new))
    assert answer.status == 400
    assert not answer.passed
    assert sentence in answer.body


def test_two_ways_to_sign_at_once_are_refused() -> None:
    environ = environ_of(signed(ALICE, headers=JSON, at=NOW))
    query = environ_of(signed(BOB, "GET", body=b"", signer="query", at=NOW))["QUERY_STRING"]
    assert not verifier()({**environ, "QUERY_STRING": query, "REQUEST_URI": f"/?{query}"}).passed
    twice = {**environ, HEAD: environ[HEAD] + b"\r\nAuthorization: " + environ["HTTP_AUTHORIZATION"].encode()}
    assert not verifier()(twice).passed


def test_a_caller_cannot_tell_moto_to_be_in_another_account() -> None:
    environ = {**environ_of(signed(ALICE, headers=JSON, at=NOW)), "HTTP_X_MOTO_ACCOUNT_ID": "999999999999"}
    assert verifier()(environ).passed
    assert "HTTP_X_MOTO_ACCOUNT_ID" not in environ


def test_a_signature_is_good_once_where_replays_are_refused() -> None:
    ask, prepared = verifier(Strictness(refuse_replays=True)), signed(ALICE, headers=JSON, at=NOW)
    assert ask(environ_of(prepared)).passed
    assert "was used already" in ask(environ_of(prepared), 800).body
    assert ask(environ_of(signed(ALICE, headers={**JSON, "amz-sdk-invocation-id": "2"}, at=NOW))).passed
    assert verifier()(environ_of(prepared)).passed


def test_who_fails_too_often_waits_and_others_do_not() -> None:
    ask = verifier(Strictness(failures_per_minute=3))
    wrong = signed(Credential("alice", ALICE.access_key, BOB.secret), headers=JSON, at=NOW)
    good = signed(ALICE, headers=JSON, at=NOW)
    for _ in range(3):
        assert "InvalidSignatureException" in ask(environ_of(wrong)).body
    assert '"__type":"ThrottlingException"' in ask(environ_of(good)).body
    assert ask({**environ_of(good), "REMOTE_ADDR": "192.0.2.1"}).passed
    assert ask(environ_of(signed(BOB, headers=JSON, at=NOW))).passed
    assert ask(environ_of(good), 61).passed


# S3's uploads in signed chunks: the example that AWS documents, with its published signatures

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


def test_the_upload_in_chunks_that_aws_documents_is_answered() -> None:
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
def test_a_chunk_that_is_not_the_signed_one_is_refused(body: bytes) -> None:
    answer = upload(body)
    assert not answer.passed
    assert "<Code>XAmzContentSHA256Mismatch</Code>" in answer.body


# Real clients on a real server


@dataclass(frozen=True)
class Locked:
    """A server whose requests must be signed, and the keys of two."""

    served: Emulator
    alice: Credential
    bob: Credential

    @property
    def url(self) -> str:
        return self.served.url

    def client(self, service: str, who: Credential, **keys: Any) -> Any:
        given = {"aws_access_key_id": who.access_key, "aws_secret_access_key": who.secret, **keys}
        config = Config(signature_version="s3v4" if service == "s3" else None, retries={"max_attempts": 0})
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1", config=config, **given)  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Locked]:
    folder = tmp_path_factory.mktemp("locked")
    alice, bob = (credentials.add(folder / "keys.ini", name) for name in ("alice", "bob"))
    config = folder / "registry.toml"
    config.write_text("[authentication]\nissued_keys = true\nfailures_per_minute = 1000\n", encoding="utf-8")
    options = ("--backend", "sqlite://", "--credentials", str(folder / "keys.ini"), "--config", str(config))
    served = start(*options, "--console-user", "alice", cwd=folder)
    yield Locked(served, alice, bob)
    assert served.stop() == 0


def refusal(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error: Any = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_the_caller_is_who_signed(locked: Locked) -> None:
    sagemaker = locked.client("sagemaker", locked.alice)
    sagemaker.create_model_package_group(ModelPackageGroupName="signed")
    created = sagemaker.describe_model_package_group(ModelPackageGroupName="signed")["CreatedBy"]
    assert created["IamIdentity"] == {"Arn": "arn:aws:iam::123456789012:user/alice", "PrincipalId": "alice"}
    assert locked.client("sts", locked.bob).get_caller_identity()["Arn"].endswith(":user/bob")
    assert locked.client("iam", locked.bob).list_users()["Users"] == []


@pytest.mark.parametrize(
    ("service", "operation", "unknown", "wrong"),
    [
        ("sagemaker", "list_model_package_groups", "UnrecognizedClientException", "InvalidSignatureException"),
        ("sagemaker", "list_models", "UnrecognizedClientException", "InvalidSignatureException"),
        ("ecr", "describe_repositories", "UnrecognizedClientException", "InvalidSignatureException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("iam", "list_users", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        ("s3", "list_buckets", "InvalidAccessKeyId", "SignatureDoesNotMatch"),
    ],
)
def test_a_wrong_key_or_secret_is_refused_in_the_words_of_the_service(
    locked: Locked, service: str, operation: str, unknown: str, wrong: str
) -> None:
    def call(**keys: str) -> Any:
        return getattr(locked.client(service, locked.alice, **keys), operation)

    code, sentence = refusal(call(aws_access_key_id="AKIAAAAAAAAAAAAAAAAA"))
    assert code == unknown
    assert sentence in (
        "The security token included in the request is invalid.",
        "The AWS Access Key Id you provided does not exist in our records.",
    )
    code, sentence = refusal(call(aws_secret_access_key=locked.bob.secret))
    assert code == wrong
    assert sentence.startswith("The request signature we calculated does not match the signature you provided.")
    assert refusal(call(aws_session_token="a token nobody gave"))[0] in (unknown, "InvalidToken")
    call()()


@pytest.mark.parametrize("hours", [-2, 2])
def test_an_old_or_future_request_is_refused_by_the_server(locked: Locked, hours: int) -> None:
    from datetime import UTC, datetime

    prepared = signed(locked.alice, "POST", f"{locked.url}/", JSON, at=datetime.now(UTC) + timedelta(hours=hours))
    answer = requests.post(f"{locked.url}/", data=prepared.body, headers=dict(prepared.headers), timeout=60)
    assert answer.status_code == 400
    assert answer.json()["__type"] == "InvalidSignatureException"
    assert answer.json()["message"].startswith("Signature expired: " if hours < 0 else "Signature not yet current: ")


@pytest.mark.parametrize("change", [{"data": b"{ }"}, {"X-Amz-Target": "SageMaker.DeleteModelPackageGroup"}])
def test_a_request_that_was_changed_on_its_way_is_refused(locked: Locked, change: dict[str, Any]) -> None:
    prepared = signed(locked.alice, "POST", f"{locked.url}/", JSON)
    body = change.pop("data", prepared.body)
    answer = requests.post(f"{locked.url}/", data=body, headers={**prepared.headers, **change}, timeout=60)
    assert answer.json()["__type"] == "InvalidSignatureException"


def test_s3_is_answered_with_any_key_and_presigned(locked: Locked) -> None:
    s3 = locked.client("s3", locked.alice)
    s3.create_bucket(Bucket="signed-models")
    for key in ("a model+1", "100%", "p%2Fq", "what?", "#1", "ü/解約", "a//b", "a=b&c;d"):
        s3.put_object(
            Bucket="signed-models", Key=key, Body=b"x", Metadata={"git_commit": "1", "git-commit": "2", "s": "a  b"}
        )
        where = {"Bucket": "signed-models", "Key": key}
        assert requests.get(s3.generate_presigned_url("get_object", where), timeout=60).content == b"x"
        assert requests.put(s3.generate_presigned_url("put_object", where), data=b"put", timeout=60).status_code == 200
        assert s3.get_object(**where)["Body"].read() == b"put"
    s3.upload_fileobj(io.BytesIO(b"z" * 9_000_000), "signed-models", "in-parts")
    assert s3.head_object(Bucket="signed-models", Key="in-parts")["ContentLength"] == 9_000_000


def test_a_presigned_url_for_one_object_is_for_no_other(locked: Locked) -> None:
    s3 = locked.client("s3", locked.alice)
    s3.create_bucket(Bucket="presigned-models")
    url = s3.generate_presigned_url("get_object", {"Bucket": "presigned-models", "Key": "a"})
    assert requests.get(url.replace("/a?", "/b?"), timeout=60).status_code == 403
    assert "were not signed" in requests.get(url, headers={"x-amz-acl": "public-read"}, timeout=60).text
    old = boto3.client(
        "s3",
        endpoint_url=locked.url,
        region_name="us-east-1",
        aws_access_key_id=locked.alice.access_key,
        aws_secret_access_key=locked.alice.secret,
    ).generate_presigned_url("get_object", {"Bucket": "presigned-models", "Key": "a"})
    assert "Please use AWS4-HMAC-SHA256." in requests.get(old, timeout=60).text


def test_the_session_of_a_role_signs_with_its_token(locked: Locked) -> None:
    issued = locked.client("sts", locked.alice).assume_role(
        RoleArn="arn:aws:iam::222222222222:role/deploy", RoleSessionName="ci"
    )["Credentials"]
    keys = {
        "aws_access_key_id": issued["AccessKeyId"],
        "aws_secret_access_key": issued["SecretAccessKey"],
        "aws_session_token": issued["SessionToken"],
    }
    arn = locked.client("sts", locked.alice, **keys).get_caller_identity()["Arn"]
    assert arn == "arn:aws:sts::222222222222:assumed-role/deploy/ci"
    locked.client("sagemaker", locked.alice, **keys).list_model_package_groups()
    for token in (None, "another"):
        listed = locked.client("sagemaker", locked.alice, **{**keys, "aws_session_token": token})
        assert refusal(listed.list_model_package_groups)[0] == "UnrecognizedClientException"


def test_a_user_of_iam_signs_until_the_key_is_inactive(locked: Locked) -> None:
    iam = locked.client("iam", locked.alice)
    iam.create_user(UserName="carol")
    key = iam.create_access_key(UserName="carol")["AccessKey"]
    carol = locked.client("sts", Credential("carol", key["AccessKeyId"], key["SecretAccessKey"]))
    assert carol.get_caller_identity()["Arn"].endswith(":user/carol")
    iam.update_access_key(UserName="carol", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert refusal(carol.get_caller_identity)[0] == "InvalidClientTokenId"


def test_who_has_a_key_cannot_become_somebody_else(tmp_path: Path) -> None:
    """moto lets anybody assume any role and make any user: what it issues counts only where somebody says so."""
    alice = credentials.add(tmp_path / "keys.ini", "alice")
    served = start("--backend", "sqlite://", "--credentials", "keys.ini", cwd=tmp_path)
    locked = Locked(served, alice, alice)
    issued = locked.client("sts", alice).assume_role(
        RoleArn="arn:aws:iam::123456789012:role/approvers", RoleSessionName="not-one"
    )["Credentials"]
    session = boto3.client(
        "sagemaker",
        endpoint_url=served.url,
        region_name="us-east-1",
        aws_access_key_id=issued["AccessKeyId"],
        aws_secret_access_key=issued["SecretAccessKey"],
        aws_session_token=issued["SessionToken"],
    )
    assert refusal(session.list_model_package_groups)[0] == "UnrecognizedClientException"
    served.stop()


def test_our_own_client_signs_what_is_beyond_aws_too(locked: Locked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_REGISTRY_URL", locked.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", locked.alice.access_key)
    for secret, code, commands in (
        (locked.alice.secret, 0, ("history", "events")),
        (locked.bob.secret, 2, ("history",)),
    ):
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        for command in commands:
            ended = subprocess.run(
                [sys.executable, "-m", "sagemaker_registry.client.cli", command],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert ended.returncode == code, ended.stderr
            assert "Traceback" not in ended.stderr


def test_of_motos_own_paths_only_reset_is_answered(locked: Locked) -> None:
    for method, path in (("GET", "data.json"), ("POST", "seed"), ("GET", "reset")):
        url = f"{locked.url}/moto-api/{path}"
        prepared = signed(locked.alice, method, url, body=b"")
        answer = requests.request(method, url, headers=dict(prepared.headers), timeout=60)
        assert answer.status_code == 400
        assert answer.json()["__type"] == "AccessDeniedException"


def test_metrics_are_open_where_the_settings_say_so() -> None:
    metrics = {"REQUEST_METHOD": "GET", "PATH_INFO": "/_registry/metrics"}
    assert verifier(Strictness(open_metrics=True))(dict(metrics)).passed
    assert not verifier()(dict(metrics)).passed
    assert not verifier(Strictness(open_metrics=True))({**metrics, "PATH_INFO": "/_registry/metrics/"}).passed


# The credentials file


def test_keys_are_made_for_their_owner_alone_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "keys.ini"
    made = [credentials.add(file, name) for name in ("alice", "bob", "default")]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert credentials.load(file) == {one.access_key: one for one in made}
    assert all(len(one.access_key) == 20 and len(one.secret) == 40 for one in made)
    assert made[0].secret not in repr(made[0])
    assert os.listdir(tmp_path) == ["keys.ini"]
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    found = boto3.Session(profile_name="bob").get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key) == (made[1].access_key, made[1].secret)
    with pytest.raises(CannotOpen, match="has keys for \\[alice\\] already"):
        credentials.add(file, "alice")


SECRET = "a-secret-of-forty-characters-0123456789"
ENTRY = f"aws_access_key_id = AKIAONE\naws_secret_access_key = {SECRET}\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no access keys"),
        (ENTRY, "is not as in a credentials file"),
        (f"[a]\n{SECRET}\n", "line 2 is not as in a credentials file"),
        (f"[a]\n{ENTRY}[a]\n{ENTRY}", "line 4 is not as"),
        (f"[a]\n{ENTRY}[b]\n{ENTRY}", r"\[a\] and \[b\] have the same aws_access_key_id"),
        ("[a]\naws_access_key_id = AKIAONE\n", r"\[a\] has no aws_secret_access_key"),
        ("[a]\naws_access_key_id = AKIAONE\naws_secret_access_key = short\n", "can be guessed"),
        (f"[a b]\n{ENTRY}", "names nobody"),
        (f"[a]\n{ENTRY}aws_account_id = 12\n", "twelve digits"),
        (f"[a]\naws_access_key_id = A/B\naws_secret_access_key = {SECRET}\n", "is none"),
    ],
)
def test_a_credentials_file_that_makes_no_sense_is_one_sentence_without_a_secret(
    tmp_path: Path, text: str, sentence: str
) -> None:
    file = tmp_path / "keys.ini"
    file.touch(0o600)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CannotOpen, match=sentence) as caught:
        credentials.load(file)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "keys.ini"
    credentials.add(file, "alice")
    file.chmod(mode)
    with pytest.raises(CannotOpen, match="can be read by others than its owner: chmod 600"):
        credentials.load(file)
    with pytest.raises(CannotOpen, match="chmod 600"):
        credentials.add(file, "bob")


def test_profiles_name_people_whom_the_settings_do_not() -> None:
    keys = {one.access_key: one for one in (ALICE, BOB)}
    known = IdentityTable(access_key=ALICE.access_key, groups=("reviewers",))
    assert with_profiles({"ann": known}, keys) == {"ann": known, "bob": IdentityTable(access_key=BOB.access_key)}
    with pytest.raises(Misconfigured, match="bob is in the credentials file with an access key"):
        with_profiles({"bob": IdentityTable(access_key="AKIAOTHER")}, keys)
    assert read({"authentication": {"credentials": "keys.ini"}}).authentication.credentials == "keys.ini"


def test_no_secret_and_no_signature_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    environ = environ_of(signed(Credential("alice", ALICE.access_key, BOB.secret), headers=JSON, at=NOW))
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    answer = verifier()(environ)
    said = caplog.text + answer.body
    signature = environ["HTTP_AUTHORIZATION"].rpartition("=")[2]
    assert ALICE.access_key in said
    assert not [secret for secret in (ALICE.secret, BOB.secret, signature) if secret in said]


def test_how_long_a_verification_takes(figures: dict[str, Any]) -> None:
    prepared = signed(
        ALICE, headers={**JSON, "User-Agent": "boto3", "amz-sdk-invocation-id": "1"}, body=b"x" * 2000, at=NOW
    )
    environs, ask = [environ_of(prepared) for _ in range(1000)], verifier()
    began = time.process_time()
    assert all(ask(environ).passed for environ in environs)
    figures["us of CPU a verified call"] = round((time.process_time() - began) * 1000, 1)

"""Real clients of a server that requires signed requests, for every service."""

from __future__ import annotations

import io
import subprocess
import sys
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

from safety.auth_app import JSON
from sagemaker_registry.backends import credentials
from sagemaker_registry.backends.credentials import Credential
from support.server import Emulator, start
from support.signing import signed


@dataclass(frozen=True)
class LockedServer:
    """A server that requires signed requests, and the keys of two users."""

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
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockedServer]:
    folder = tmp_path_factory.mktemp("locked")
    alice, bob = (credentials.add(folder / "keys.ini", name) for name in ("alice", "bob"))
    config = folder / "registry.toml"
    config.write_text("[authentication]\nissued_keys = true\nfailures_per_minute = 1000\n", encoding="utf-8")
    options = ("--backend", "sqlite://", "--credentials", str(folder / "keys.ini"), "--config", str(config))
    served = start(*options, "--console-user", "alice", cwd=folder)
    yield LockedServer(served, alice, bob)
    assert served.stop() == 0


def error_of(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error: Any = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_the_caller_is_the_signer(locked: LockedServer) -> None:
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
def test_a_wrong_key_or_secret_is_rejected_with_the_error_of_the_service(
    locked: LockedServer, service: str, operation: str, unknown: str, wrong: str
) -> None:
    def call(**keys: str) -> Any:
        return getattr(locked.client(service, locked.alice, **keys), operation)

    code, sentence = error_of(call(aws_access_key_id="AKIAAAAAAAAAAAAAAAAA"))
    assert code == unknown
    assert sentence in (
        "The security token included in the request is invalid.",
        "The AWS Access Key Id you provided does not exist in our records.",
    )
    code, sentence = error_of(call(aws_secret_access_key=locked.bob.secret))
    assert code == wrong
    assert sentence.startswith("The request signature we calculated does not match the signature you provided.")
    assert error_of(call(aws_session_token="an unknown token"))[0] in (unknown, "InvalidToken")
    call()()


@pytest.mark.parametrize("hours", [-2, 2])
def test_an_old_or_future_request_is_rejected(locked: LockedServer, hours: int) -> None:
    from datetime import UTC, datetime

    prepared = signed(locked.alice, "POST", f"{locked.url}/", JSON, at=datetime.now(UTC) + timedelta(hours=hours))
    answer = requests.post(f"{locked.url}/", data=prepared.body, headers=dict(prepared.headers), timeout=60)
    assert answer.status_code == 400
    assert answer.json()["__type"] == "InvalidSignatureException"
    assert answer.json()["message"].startswith("Signature expired: " if hours < 0 else "Signature not yet current: ")


@pytest.mark.parametrize("change", [{"data": b"{ }"}, {"X-Amz-Target": "SageMaker.DeleteModelPackageGroup"}])
def test_a_request_changed_in_transit_is_rejected(locked: LockedServer, change: dict[str, Any]) -> None:
    prepared = signed(locked.alice, "POST", f"{locked.url}/", JSON)
    body = change.pop("data", prepared.body)
    answer = requests.post(f"{locked.url}/", data=body, headers={**prepared.headers, **change}, timeout=60)
    assert answer.json()["__type"] == "InvalidSignatureException"


def test_s3_accepts_signed_requests_for_any_object_key_and_presigned_urls(locked: LockedServer) -> None:
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


def test_a_presigned_url_is_valid_for_one_object(locked: LockedServer) -> None:
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


def test_a_role_session_signs_with_its_token(locked: LockedServer) -> None:
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
        assert error_of(listed.list_model_package_groups)[0] == "UnrecognizedClientException"


def test_an_iam_user_can_sign_until_the_key_is_inactive(locked: LockedServer) -> None:
    iam = locked.client("iam", locked.alice)
    iam.create_user(UserName="carol")
    key = iam.create_access_key(UserName="carol")["AccessKey"]
    carol = locked.client("sts", Credential("carol", key["AccessKeyId"], key["SecretAccessKey"]))
    assert carol.get_caller_identity()["Arn"].endswith(":user/carol")
    iam.update_access_key(UserName="carol", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert error_of(carol.get_caller_identity)[0] == "InvalidClientTokenId"


def test_a_caller_cannot_become_another_user(tmp_path: Path) -> None:
    """moto lets any caller assume any role and create any user; issued keys are valid only if a setting allows it."""
    alice = credentials.add(tmp_path / "keys.ini", "alice")
    served = start("--backend", "sqlite://", "--credentials", "keys.ini", cwd=tmp_path)
    locked = LockedServer(served, alice, alice)
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
    assert error_of(session.list_model_package_groups)[0] == "UnrecognizedClientException"
    served.stop()


def test_our_client_signs_extension_requests(locked: LockedServer, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_only_the_reset_path_of_moto_is_available(locked: LockedServer) -> None:
    for method, path in (("GET", "data.json"), ("POST", "seed"), ("GET", "reset")):
        url = f"{locked.url}/moto-api/{path}"
        prepared = signed(locked.alice, method, url, body=b"")
        answer = requests.request(method, url, headers=dict(prepared.headers), timeout=60)
        assert answer.status_code == 400
        assert answer.json()["__type"] == "UnknownOperationException"


def test_no_issued_key_can_take_the_name_of_an_identity(tmp_path: Path) -> None:
    """STS and IAM let a caller choose the name of a session and of a user."""
    alice, mallory = (credentials.add(tmp_path / "keys.ini", name) for name in ("alice", "mallory"))
    (tmp_path / "registry.toml").write_text(
        "[authentication]\nissued_keys = true\n"
        '[rules.alice]\nis = "only"\nwho = ["alice", "arn:aws:iam::*:user/alice"]\n'
        '[[approval]]\ngroups = ["*"]\nrules = ["alice", "creator-may-not-approve"]\n',
        encoding="utf-8",
    )
    options = ("--backend", "sqlite://", "--credentials", "keys.ini", "--config", "registry.toml")
    served = start(*options, cwd=tmp_path)
    site = LockedServer(served, alice, mallory)
    try:
        sagemaker = site.client("sagemaker", mallory)
        sagemaker.create_model_package_group(ModelPackageGroupName="churn")
        arn = sagemaker.create_model_package(ModelPackageGroupName="churn")["ModelPackageArn"]
        session = site.client("sts", mallory).assume_role(
            RoleArn="arn:aws:iam::123456789012:role/any", RoleSessionName="alice"
        )["Credentials"]
        iam = site.client("iam", mallory)
        iam.create_user(UserName="alice")
        user = iam.create_access_key(UserName="alice")["AccessKey"]
        for issued in (session, user):
            keys = {
                "aws_access_key_id": issued["AccessKeyId"],
                "aws_secret_access_key": issued["SecretAccessKey"],
                "aws_session_token": issued.get("SessionToken"),
            }
            code, message = error_of(
                site.client("sagemaker", mallory, **keys).update_model_package,
                ModelPackageArn=arn,
                ModelApprovalStatus="Approved",
            )
            assert code == "AccessDeniedException"
            assert "issued/alice" in message
        site.client("sagemaker", alice).update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    finally:
        served.stop()

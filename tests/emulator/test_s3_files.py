"""S3 objects of a registry in a file survive a restart; those of an in-memory registry do not."""

from __future__ import annotations

import io
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from sagemaker_registry.backends.files import PART
from support.server import Emulator

Serve = Callable[..., Emulator]
FILE = ("--backend", "sqlite:///kept.db")


def keys(s3: Any, bucket: str) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


@pytest.fixture
def restart(serve: Serve) -> Callable[[], Any]:
    """Return a function that kills the server, starts another on the same file, and returns its S3 client."""
    running: list[Emulator] = []

    def restart() -> Any:
        if running:
            running.pop().kill()
        running.append(serve(*FILE))
        return running[0].client("s3")

    return restart


def test_an_object_and_its_metadata_survive_a_restart(restart: Callable[[], Any]) -> None:
    s3 = restart()
    s3.create_bucket(Bucket="models")
    key = "churn/a model+1%2F?#ü.tar.gz"
    s3.put_object(
        Bucket="models",
        Key=key,
        Body=b"weights\n\0",
        ContentType="application/x-tar",
        Metadata={"accuracy": "0.93", "git_commit": "4f5c2a9"},
    )
    s3.upload_fileobj(io.BytesIO(b"p" * 20_000_000), "models", "in-parts")
    s3 = restart()
    answer = s3.get_object(Bucket="models", Key=key)
    assert answer["Body"].read() == b"weights\n\0"
    assert answer["ContentType"] == "application/x-tar"
    assert answer["Metadata"] == {"accuracy": "0.93", "git_commit": "4f5c2a9"}
    assert s3.head_object(Bucket="models", Key="in-parts")["ContentLength"] == 20_000_000


def test_deleted_objects_and_buckets_stay_deleted(restart: Callable[[], Any]) -> None:
    s3 = restart()
    for bucket in ("models", "scratch"):
        s3.create_bucket(Bucket=bucket)
    for key in ("keep", "drop", "drop-too", "old"):
        s3.put_object(Bucket="models", Key=key, Body=key.encode())
    s3.delete_object(Bucket="models", Key="drop")
    s3.delete_objects(Bucket="models", Delete={"Objects": [{"Key": "drop-too"}]})
    s3.copy_object(Bucket="models", Key="new", CopySource={"Bucket": "models", "Key": "old"})
    s3.put_object(Bucket="models", Key="old", Body=b"newer")
    s3.delete_bucket(Bucket="scratch")
    s3 = restart()
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["models"]
    assert keys(s3, "models") == ["keep", "new", "old"]
    assert s3.get_object(Bucket="models", Key="old")["Body"].read() == b"newer"
    assert s3.get_object(Bucket="models", Key="new")["Body"].read() == b"old"


def test_the_artifact_check_uses_objects_stored_before_a_restart(serve: Serve) -> None:
    first = serve(*FILE)
    first.client("s3").create_bucket(Bucket="models")
    first.client("s3").put_object(Bucket="models", Key="churn.tar.gz", Body=b"weights")
    first.stop()
    sagemaker = serve(*FILE).client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")

    def register(key: str) -> str:
        container = {"Image": "i", "ModelDataUrl": f"s3://models/{key}"}
        created = sagemaker.create_model_package(
            ModelPackageGroupName="churn", InferenceSpecification={"Containers": [container]}
        )
        return str(created["ModelPackageArn"])

    with pytest.raises(ClientError, match=r"Cannot find S3 object: fraud.tar.gz in bucket models"):
        register("fraud.tar.gz")
    assert register("churn.tar.gz").endswith("/1")


def test_buckets_keep_their_account_and_region(serve: Serve) -> None:
    first = serve(*FILE)
    location = {"LocationConstraint": "eu-west-1"}
    first.client("s3", "222222222222", "eu-west-1").create_bucket(Bucket="two", CreateBucketConfiguration=location)
    first.client("s3", "333333333333").create_bucket(Bucket="three")
    first.stop()
    second = serve(*FILE)
    assert [bucket["Name"] for bucket in second.client("s3", "333333333333").list_buckets()["Buckets"]] == ["three"]
    answered = second.client("s3", "222222222222", "eu-west-1").get_bucket_location(Bucket="two")
    assert answered["LocationConstraint"] == "eu-west-1"


@pytest.mark.parametrize("host", ["{}.localhost", "{}.s3.localhost", "{}.s3.eu-west-1.localhost"])
def test_buckets_in_the_host_name_survive_a_restart(serve: Serve, host: str) -> None:
    scope = "111122223333/20260101/us-east-1/s3/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}

    def send(method: str, bucket: str, path: str, content: bytes = b"", **more: str) -> requests.Response:
        port = server.url.rpartition(":")[2]
        named = {"Host": f"{host.format(bucket)}:{port}", **headers, **more}
        return requests.request(method, f"{server.url}{path}", data=content, headers=named, timeout=30)

    server = serve(*FILE)
    for bucket in ("virtual", "gone"):
        assert send("PUT", bucket, "/").status_code == 200
        assert send("PUT", bucket, "/kept", b"weights").status_code == 200
    copied = send("PUT", "virtual", "/copied", **{"x-amz-copy-source": "/virtual/kept"})
    assert copied.status_code == 200
    assert send("PUT", "virtual", "/deleted", b"x").status_code == 200
    assert send("DELETE", "virtual", "/deleted").status_code == 204
    assert send("DELETE", "gone", "/kept").status_code == 204
    assert send("DELETE", "gone", "/").status_code == 204
    server.kill()
    server = serve(*FILE)
    s3 = server.client("s3", account="111122223333")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["virtual"]
    assert keys(s3, "virtual") == ["copied", "kept"]
    assert s3.get_object(Bucket="virtual", Key="copied")["Body"].read() == b"weights"
    assert server.client("s3").list_buckets()["Buckets"] == []


def test_a_bucket_that_another_account_creates_again_is_its_own_after_a_restart(serve: Serve) -> None:
    server = serve(*FILE)
    first, second = server.client("s3"), server.client("s3", account="111122223333")
    first.create_bucket(Bucket="models")
    first.delete_bucket(Bucket="models")
    second.create_bucket(Bucket="models")
    server.kill()
    server = serve(*FILE)
    assert server.client("s3").list_buckets()["Buckets"] == []
    assert len(server.client("s3", account="111122223333").list_buckets()["Buckets"]) == 1


def test_the_reset_of_moto_deletes_stored_objects(restart: Callable[[], Any], serve: Serve) -> None:
    controlled = serve(*FILE, "--test-controls")
    s3 = controlled.client("s3")
    s3.create_bucket(Bucket="models")
    requests.post(f"{controlled.url}/moto-api/reset", timeout=30).raise_for_status()
    assert s3.list_buckets()["Buckets"] == []
    controlled.stop()
    assert restart().list_buckets()["Buckets"] == []


def test_object_files_are_private_and_their_names_do_not_depend_on_keys(serve: Serve, tmp_path: Path) -> None:
    s3 = serve(*FILE).client("s3")
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key="../../../escape", Body=b"x")
    files = [path for path in (tmp_path / "kept.db.s3").rglob("*") if path.is_file()]
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert not list(tmp_path.parent.glob("escape"))


def test_an_upload_that_cannot_be_stored_fails(serve: Serve, tmp_path: Path) -> None:
    s3 = serve(*FILE).client("s3")
    (tmp_path / "kept.db.s3").write_text("a file where the folder should be")
    with pytest.raises(ClientError, match="The S3 object could not be saved to disk"):
        s3.create_bucket(Bucket="models")


def test_an_object_in_a_bucket_of_another_account_survives_a_restart(serve: Serve) -> None:
    first = serve(*FILE)
    first.client("s3").create_bucket(Bucket="shared")
    first.client("s3", "222222222222").put_object(Bucket="shared", Key="theirs", Body=b"x")
    first.stop()
    s3 = serve(*FILE).client("s3")
    assert keys(s3, "shared") == ["theirs"]


def test_a_damaged_file_loses_only_its_object(serve: Serve, tmp_path: Path) -> None:
    first = serve(*FILE)
    s3 = first.client("s3")
    s3.create_bucket(Bucket="models")
    for key in ("one", "two"):
        s3.put_object(Bucket="models", Key=key, Body=b"x")
    first.stop()
    next((tmp_path / "kept.db.s3").glob("*/*.object")).write_bytes(b"damaged")
    assert len(keys(serve(*FILE).client("s3"), "models")) == 1


def test_the_rest_of_an_interrupted_upload_is_deleted_at_the_next_start(serve: Serve, tmp_path: Path) -> None:
    first = serve(*FILE)
    s3 = first.client("s3")
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key="one", Body=b"x")
    first.kill()
    (file,) = (tmp_path / "kept.db.s3").glob("*/*.object")
    left = file.with_name(f".{file.name}.abc{PART}")
    left.write_bytes(b"half")
    assert keys(serve(*FILE).client("s3"), "models") == ["one"]
    assert not left.exists()


def test_an_in_memory_registry_stores_no_files(serve: Serve, tmp_path: Path) -> None:
    serve("--backend", "sqlite://").client("s3").create_bucket(Bucket="models")
    assert list(tmp_path.rglob("*.s3")) == []

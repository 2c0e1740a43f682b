"""Lookups of artifacts and images, in moto's S3 and ECR or at a configured S3 endpoint."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from ...backends.base import MAX_CONTENT, Caller
from ...backends.errors import ServiceUnavailable, ValidationException
from ...backends.service import wire
from .other_services import MotoApp

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ECR_IMAGE = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com[a-z.]*/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?"
)
Found = TypeVar("Found")
_ECR_TARGET = "AmazonEC2ContainerRegistry_V20150921.DescribeImages"


class MotoProbe:
    """Look in moto's S3 and ECR on the same endpoint, without loading moto while it cannot hold objects."""

    def __init__(self, other_services: MotoApp) -> None:
        self._other_services = other_services

    def artifact_exists(self, caller: Caller, bucket: str, key: str, *, is_prefix: bool) -> bool | None:
        """Whether the bucket contains the key; None if the bucket does not exist."""
        if not self._has_bucket(caller, bucket):
            return None
        if is_prefix:
            listed = self._other_services.ask(
                caller, "s3", "GET", f"/{bucket}", query_string={"prefix": key, "max-keys": "1"}
            )
            return b"<Key>" in listed.data
        return self._other_services.ask(caller, "s3", "HEAD", f"/{bucket}/{key}").status_code == 200

    def image_exists(self, caller: Caller, image: str) -> bool | None:
        """Whether ECR contains the image; None for other registries and for missing repositories."""
        match = _ECR_IMAGE.fullmatch(image)
        if match is None or not self._other_services.may_hold_objects:
            return None
        identity = {"imageDigest": match["digest"]} if match["digest"] else {"imageTag": match["tag"] or "latest"}
        body = {"repositoryName": match["repository"], "imageIds": [identity]}
        owner = Caller(account=match["account"], region=match["region"])
        headers = {"X-Amz-Target": _ECR_TARGET, "Content-Type": wire.CONTENT_TYPE}
        answer = self._other_services.ask(owner, "ecr", "POST", "/", data=orjson.dumps(body), headers=headers)
        if answer.status_code == 200:
            return True
        return None if b"RepositoryNotFoundException" in answer.data else False

    def containers(self, caller: Caller, model: str) -> list[dict[str, Any]] | None:
        if not self._other_services.may_hold_objects:
            return None
        headers = {"X-Amz-Target": "SageMaker.DescribeModel", "Content-Type": wire.CONTENT_TYPE}
        body = orjson.dumps({"ModelName": model})
        answer = self._other_services.ask(caller, "sagemaker", "POST", "/", data=body, headers=headers)
        if answer.status_code != 200:
            return None
        described = orjson.loads(answer.data)
        return described.get("Containers") or [described["PrimaryContainer"]]

    def content(self, caller: Caller, bucket: str, key: str) -> bytes | None:
        """Return the content of an object; None if it does not exist.

        Raises:
            ValidationException: The object is larger than MAX_CONTENT.
        """
        if not self._has_bucket(caller, bucket):
            return None
        head = self._other_services.ask(caller, "s3", "HEAD", f"/{bucket}/{key}")
        if head.status_code != 200:
            return None
        check_size(bucket, key, int(head.headers.get("Content-Length", 0)))
        answer = self._other_services.ask(caller, "s3", "GET", f"/{bucket}/{key}")
        return answer.data if answer.status_code == 200 else None

    def _has_bucket(self, caller: Caller, bucket: str) -> bool:
        return (
            self._other_services.may_hold_objects
            and self._other_services.ask(caller, "s3", "HEAD", f"/{bucket}").status_code == 200
        )


def check_size(bucket: str, key: str, size: int) -> None:
    """Raise ValidationException for an object larger than MAX_CONTENT; the message is not AWS's."""
    if size > MAX_CONTENT:
        raise ValidationException(f"s3://{bucket}/{key} has {size:,} bytes; rules read at most {MAX_CONTENT:,}.")


class EndpointProbe(MotoProbe):
    """Look for artifacts at the configured S3 endpoint, with the credentials of the server's environment."""

    def __init__(self, other_services: MotoApp, s3_endpoint: str) -> None:
        super().__init__(other_services)
        self._endpoint = s3_endpoint

    def artifact_exists(self, caller: Caller, bucket: str, key: str, *, is_prefix: bool) -> bool | None:
        def look() -> bool:
            listed = self._s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
            keys = [found["Key"] for found in listed.get("Contents", [])]
            return bool(keys) and (is_prefix or keys[0] == key)

        return self._found(look, "NoSuchBucket")

    def content(self, caller: Caller, bucket: str, key: str) -> bytes | None:
        def read() -> bytes:
            answer = self._s3.get_object(Bucket=bucket, Key=key)
            with closing(answer["Body"]) as body:
                check_size(bucket, key, answer["ContentLength"])
                return body.read()

        return self._found(read, "NoSuchBucket", "NoSuchKey")

    def _found(self, ask: Callable[[], Found], *missing: str) -> Found | None:
        """Return the result of `ask`; None for one of the error codes in `missing`.

        Raises:
            ServiceUnavailable: The endpoint is unreachable or rejects the server's credentials.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return ask()
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in missing:
                return None
            raise ServiceUnavailable(f"The lookup at the S3 endpoint {self._endpoint} failed: {error}") from error

    @cached_property
    def _s3(self) -> S3Client:
        from boto3.session import Session
        from botocore.config import Config

        config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
        return Session().client("s3", endpoint_url=self._endpoint, region_name="us-east-1", config=config)

"""`http://`: a running registry server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from ..errors import BackendUnavailable, UnknownOperationException, UpstreamError, as_client_error
from ..service.operations import ANSWERED
from ..urls import without_password
from . import sessions
from .registry import RemoteRegistry

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from ..base import Caller

PREFIX = "/_registry"
ABOUT_IT = frozenset({"info", "health", "ready"})
"""Paths that describe the server and are not extensions of its backend."""


class ServedRegistry(RemoteRegistry):
    """A registry server; callers keep their access keys, which identify account and user."""

    def __init__(self, url: str, boto: dict[str, Any]) -> None:
        if "@" in urlsplit(url).netloc:  # a password would not be used, but errors would show it
            raise BackendUnavailable(
                f"{without_password(url)}: remove user and password from the URL; AWS credentials identify the caller"
            )
        super().__init__(url, boto)

    @property
    def name(self) -> str:
        return f"The registry at {self.url}"

    @property
    def operations(self) -> frozenset[str]:
        return ANSWERED.intersection(self._info["operations"])

    @property
    def extensions(self) -> dict[str, bool]:  # type: ignore[override]
        return self._info["extensions"]  # type: ignore[no-any-return]

    def client(self) -> SageMakerClient:
        """Return a client with the configured credentials, or with placeholders by default."""
        return self._client(self.boto)

    def client_for(self, caller: Caller) -> SageMakerClient:
        keys = {"aws_access_key_id": caller.access_key, "aws_secret_access_key": "any"}
        return self._client({"region_name": caller.region, **keys})

    def ask(self, client: SageMakerClient, name: str, params: Mapping[str, Any]) -> Any:
        return ask(client, name, params)

    def _client(self, boto: dict[str, Any]) -> SageMakerClient:
        session = sessions.local_session()
        made: SageMakerClient = session.client(
            "sagemaker", endpoint_url=self.url, **sessions.local_options(session, boto)
        )
        return made

    @cached_property
    def _info(self) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        client = self.client()
        try:
            return ask(client, "info", {})  # type: ignore[no-any-return]
        except ClientError:  # another implementation, which has no /_registry/info
            return {"operations": ANSWERED, "extensions": {}}
        except (BotoCoreError, ValueError) as error:
            raise BackendUnavailable(f"cannot reach {self.url}: {error}") from error
        finally:
            client.close()


def ask(client: SageMakerClient, name: str, params: Mapping[str, Any]) -> Any:
    """Return the JSON response of the extension API: `POST /_registry/NAME`, or GET for those in ABOUT_IT.

    The access key and region of the client identify the caller.

    Raises:
        ClientError: The server returned an error, or UnknownOperationException if it has no such extension.
        BotoCoreError: The server did not respond.
    """
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session

    where = f"{client.meta.endpoint_url}{PREFIX}/{name}"
    method, data = ("GET", None) if name in ABOUT_IT else ("POST", json.dumps(dict(params)).encode())
    request = AWSRequest(method, where, {"Content-Type": "application/json"}, data)
    request.headers["amz-sdk-invocation-id"] = str(uuid4())  # makes the signature of each request unique
    inner: Any = client  # signer and timeouts have no public accessors
    inner._request_signer.sign(name, request)
    answer = URLLib3Session(timeout=inner.meta.config.read_timeout).send(request.prepare())
    value = _value(answer.content)
    if answer.status_code < 300 and isinstance(value, dict | list):
        return value
    said = value if isinstance(value, dict) else {}
    sentence = said.get("message") or said.get("Message") or f"{where} is not a sagemaker-registry server."
    code = said.get("__type", UnknownOperationException.code)
    raise as_client_error(UpstreamError(code, sentence, answer.status_code), name)


def _value(content: bytes) -> Any:
    try:
        return json.loads(content or b"null")
    except ValueError:
        return None  # not a sagemaker-registry server; the caller raises

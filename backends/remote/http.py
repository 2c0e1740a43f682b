"""`http://`: an emulator that is being served, as a boto3 client, or as a backend to pass calls on to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from ..errors import BackendUnavailable, UnknownOperationException, UpstreamError, as_client_error
from ..service.operations import ANSWERED
from ..urls import without_password
from . import sessions
from .sessions import only

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from ..base import Backend, BackendOptions, Caller

PREFIX = "/_registry"
ABOUT_IT = frozenset({"info", "health", "ready"})
"""What a server says of itself, not of the registry it serves."""


def client(url: str, **boto: Any) -> SageMakerClient:
    """Return a stock boto3 client of an emulator; without credentials it has some that every emulator takes.

    Raises:
        BackendUnavailable: the URL has a password, which nothing would use and every error would repeat.
    """
    if "@" in urlsplit(url).netloc:
        raise BackendUnavailable(
            f"{without_password(url)}: leave user and password out of the URL; AWS's keys say who asks"
        )
    session = sessions.local_session()
    made: SageMakerClient = session.client("sagemaker", endpoint_url=url, **sessions.local_options(session, boto))
    return made


def open_registry(url: str, options: BackendOptions) -> Backend:
    """Open an emulator as a backend; its callers keep their access keys, which name account and user.

    Raises:
        BackendUnavailable: nobody answers there.
    """
    asked = client(url)
    does = _what_it_does(url, asked)
    asked.close()

    def of(caller: Caller) -> SageMakerClient:
        keys = {"aws_access_key_id": caller.access_key, "aws_secret_access_key": "any"}
        return client(url, region_name=caller.region, **keys)

    from ..approval.guard import guarded  # needs what the client for production has not
    from .base import RemoteBackend

    return guarded(RemoteBackend(of, **does), options, does["name"])


def of_client(url: str, options: BackendOptions, **boto: Any) -> Backend:
    """Open an emulator behind the rules there are, for the one caller whose client `client(url, **options)` is.

    Raises:
        BackendUnavailable: nobody answers there.
    """
    from ..approval.guard import guarded  # needs what the client for production has not
    from .base import RemoteBackend

    made = client(url, **boto)
    does = _what_it_does(url, made)
    return guarded(RemoteBackend(**only(made), **does), options, does["name"])


def _what_it_does(url: str, client: SageMakerClient) -> dict[str, Any]:
    """Return arguments of a RemoteBackend: what an emulator answers."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        info = ask(client, "info", {})
        operations, extensions = ANSWERED.intersection(info["operations"]), info["extensions"]
    except ClientError:  # somebody else's emulator, of which nothing more is known
        operations, extensions = ANSWERED, {}
    except (BotoCoreError, ValueError) as error:
        raise BackendUnavailable(f"{url} cannot be opened: {error}") from error
    return {"operations": operations, "name": f"The registry at {url}", "extensions": extensions, "ask": ask}


def ask(client: SageMakerClient, name: str, params: Mapping[str, Any]) -> Any:
    """Ask an emulator to do one thing beyond AWS's API: `GET /_registry/info` and its like, or `POST /_registry/NAME`.

    Args:
        client: a boto3 client on the emulator; its key and region say who asks.
        name: which thing.
        params: what it takes, as JSON values.

    Returns:
        JSON values.

    Raises:
        ClientError: the refusal; UnknownOperationException if there is no such thing, or this is no emulator of ours.
        BotoCoreError: nobody answers.
    """
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session

    where = f"{client.meta.endpoint_url}{PREFIX}/{name}"
    method, data = ("GET", None) if name in ABOUT_IT else ("POST", json.dumps(dict(params)).encode())
    request = AWSRequest(method, where, {"Content-Type": "application/json"}, data)
    request.headers["amz-sdk-invocation-id"] = str(uuid4())  # so that no two requests have the same signature
    inner: Any = client  # its signer and its time-outs have no public way to them
    inner._request_signer.sign(name, request)
    answer = URLLib3Session(timeout=inner.meta.config.read_timeout).send(request.prepare())
    value = _value(answer.content)
    if answer.status_code < 300 and isinstance(value, dict | list):
        return value
    said = value if isinstance(value, dict) else {}
    sentence = said.get("message") or said.get("Message") or f"{where} is not answered by a registry of ours."
    code = said.get("__type", UnknownOperationException.code)
    raise as_client_error(UpstreamError(code, sentence, answer.status_code), name)


def _value(content: bytes) -> Any:
    try:
        return json.loads(content or b"null")
    except ValueError:
        return None  # no emulator of ours: the caller's sentence names it

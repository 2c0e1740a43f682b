"""What a registry does beyond AWS's API, for whoever has a boto3 client on it: in this process, or `/_registry/...`.

Refusals come as botocore's ClientError, like those of the API.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from ..backends.errors import PassedOn, RegistryError, UnknownOperationException, as_client_error

if TYPE_CHECKING:
    from botocore.client import BaseClient

PREFIX = "/_registry"
AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".on.aws")


def ask(client: BaseClient, name: str, /, **params: Any) -> Any:
    """Ask the registry behind a client to do one thing beyond AWS's API.

    Args:
        client: a boto3 client of the service `sagemaker`, as `connect()` makes it or on a served emulator.
        name: which thing: `GET /_registry/info` lists them.
        **params: what it takes, as JSON values; None is left out.

    Returns:
        JSON values.

    Raises:
        ClientError: the registry's refusal; UnknownOperationException where it has no such thing, as AWS.
        BotoCoreError: it cannot be reached.
    """
    given = {key: value for key, value in params.items() if value is not None}
    in_process = sys.modules.get(f"{__package__}.inprocess")  # not loaded: no client of ours is answered in process
    if in_process is not None and client in in_process.BEHIND:
        return _ask_in_process(in_process.BEHIND[client], name, given)
    return _ask_server(client, name, given)


def offers(client: BaseClient, name: str) -> bool:
    """Whether the registry behind a client does that thing.

    Raises:
        BotoCoreError: it cannot be reached.
    """
    try:
        return name in ask(client, "info")["controls"]
    except ClientError:
        return False


def _ask_in_process(behind: tuple[Any, Any], name: str, params: dict[str, Any]) -> Any:
    from ..emulator.wire import request_id

    backend, caller = behind
    if name == "info":
        return {"controls": sorted(backend.controls)}
    try:
        return backend.control(name, params, replace(caller, request_id=request_id()))
    except RegistryError as error:
        raise as_client_error(error, name) from error


def _ask_server(client: BaseClient, name: str, params: dict[str, Any]) -> Any:
    endpoint = client.meta.endpoint_url
    if (urlsplit(endpoint).hostname or "").endswith(AWS_DOMAINS):
        refusal = UnknownOperationException(f"AWS has no {name!r}: registries of sagemaker-registry have.")
        raise as_client_error(refusal, name)
    method, data = ("GET", None) if name == "info" else ("POST", json.dumps(params).encode())
    request = AWSRequest(method, f"{endpoint}{PREFIX}/{name}", {"Content-Type": "application/json"}, data)
    inner: Any = client  # its signer and its time-outs have no public way to them
    inner._request_signer.sign(name, request)
    session = URLLib3Session(timeout=inner.meta.config.read_timeout)
    answer = session.send(request.prepare())
    value = _value(answer.content)
    if answer.status_code < 300:
        return value
    said = value if isinstance(value, dict) else {}
    sentence = said.get("message") or said.get("Message") or f"{endpoint}{PREFIX}/{name}: HTTP {answer.status_code}"
    code = said.get("__type", UnknownOperationException.code)
    raise as_client_error(PassedOn(code, sentence, answer.status_code), name)


def _value(content: bytes) -> Any:
    try:
        return json.loads(content or b"null")
    except ValueError:
        return None  # a server that is no emulator of ours: the caller's sentence names it

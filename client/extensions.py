"""What a registry does beyond AWS's API, for whoever has a boto3 client on it: in this process, or `/_registry/...`.

Refusals come as botocore's ClientError, like those of the API.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ..backends.errors import RegistryError, UnknownOperationException, as_client_error
from ..backends.remote import http
from ..backends.urls import service_at

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from ..backends.base import Backend, Caller


def ask(client: SageMakerClient, name: str, /, **params: Any) -> Any:
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
    found = behind(client)
    return _ask_server(client, name, given) if found is None else _ask_in_process(found, name, given)


def pages(client: SageMakerClient, name: str, /, **params: Any) -> Iterator[dict[str, Any]]:
    """Yield every page of what the registry behind a client returns for an extension, as needed; as `ask` raises."""
    token = None
    while True:
        page: dict[str, Any] = ask(client, name, **params, next_token=token)
        yield page
        token = page.get("next_token")
        if token is None:
            return


def behind(client: SageMakerClient) -> tuple[Backend, Caller] | None:
    """Return the backend in this process that answers a client, and who its requests are from; None for a server."""
    in_process = sys.modules.get(f"{__package__}.inprocess")  # not loaded: no client of ours is answered in process
    found: tuple[Backend, Caller] | None = None if in_process is None else in_process.BEHIND.get(client)
    return found


def offers(client: SageMakerClient, name: str) -> bool:
    """Whether the registry behind a client does that thing.

    Raises:
        BotoCoreError: it cannot be reached.
    """
    try:
        return name in ask(client, "info")["extensions"]
    except ClientError:
        return False


def _ask_in_process(behind: tuple[Backend, Caller], name: str, params: dict[str, Any]) -> Any:
    from msgspec.structs import replace

    backend, caller = behind
    if name == "info":
        return {"extensions": dict(backend.extensions)}
    try:
        if name in http.ABOUT_IT:
            backend.ping()
            return {"status": "ok"}
        return backend.extension(name, params, replace(caller, request_id=backend.request_id()))
    except RegistryError as error:
        raise as_client_error(error, name) from error


def _ask_server(client: SageMakerClient, name: str, params: dict[str, Any]) -> Any:
    if service := service_at(client.meta.endpoint_url):
        refusal = UnknownOperationException(f"{service.name} has no {name!r}: registries of sagemaker-registry have.")
        raise as_client_error(refusal, name)
    return http.ask(client, name, params)

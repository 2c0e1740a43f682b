"""The extension API of a registry (`/_registry/...`), called through a boto3 client.

Errors are raised as botocore's ClientError, as for calls of the AWS API.
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
    """Call one extension of the registry behind a client.

    Args:
        client: A boto3 client of the service `sagemaker`, from `connect` or for a running emulator.
        name: The extension, such as `history` or `explain`. `GET /_registry/info` lists all of them.
        **params: The parameters of the extension, as JSON values; parameters that are None are omitted.

    Returns:
        The answer, as JSON values.

    Raises:
        ClientError: The registry rejected the request; UnknownOperationException if it does not have the extension.
            AWS has none.
        BotoCoreError: The registry cannot be reached.
    """
    given = {key: value for key, value in params.items() if value is not None}
    found = behind(client)
    return _ask_server(client, name, given) if found is None else _ask_in_process(found, name, given)


def pages(client: SageMakerClient, name: str, /, **params: Any) -> Iterator[dict[str, Any]]:
    """Yield the pages of an extension's answer lazily.

    Args:
        client: As for `ask`.
        name: As for `ask`; an extension that returns `next_token`.
        **params: As for `ask`.

    Raises:
        ClientError: As for `ask`.
        BotoCoreError: As for `ask`.
    """
    token = None
    while True:
        page: dict[str, Any] = ask(client, name, **params, next_token=token)
        yield page
        token = page.get("next_token")
        if token is None:
            return


def behind(client: SageMakerClient) -> tuple[Backend, Caller] | None:
    """Return the in-process backend of a client and the caller of its requests; None if the client uses a server."""
    in_process = sys.modules.get(f"{__package__}.inprocess")  # not imported: no client has an in-process backend
    found: tuple[Backend, Caller] | None = None if in_process is None else in_process.BACKENDS.get(client)
    return found


def offers(client: SageMakerClient, name: str) -> bool:
    """Return whether the registry behind a client has an extension.

    Raises:
        BotoCoreError: The registry cannot be reached.
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
        error = UnknownOperationException(
            f"{service.name} has no extension {name!r}; only registries of sagemaker-registry have extensions."
        )
        raise as_client_error(error, name)
    return http.ask(client, name, params)

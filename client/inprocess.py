"""Answers a stock boto3 client from a backend in this process: no socket, no signing, nothing global patched.

botocore asks `before-call` handlers for an answer before it signs and sends. Ours reads the request botocore has
serialized, calls the backend and hands back what botocore's parser would have made of the answer; exceptions,
paginators, waiters and event hooks then work as ever.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..backends.base import Backend, Caller
from ..backends.errors import Elsewhere, RegistryError, UnknownOperationException
from ..backends.model import error_member
from ..emulator import wire

if TYPE_CHECKING:
    from botocore.client import BaseClient


@dataclass(frozen=True, slots=True)
class Answered:
    """What botocore looks at of an HTTP response."""

    status_code: int
    headers: dict[str, str] = field(default_factory=dict)


def answer_from(backend: Backend, client: BaseClient, caller: Caller) -> None:
    """Make a client of the service `sagemaker` answer from a backend, which is closed with the client.

    Args:
        backend: who answers.
        client: a stock boto3 client.
        caller: who the client's requests are from.
    """

    def answer(model: Any, params: dict[str, Any], **_: Any) -> Any:
        try:
            if model.name not in backend.operations:
                raise UnknownOperationException(f"This registry does not answer {model.name}.")
            return _parsed(200, backend.call(model.name, wire.read(model.name, params["body"]), caller))
        except Elsewhere:
            return _refused(UnknownOperationException(f"This registry does not answer {model.name} for that resource."))
        except RegistryError as error:
            return _refused(error)

    client.meta.events.register("before-call.sagemaker", answer, unique_id="sagemaker-registry")
    close_client, close_backend = client.close, weakref.finalize(client, backend.close)

    def close() -> None:
        close_client()
        close_backend()

    client.close = close  # type: ignore[method-assign]


def _refused(error: RegistryError) -> tuple[Answered, dict[str, Any]]:
    sentence = {error_member(error.code): error.message} if error_member(error.code) != "message" else {}
    return _parsed(error.status, {"Error": {"Code": error.code, "Message": error.message}, **sentence})


def _parsed(status: int, members: dict[str, Any]) -> tuple[Answered, dict[str, Any]]:
    identity = wire.request_id()
    headers = {"x-amzn-requestid": identity, "content-type": wire.CONTENT_TYPE}
    metadata = {"RequestId": identity, "HTTPStatusCode": status, "HTTPHeaders": headers, "RetryAttempts": 0}
    return Answered(status, headers), {**members, "ResponseMetadata": metadata}

"""Answers a stock boto3 client from a backend in this process: no socket, no signing, nothing global patched.

botocore asks `before-call` handlers for an answer before it signs and sends. Ours reads the request botocore has
serialized, calls the backend and hands back what botocore's parser would have made of the answer; exceptions,
paginators, waiters and event hooks then work as ever.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ConnectionClosedError

from ..backends.base import Backend, Caller
from ..backends.errors import ConnectionDropped, NotHandled, RegistryError, UnknownOperationException
from ..backends.service import wire
from ..backends.service.model import error_member

if TYPE_CHECKING:
    from botocore.client import BaseClient


BEHIND: weakref.WeakKeyDictionary[BaseClient, tuple[Backend, Caller]] = weakref.WeakKeyDictionary()
"""Who answers a client, and who its requests are from: for what a registry does beyond AWS's API."""


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
        asking = caller.asking(backend.request_id())
        try:
            if model.name not in backend.operations:
                raise UnknownOperationException(f"This registry does not answer {model.name}.")
            answered = backend.call(model.name, wire.read(model.name, params["body"]), asking)
            return _parsed(200, answered, asking.request_id)
        except NotHandled:
            refusal = UnknownOperationException(f"This registry does not answer {model.name} for that resource.")
            return _refused(refusal, asking.request_id)
        except RegistryError as error:
            return _refused(error, asking.request_id)
        except ConnectionDropped as error:
            raise ConnectionClosedError(endpoint_url=client.meta.endpoint_url, error=error) from error

    client.meta.events.register("before-call.sagemaker", answer, unique_id="sagemaker-registry")
    BEHIND[client] = (backend, caller)
    close_client, close_backend = client.close, weakref.finalize(client, backend.close)

    def close() -> None:
        close_client()
        close_backend()

    client.close = close  # type: ignore[method-assign]


def _refused(error: RegistryError, identity: str) -> tuple[Answered, dict[str, Any]]:
    sentence = {error_member(error.code): error.message} if error_member(error.code) != "message" else {}
    return _parsed(error.status, {"Error": {"Code": error.code, "Message": error.message}, **sentence}, identity)


def _parsed(status: int, members: dict[str, Any], identity: str) -> tuple[Answered, dict[str, Any]]:
    headers = {"x-amzn-requestid": identity, "content-type": wire.CONTENT_TYPE}
    metadata = {"RequestId": identity, "HTTPStatusCode": status, "HTTPHeaders": headers, "RetryAttempts": 0}
    return Answered(status, headers), {**members, "ResponseMetadata": metadata}

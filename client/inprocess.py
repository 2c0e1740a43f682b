"""Route the requests of a stock boto3 client to a backend in this process, without sockets, signatures or patches.

botocore calls `before-call` handlers before it signs and sends a request. The handler here parses the serialized
request, calls the backend and returns a parsed response. Exceptions, paginators, waiters and hooks work as usual.
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


BACKENDS: weakref.WeakKeyDictionary[BaseClient, tuple[Backend, Caller]] = weakref.WeakKeyDictionary()
"""The backend and caller of each client, for the extension API."""


@dataclass(frozen=True, slots=True)
class HTTPResponse:
    """The attributes of an HTTP response that botocore reads."""

    status_code: int
    headers: dict[str, str] = field(default_factory=dict)


def route_to_backend(backend: Backend, client: BaseClient, caller: Caller) -> None:
    """Route the requests of a boto3 `sagemaker` client to a backend; closing the client closes the backend."""

    def answer(model: Any, params: dict[str, Any], **_: Any) -> Any:
        request = caller.asking(backend.request_id())
        try:
            if model.name not in backend.operations:
                raise UnknownOperationException(f"This registry does not support {model.name}.")
            output = backend.call(model.name, wire.read(model.name, params["body"]), request)
            return _response(200, output, request.request_id)
        except NotHandled:
            unknown = UnknownOperationException(f"This registry does not support {model.name} for that resource.")
            return _error_response(unknown, request.request_id)
        except RegistryError as error:
            return _error_response(error, request.request_id)
        except ConnectionDropped as error:
            raise ConnectionClosedError(endpoint_url=client.meta.endpoint_url, error=error) from error

    client.meta.events.register("before-call.sagemaker", answer, unique_id="sagemaker-registry")
    BACKENDS[client] = (backend, caller)
    close_client, close_backend = client.close, weakref.finalize(client, backend.close)

    def close() -> None:
        close_client()
        close_backend()

    client.close = close  # type: ignore[method-assign]


def _error_response(error: RegistryError, request_id: str) -> tuple[HTTPResponse, dict[str, Any]]:
    member = error_member(error.code)
    modeled = {member: error.message} if member != "message" else {}
    return _response(error.status, {"Error": {"Code": error.code, "Message": error.message}, **modeled}, request_id)


def _response(status: int, members: dict[str, Any], request_id: str) -> tuple[HTTPResponse, dict[str, Any]]:
    headers = {"x-amzn-requestid": request_id, "content-type": wire.CONTENT_TYPE}
    metadata = {"RequestId": request_id, "HTTPStatusCode": status, "HTTPHeaders": headers, "RetryAttempts": 0}
    return HTTPResponse(status, headers), {**members, "ResponseMetadata": metadata}

"""A backend that forwards calls to a remote registry with boto3 clients."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

from ..base import DEFAULT_REGION, Backend, Caller
from ..errors import NotHandled, ServiceUnavailable, UnknownOperationException, UpstreamError
from ..service.operations import OPERATIONS

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from .registry import RemoteRegistry

MAX_CLIENTS = 64


class RemoteBackend(Backend):
    """A backend that returns the responses and errors of a remote registry unchanged.

    All callers share `client` if it is given; otherwise there is one client per caller. `close` closes them all.
    """

    def __init__(self, remote: RemoteRegistry, client: SageMakerClient | None = None) -> None:
        self.operations, self.extensions = frozenset(remote.operations), remote.extensions
        self._remote, self._only = remote, client
        self._clients: dict[Hashable, SageMakerClient] = {}
        self._lock = threading.Lock()

    def call(self, operation: str, params: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        if operation not in self.operations:
            raise UnknownOperationException(f"{self._remote.name} does not support {operation}.")
        if not OPERATIONS[operation].is_ours(params):
            raise NotHandled
        from botocore import xform_name

        call = getattr(self._client(caller), xform_name(operation))
        answer: dict[str, Any] = self._forward(lambda: call(**params))
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def extension(self, name: str, params: Mapping[str, Any], caller: Caller) -> Any:
        if name not in self.extensions:
            raise UnknownOperationException(f"{self._remote.name} has no extension {name!r}.")
        client = self._client(caller)
        return self._forward(lambda: self._remote.ask(client, name, params))

    def ping(self) -> None:
        """List one group, which checks permissions as well as the connection."""
        self.call("ListModelPackageGroups", {"MaxResults": 1}, Caller(region=self._remote.region or DEFAULT_REGION))

    def close(self) -> None:
        with self._lock:
            for client in filter(None, [self._only, *self._clients.values()]):
                client.close()
            self._clients.clear()

    def _forward(self, call: Callable[[], Any]) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return call()
        except ClientError as error:
            said, metadata = error.response["Error"], error.response["ResponseMetadata"]
            raise UpstreamError(said["Code"], said["Message"], metadata["HTTPStatusCode"]) from error
        except BotoCoreError as error:
            raise ServiceUnavailable(f"{self._remote.name} is unavailable: {error}") from error

    def _client(self, caller: Caller) -> SageMakerClient:
        """Return the client of a caller, created on first use; the oldest is dropped above MAX_CLIENTS."""
        if self._only is not None:
            return self._only
        key = self._remote.client_key(caller)
        with self._lock:
            if key not in self._clients:
                if len(self._clients) >= MAX_CLIENTS:
                    self._clients.pop(next(iter(self._clients)))
                self._clients[key] = self._remote.client_for(caller)
            return self._clients[key]

"""Registries that are answered elsewhere: a Backend over boto3 clients, for gateways and for rules in front of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Hashable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from . import scope
from .errors import (
    Elsewhere,
    PassedOn,
    RegistryError,
    ServiceUnavailable,
    UnknownOperationException,
    as_client_error,
)

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from .base import Caller

MOST_CLIENTS = 64

Check = Callable[[], None]
Ask = Callable[[Any, str, Mapping[str, Any]], Any]


class RemoteBackend:
    """A Backend whose answers, and refusals, are those of another registry, as they come.

    Args:
        client_for: makes a client for a caller; closed with the backend.
        operations: the names of the operations the other one answers.
        name: what it is called in a sentence.
        same: which callers share a client; by default those of one key, account and region.
        controls: what the other one does beyond AWS's API, and whether that writes.
        ask: has it done, by a client, a name and what it takes; raises ClientError.
    """

    def __init__(
        self,
        client_for: Callable[[Caller], SageMakerClient],
        operations: Collection[str],
        name: str,
        *,
        same: Callable[[Caller], Hashable] = lambda caller: (caller.access_key, caller.account, caller.region),
        controls: Mapping[str, bool] | None = None,
        ask: Ask | None = None,
    ) -> None:
        self.operations = frozenset(operations)
        self.controls: Mapping[str, bool] = controls or {}
        self._client_for, self._name, self._same, self._ask = client_for, name, same, ask
        self._clients: dict[Hashable, SageMakerClient] = {}
        self._lock = threading.Lock()

    def call(self, operation: str, params: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Pass one operation on; see `Backend.call`."""
        if operation not in self.operations:
            raise UnknownOperationException(f"{self._name} does not answer {operation}.")
        if not scope.OPERATIONS[operation](params):
            raise Elsewhere
        from botocore import xform_name

        call = getattr(self._client(caller), xform_name(operation))
        answer: dict[str, Any] = self._passed_on(lambda: call(**params))
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def control(self, name: str, params: Mapping[str, Any], caller: Caller) -> Any:
        """Pass on what is beyond AWS's API; see `Backend.control`."""
        ask = self._ask
        if ask is None or name not in self.controls:
            raise UnknownOperationException(f"{self._name} has no {name!r}.")
        client = self._client(caller)
        return self._passed_on(lambda: ask(client, name, params))

    def ping(self) -> None:
        """List a group, so that a registry that answers is one that can."""
        from .base import Caller

        self.call("ListModelPackageGroups", {"MaxResults": 1}, Caller())

    def close(self) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _passed_on(self, call: Callable[[], Any]) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return call()
        except ClientError as error:
            said, metadata = error.response["Error"], error.response["ResponseMetadata"]
            raise PassedOn(said["Code"], said["Message"], metadata["HTTPStatusCode"]) from error
        except BotoCoreError as error:
            raise ServiceUnavailable(f"{self._name} cannot be asked: {error}") from error

    def _client(self, caller: Caller) -> SageMakerClient:
        """Return the client for a caller, made at its first call; the oldest makes room."""
        key = self._same(caller)
        with self._lock:
            if key not in self._clients:
                if len(self._clients) >= MOST_CLIENTS:
                    self._clients.pop(next(iter(self._clients)))
                self._clients[key] = self._client_for(caller)
            return self._clients[key]


def only(client: SageMakerClient) -> dict[str, Any]:
    """Return arguments of a RemoteBackend that has one client, whoever calls."""
    return {"client_for": lambda caller: client, "same": lambda caller: ""}


def restrict(
    client: SageMakerClient, operations: Collection[str], name: str, check: Check = lambda: None
) -> SageMakerClient:
    """Keep a client to the registry's calls that are answered, and return it; others are refused before they are sent.

    Args:
        client: a boto3 client of the service `sagemaker`.
        operations: the names of the operations that are answered.
        name: what answers, in a sentence.
        check: raises a RegistryError if nothing may be called at all; asked before each call.
    """

    def refuse(params: dict[str, Any], model: Any, **_: Any) -> None:
        try:
            if not scope.OPERATIONS.get(model.name, scope.never)(params):
                raise UnknownOperationException(f"{model.name} is not about the model registry: {ELSEWHERE}")
            if model.name not in operations:
                raise UnknownOperationException(f"{name} does not answer {model.name}.")
            check()
        except RegistryError as error:
            raise as_client_error(error, model.name) from None

    client.meta.events.register("provide-client-params.sagemaker", refuse, unique_id="sagemaker-registry-scope")
    return client


ELSEWHERE = "this client is for the registry's own calls; boto3.client('sagemaker') makes the others."

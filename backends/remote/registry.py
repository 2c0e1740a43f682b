"""The interface of remote registries, used by clients and by `RemoteBackend`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import RegistryError, UnknownOperationException, as_client_error
from ..service.operations import ANSWERED, OPERATIONS

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from ..base import Caller


class RemoteRegistry(ABC):
    """A registry that boto3 clients can reach; its modules import with the base installation.

    Raises:
        BackendUnavailable: The URL cannot be used; also raised by methods that do not answer a call.
    """

    extensions: Mapping[str, bool] = MappingProxyType({})
    """The names of the extensions, each with whether it writes."""
    region: str | None = None
    """The region of the URL, if the registry has only some regions."""

    def __init__(self, url: str, boto: dict[str, Any]) -> None:
        self.url, self.boto = url, boto

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the registry in messages."""

    @property
    @abstractmethod
    def operations(self) -> Collection[str]:
        """The names of the supported operations."""

    @abstractmethod
    def client(self) -> SageMakerClient:
        """Return a client with the options passed to the constructor."""

    @abstractmethod
    def client_for(self, caller: Caller) -> SageMakerClient:
        """Return a client that forwards the requests of a caller."""

    def client_key(self, caller: Caller) -> Hashable:
        """Return a key; callers with equal keys share a client."""
        return caller.access_key, caller.account, caller.region

    def account(self) -> str | None:
        """Return the account that owns the groups; None if it depends on the caller."""
        return None

    def ask(self, client: SageMakerClient, name: str, params: Mapping[str, Any]) -> Any:
        """Call one of `extensions`.

        Raises:
            ClientError: The registry returned an error.
        """
        raise UnknownOperationException(f"{self.name} has no extension {name!r}.")

    def restricted(self, client: SageMakerClient, check: Callable[[], object] = lambda: None) -> SageMakerClient:
        """Make a client reject, before sending, operations not in `operations` and calls for which `check` raises."""

        def refuse(params: dict[str, Any], model: Any, **_: Any) -> None:
            try:
                if model.name not in ANSWERED or not OPERATIONS[model.name].is_ours(params):
                    raise UnknownOperationException(
                        f"{model.name} is not a model registry operation: use boto3.client('sagemaker') for it."
                    )
                if model.name not in self.operations:
                    raise UnknownOperationException(f"{self.name} does not support {model.name}.")
                check()
            except RegistryError as error:
                raise as_client_error(error, model.name) from None

        client.meta.events.register("provide-client-params.sagemaker", refuse, unique_id="sagemaker-registry-scope")
        return client

"""What each module of this folder says of a registry that is answered elsewhere, for a client as for a Backend."""

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
    """A registry that boto3 clients reach; importing one takes nothing but the base installation.

    Raises:
        BackendUnavailable: the URL cannot be used; also from every other method that is not for a call.
    """

    extensions: Mapping[str, bool] = MappingProxyType({})
    """The names of its extensions, each with whether it writes."""

    def __init__(self, url: str, boto: dict[str, Any]) -> None:
        self.url, self.boto = url, boto

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called in a sentence."""

    @property
    @abstractmethod
    def operations(self) -> Collection[str]:
        """The names of the operations it answers."""

    @abstractmethod
    def client(self) -> SageMakerClient:
        """Return a client with the options that were given."""

    @abstractmethod
    def client_for(self, caller: Caller) -> SageMakerClient:
        """Return a client that passes on the requests of a caller."""

    def client_key(self, caller: Caller) -> Hashable:
        """Return what callers have in common who share a client."""
        return caller.access_key, caller.account, caller.region

    def account(self) -> str | None:
        """Return the account of its groups; None if that depends on the caller."""
        return None

    def ask(self, client: SageMakerClient, name: str, params: Mapping[str, Any]) -> Any:
        """Answer one of `extensions`; ClientError for a refusal."""
        raise UnknownOperationException(f"{self.name} has no {name!r}.")

    def restricted(self, client: SageMakerClient, check: Callable[[], object] = lambda: None) -> SageMakerClient:
        """Refuse a client's calls that are not in `operations`, or for which `check` raises, before they are sent."""

        def refuse(params: dict[str, Any], model: Any, **_: Any) -> None:
            try:
                if model.name not in ANSWERED or not OPERATIONS[model.name].is_ours(params):
                    raise UnknownOperationException(
                        f"{model.name} is not about the model registry: this client is for the registry's own calls; "
                        "boto3.client('sagemaker') makes the others."
                    )
                if model.name not in self.operations:
                    raise UnknownOperationException(f"{self.name} does not answer {model.name}.")
                check()
            except RegistryError as error:
                raise as_client_error(error, model.name) from None

        client.meta.events.register("provide-client-params.sagemaker", refuse, unique_id="sagemaker-registry-scope")
        return client

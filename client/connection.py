"""Stock boto3 clients for a registry, selected by URL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backends.errors import BackendUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from ..backends.base import Backend, BackendOptions

URL_VARIABLE = "SAGEMAKER_REGISTRY_URL"
SETTINGS_VARIABLE = "SAGEMAKER_REGISTRY_CONFIG"
NO_ENDPOINT = "http://in-process.invalid"


def connect(url: str | None = None, *, settings: str | Path | None = None, **boto: Any) -> SageMakerClient:
    """Return a stock boto3 client for the service `sagemaker`, backed by the registry at a URL.

    Args:
        url: The registry. `sqlite:///registry.db`, `sqlite://` (in memory) and `postgresql://user@host/database` open
            a registry in this process, without a server; `moto://` uses moto in this process. `http://127.0.0.1:8080`
            connects to a running emulator. `aws://`, `aws://eu-west-1` and `aws://profile@eu-west-1` connect to AWS.
            Defaults to the environment variable SAGEMAKER_REGISTRY_URL, then to a file in the user's data folder.
        settings: Path of a registry.toml with rules for the calls of this client, on any URL. A remote registry
            additionally applies its own rules. Defaults to the environment variable SAGEMAKER_REGISTRY_CONFIG, then
            to no rules.
        **boto: Arguments of `boto3.client`, such as `region_name`, `aws_access_key_id` or `config`. A 12-digit access
            key ID selects the account. Without credentials, the client uses placeholders, which emulators accept and
            AWS rejects.

    Returns:
        The client. Closing it also closes a registry in this process.

    Raises:
        BackendUnavailable: The scheme is unknown, an extra is not installed, the store cannot be opened, or the
            settings are invalid.

    >>> sagemaker = connect("sqlite://", region_name="eu-west-1")
    >>> sagemaker.create_model_package_group(ModelPackageGroupName="churn")["ModelPackageGroupArn"]
    'arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/churn'
    """
    from ..backends import open_backend, open_client, open_controlled, open_guarded
    from ..backends.urls import default_url, is_memory

    url = url or os.environ.get(URL_VARIABLE) or default_url()
    settings = settings or os.environ.get(SETTINGS_VARIABLE)
    if is_memory(url):
        options = options_of_settings(settings) if settings else None
        return client_of(open_controlled(url, options, **boto), boto)
    client = None if settings else open_client(url, **boto)
    if client is not None:
        return client
    backend = open_guarded(url, options_of_settings(settings), **boto) if settings else open_backend(url)
    return client_of(backend, boto)


def client_of(backend: Backend, boto: dict[str, Any]) -> SageMakerClient:
    """Return a stock boto3 client for a backend in this process; closing the client closes the backend."""
    from ..backends.base import Caller
    from ..backends.remote import sessions as clients
    from .inprocess import route_to_backend

    session = clients.local_session()
    options = clients.local_options(session, boto)
    client = session.client("sagemaker", endpoint_url=NO_ENDPOINT, **options)
    route_to_backend(backend, client, Caller.from_access_key(clients.key_of(session, options), client.meta.region_name))
    return client


def options_of_settings(settings: str | Path) -> BackendOptions:
    """Return the options of a backend with the settings of a registry.toml."""
    try:
        from ..backends.base import BackendOptions
        from ..backends.config import load
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            f"settings require the package {error.name!r}: pip install 'sagemaker-registry[server]'"
        ) from error
    return BackendOptions(load(Path(settings)))

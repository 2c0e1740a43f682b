"""Connections: a stock boto3 client for the registry of any URL."""

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
    """Return a stock boto3 client whose model registry calls are answered by what the URL names.

    Args:
        url: `sqlite:///registry.db`, `sqlite://` (memory) or `postgresql://user@host/database` for a registry in this
            process, without a server; `moto://` for moto's, also in this process; `http://127.0.0.1:8080` for an
            emulator that is being served; `aws://`, `aws://eu-west-1` or `aws://profile@eu-west-1` for AWS. Without
            one, the environment's SAGEMAKER_REGISTRY_URL, else a file in the user's data folder.
        settings: a registry.toml whose rules the client's calls obey, on any URL; without one, that of the
            environment's SAGEMAKER_REGISTRY_CONFIG, else none. What is served by others obeys theirs besides.
        **boto: what `boto3.client` takes: `region_name`, `aws_access_key_id`, `config` ... A 12-digit access key id
            is the account id. Without credentials the client has some that every emulator takes, and AWS does not.

    Raises:
        BackendUnavailable: an unknown scheme, a missing extra, an unusable store, or invalid settings.

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
    """Return a stock boto3 client that a backend in this process answers, which is closed with it."""
    from ..backends.base import Caller
    from ..backends.remote import sessions as clients
    from .inprocess import route_to_backend

    session = clients.local_session()
    options = clients.local_options(session, boto)
    client = session.client("sagemaker", endpoint_url=NO_ENDPOINT, **options)
    route_to_backend(backend, client, Caller.from_access_key(clients.key_of(session, options), client.meta.region_name))
    return client


def options_of_settings(settings: str | Path) -> BackendOptions:
    """Return what a backend in this process is opened with."""
    try:
        from ..backends.base import BackendOptions
        from ..backends.config import load
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            f"rules need the package {error.name!r}: pip install 'sagemaker-registry[server]'"
        ) from error
    return BackendOptions(load(Path(settings)))

"""One client for every registry: a stock boto3 `sagemaker` client, or `ModelRegistry`, on whatever a URL names."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from .registry import ModelRegistry

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.loaders import Loader
    from mypy_boto3_sagemaker import SageMakerClient

__all__ = ["ModelRegistry", "connect"]

URL_VARIABLE = "SAGEMAKER_REGISTRY_URL"
DEFAULT_REGION = "us-east-1"
NO_ENDPOINT = "http://in-process.invalid"
LOCAL_CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}


def connect(url: str | None = None, **boto: Any) -> SageMakerClient:
    """Return a stock boto3 client whose model registry calls are answered by what the URL names.

    Args:
        url: `http://127.0.0.1:8080` for a served emulator; `sqlite:///registry.db`, `sqlite://` (memory) or
            `postgresql://user@host/database` for a registry in this process, without a server. Without one, the
            environment's SAGEMAKER_REGISTRY_URL.
        **boto: what `boto3.client` takes: `region_name`, `aws_access_key_id`, `config` ... A 12-digit access key id
            is the account id. Without credentials the client has some that every emulator takes.

    Raises:
        CannotOpen: no URL, an unknown scheme, a missing extra, or a store that cannot be used.

    >>> sagemaker = connect("sqlite://", region_name="eu-west-1")
    >>> sagemaker.create_model_package_group(ModelPackageGroupName="churn")["ModelPackageGroupArn"]
    'arn:aws:sagemaker:eu-west-1:123456789012:model-package-group/churn'
    """
    from ..backends.errors import CannotOpen

    url = url or os.environ.get(URL_VARIABLE)
    if not url:
        raise CannotOpen(f"no registry is named: give connect() a URL, or set {URL_VARIABLE}")
    session = _session()
    options = {**_missing(session, boto), **boto}
    if url.startswith(("http://", "https://")):
        client: SageMakerClient = session.client("sagemaker", endpoint_url=url, **options)
        return client
    from ..backends import open_backend

    backend = open_backend(url)
    from ..backends.base import Caller
    from .inprocess import answer_from

    client = session.client("sagemaker", endpoint_url=NO_ENDPOINT, **options)
    credentials = session.get_credentials()
    access_key = options.get("aws_access_key_id") or (credentials.access_key if credentials else None)
    answer_from(backend, client, Caller.of(access_key, client.meta.region_name))
    return client


def _session() -> Session:
    """Return a session of the user's settings that does not ask the network who it is: an emulator takes any key."""
    import boto3
    import botocore.session

    session = botocore.session.Session()
    providers = session.get_component("credential_provider")
    for asks_the_network in ("container-role", "iam-role"):
        providers.remove(asks_the_network)
    session.register_component("data_loader", _loader(session.get_config_variable("data_path")))
    return boto3.Session(botocore_session=session)


@cache
def _loader(data_path: str | None) -> Loader:
    """Return a loader for every client: one that is new for each parses SageMaker's model again, 0.2 s a client."""
    from botocore.loaders import create_loader

    return create_loader(data_path)


def _missing(session: Session, given: dict[str, Any]) -> dict[str, Any]:
    """Return what a client needs to be made at all and nobody gave: a region, and credentials for an emulator."""
    missing: dict[str, Any] = {}
    if session.region_name is None:
        missing["region_name"] = DEFAULT_REGION
    if "aws_access_key_id" not in given and session.get_credentials() is None:
        missing |= LOCAL_CREDENTIALS
    return missing

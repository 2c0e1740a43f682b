"""boto3 sessions for remote registries, without slow credential lookups for local servers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import BackendUnavailable, did_you_mean

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.loaders import Loader

DEFAULT_REGION = "us-east-1"
LOCAL_CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
NETWORK_PROVIDERS = ("container-role", "iam-role")
"""Credential providers that query the network, which takes seconds where there is no such service."""


def session(profile: str | None = None) -> Session:
    """Return a session with boto3's usual settings and credential chain.

    Raises:
        BackendUnavailable: The profile does not exist.
    """
    import boto3
    import botocore.session
    from botocore.exceptions import ProfileNotFound

    try:
        inner = botocore.session.Session(profile=profile)
        inner.register_component("data_loader", _loader(inner.get_config_variable("data_path")))
        return boto3.Session(botocore_session=inner)
    except ProfileNotFound as error:
        suggestion = did_you_mean(profile or "", botocore.session.Session().available_profiles)
        raise BackendUnavailable(f"{error}: check the profiles in ~/.aws/config{suggestion}") from error


def local_session() -> Session:
    """Return a session for a local server, without credential providers that query the network."""
    made = session()
    providers = made._session.get_component("credential_provider")
    for name in NETWORK_PROVIDERS:
        providers.remove(name)
    return made


def local_options(session: Session, given: dict[str, Any]) -> dict[str, Any]:
    """Return the given client options, completed with a default region and placeholder credentials."""
    missing: dict[str, Any] = {}
    if session.region_name is None:
        missing["region_name"] = DEFAULT_REGION
    if "aws_access_key_id" not in given and session.get_credentials() is None:
        missing |= LOCAL_CREDENTIALS
    return {**missing, **given}


def key_of(session: Session, options: dict[str, Any]) -> str | None:
    credentials = session.get_credentials()
    key: str | None = options.get("aws_access_key_id") or (credentials.access_key if credentials else None)
    return key


@cache
def _loader(data_path: str | None) -> Loader:
    """Return a loader that all clients share: a new one parses SageMaker's model again, which takes 0.2 s."""
    from botocore.loaders import create_loader

    return create_loader(data_path)

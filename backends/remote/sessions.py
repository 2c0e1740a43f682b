"""How boto3 clients are made here: quickly, and for emulators without asking the network who one is."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import BackendUnavailable

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.loaders import Loader

DEFAULT_REGION = "us-east-1"
LOCAL_CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
ASK_THE_NETWORK = ("container-role", "iam-role")
"""Providers of credentials that are looked for on the network, seconds long where there are none."""


def session(profile: str | None = None) -> Session:
    """Return a session with boto3's usual settings and chain of credentials.

    Raises:
        BackendUnavailable: there is no such profile.
    """
    import boto3
    import botocore.session
    from botocore.exceptions import ProfileNotFound

    try:
        inner = botocore.session.Session(profile=profile)
        inner.register_component("data_loader", _loader(inner.get_config_variable("data_path")))
        return boto3.Session(botocore_session=inner)
    except ProfileNotFound as error:
        raise BackendUnavailable(f"{error}: see ~/.aws/config") from error


def local_session() -> Session:
    """Return a session for an emulator, which takes any key: the network is not asked for one."""
    made = session()
    providers = made._session.get_component("credential_provider")
    for name in ASK_THE_NETWORK:
        providers.remove(name)
    return made


def local_options(session: Session, given: dict[str, Any]) -> dict[str, Any]:
    """Return options for a client of an emulator: those given, and a region and credentials where nobody gave any."""
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
    """Return a loader for every client: one that is new for each parses SageMaker's model again, 0.2 s a client."""
    from botocore.loaders import create_loader

    return create_loader(data_path)

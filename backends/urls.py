"""The URLs of registries, with one row of properties for each scheme."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .errors import BackendUnavailable

USE_EXPORT = "use `sagemaker-registry export registry.jsonl --url {url}`"


@dataclass(frozen=True, slots=True)
class Scheme:
    """Properties of all registries whose URLs begin with a scheme.

    Functions and classes are given as `module:name`, with the module below `backends`, and are imported on first use.

    Args:
        factory: the function that takes a URL and BackendOptions and returns a Backend; for a remote registry, a
            subclass of `RemoteRegistry`. Empty for third-party schemes, which have an entry point.
        extra: the extra of this package that is required to open the registry.
        name: the name of the service, for messages.
        hosts: the suffixes of its endpoints' host names. Clients of these endpoints have no extensions.
        is_remote: whether a boto3 client can reach it without a Backend.
        is_gateway: whether a server in front of it offers no other AWS services, because artifacts and models are
            elsewhere.
        is_file: whether the URL names a database file, or memory.
        is_http: whether the URL is the address of a server.
        is_aws: whether it is AWS, where credentials are real and nothing is created without consent.
        examination: the function that yields the checks of `doctor` for a URL without opening the registry; if it is
            empty, `doctor` lists a group instead.
        start: the advice of `doctor` if no server responds on `port` of this machine.
        backup: the advice of `backup` for a `url` that is not a file.
    """

    factory: str = ""
    extra: str = ""
    name: str = ""
    hosts: tuple[str, ...] = ()
    is_remote: bool = False
    is_gateway: bool = False
    is_file: bool = False
    is_http: bool = False
    is_aws: bool = False
    examination: str = ""
    start: str = ""
    backup: str = f"{{url}} is not a file: {USE_EXPORT}"


_SERVED = Scheme(
    "remote.http:ServedRegistry",
    "server",
    is_remote=True,
    is_gateway=True,
    is_http=True,
    backup="{url} is a server: back up its database file with --url sqlite:///FILE on its machine, or "
    f"{USE_EXPORT} for the account and region of your credentials",
)

SCHEMES: dict[str, Scheme] = {
    "sqlite": Scheme(
        "local:open_sqlite",
        "server",
        is_file=True,
        examination="store.sqlite.diagnosis:examine",
        backup=f"{{url}} is in memory: {USE_EXPORT}",
    ),
    "postgresql": Scheme(
        "local:open_postgres",
        "postgres",
        examination="store.postgres:examine",
        backup="{url} is a PostgreSQL database: use `pg_dump --format=custom --file=registry.dump {url}`, and restore "
        "it with pg_restore",
    ),
    "moto": Scheme(
        "remote.moto:MotoRegistry",
        "moto",
        "moto",
        hosts=("moto.invalid",),  # not a real host: moto responds in this process
        is_remote=True,
        backup=f"{{url}} is in memory: {USE_EXPORT}",
    ),
    "http": replace(_SERVED, start="start it with `sagemaker-registry serve --port {port}`"),
    "https": _SERVED,
    "aws": Scheme(
        "remote.aws:AWSRegistry",
        "server",
        "AWS",
        hosts=(".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".on.aws"),
        is_remote=True,
        is_gateway=True,
        is_aws=True,
        backup=f"{{url}} is stored by AWS: {USE_EXPORT}",
    ),
}


def scheme_of(url: str) -> Scheme:
    """Return the row of a URL; for a third-party scheme, an empty row."""
    return SCHEMES.get(urlsplit(url).scheme, Scheme())


def service_at(endpoint: str) -> Scheme | None:
    """Return the row of the service at an endpoint, by its host name; None for an unknown service."""
    host = urlsplit(endpoint).hostname or ""
    return next((row for row in SCHEMES.values() if row.hosts and host.endswith(row.hosts)), None)


def load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(f"{__package__}.{module}"), attribute)


def database_file(url: str) -> Path | None:
    """Return the file that a `sqlite:` URL names; None for memory and for other schemes.

    Raises:
        BackendUnavailable: the `sqlite:` URL names neither a file nor memory.
    """
    parts = urlsplit(url)
    if not scheme_of(url).is_file:
        return None
    if parts.netloc or parts.query or parts.fragment:
        raise BackendUnavailable(
            f"invalid SQLite URL {without_password(url)!r}: expected sqlite:///registry.db (relative path), "
            "sqlite:////data/registry.db (absolute path) or sqlite:// (memory)"
        )
    path = unquote(parts.path)[1:]
    return Path(path).expanduser() if path else None


def is_memory(url: str) -> bool:
    """Return whether a registry is in memory, and is therefore under test control by default."""
    return scheme_of(url).is_file and database_file(url) is None


def is_gateway(url: str) -> bool:
    return scheme_of(url).is_gateway


def is_aws(url: str) -> bool:
    return (service_at(url) or scheme_of(url)).is_aws


def default_url() -> str:
    """Return the URL of the default registry, a file in the user's data folder."""
    from platformdirs import user_data_path

    return f"sqlite:///{user_data_path('sagemaker-registry', appauthor=False) / 'registry.db'}"


def without_password(url: str) -> str:
    """Return a URL without its password, which may contain any characters, for display and storage."""
    bare = re.sub(r"(?<=://)([^/:@]*):.*@", r"\1@", url)
    return re.sub(r"(?<=[?&])password=[^&]*(&|$)", "", bare).rstrip("?&")

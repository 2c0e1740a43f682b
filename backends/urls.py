"""The URLs of registries: one row for each scheme, and everything that follows from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from .errors import BackendUnavailable

USE_EXPORT = "sagemaker-registry export registry.jsonl --url {url} writes what is in it"


@dataclass(frozen=True, slots=True)
class Scheme:
    """What is known of every registry whose URL begins with a scheme.

    Functions and classes are named as `module:name`, the module below `backends`, and imported on first use.

    Args:
        factory: opens the registry: a function that takes the URL and the BackendOptions and returns a Backend; for a
            remote registry a class, `RemoteRegistry`. Empty for schemes of third parties, which have an entry point.
        extra: of the package, that an installation needs to open it.
        name: of the service, in sentences.
        hosts: how the host names of its endpoints end. Clients on these have no extensions.
        is_remote: whether a boto3 client reaches it without a Backend in between.
        is_gateway: whether it is served without other AWS services: its artifacts and models are elsewhere.
        is_file: whether its URL names a database file, or memory.
        is_http: whether its URL is the address of a server.
        is_aws: whether it is AWS, where credentials are real and nothing is made without consent.
        examination: yields what `doctor` says of a store, for its URL, without opening it as a registry; without one,
            `doctor` lists a group.
        start: what `doctor` advises if nothing answers on the URL's `port` of this machine.
        backup: what `backup` advises for a `url` that is not a file.
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
    backup="{url} is served: back up the file it serves, where that is, with --url sqlite:///FILE while it runs; or "
    f"{USE_EXPORT}, as far as the account and region of your credentials go",
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
        backup="{url} is backed up by PostgreSQL: pg_dump --format=custom --file=registry.dump {url}, and pg_restore "
        "brings it back",
    ),
    "moto": Scheme(
        "remote.moto:MotoRegistry",
        "moto",
        "moto",
        hosts=("moto.invalid",),  # moto answers in this process: there is no such host to ask
        is_remote=True,
        backup=f"{{url}} is in memory: {USE_EXPORT}",
    ),
    "http": replace(_SERVED, start="start it: sagemaker-registry serve --port {port}"),
    "https": _SERVED,
    "aws": Scheme(
        "remote.aws:AWSRegistry",
        "server",
        "AWS",
        hosts=(".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".on.aws"),
        is_remote=True,
        is_gateway=True,
        is_aws=True,
        backup=f"{{url}} is kept by AWS: {USE_EXPORT}",
    ),
}


def scheme_of(url: str) -> Scheme:
    """Return the row of a URL; for the scheme of a third party, one that says nothing."""
    return SCHEMES.get(urlsplit(url).scheme, Scheme())


def service_at(endpoint: str) -> Scheme | None:
    """Return the row of the service that has an endpoint, by its host name; None for a server of anybody else."""
    host = urlsplit(endpoint).hostname or ""
    return next((row for row in SCHEMES.values() if row.hosts and host.endswith(row.hosts)), None)


def load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(f"{__package__}.{module}"), attribute)


def database_file(url: str) -> Path | None:
    """Return the file a `sqlite:` URL names; None for memory, and for other schemes.

    Raises:
        BackendUnavailable: a `sqlite:` URL that is neither of a file nor of memory.
    """
    parts = urlsplit(url)
    if not scheme_of(url).is_file:
        return None
    if parts.netloc or parts.query or parts.fragment:
        raise BackendUnavailable(
            f"{without_password(url)!r}: write sqlite:///registry.db for a file here, sqlite:////data/registry.db for "
            "an absolute path, or sqlite:// for memory"
        )
    path = unquote(parts.path)[1:]
    return Path(path).expanduser() if path else None


def is_memory(url: str) -> bool:
    """Whether a registry is gone when it is closed, and so is under test control unless somebody says otherwise."""
    return scheme_of(url).is_file and database_file(url) is None


def is_gateway(url: str) -> bool:
    return scheme_of(url).is_gateway


def is_aws(url: str) -> bool:
    return (service_at(url) or scheme_of(url)).is_aws


def default_url() -> str:
    """Return the URL of the registry of whoever names none: a file in the user's own data folder."""
    from platformdirs import user_data_path

    return f"sqlite:///{user_data_path('sagemaker-registry', appauthor=False) / 'registry.db'}"


def without_password(url: str) -> str:
    """Return a URL that may be shown and kept: the same, but for the password, whatever characters that has."""
    bare = re.sub(r"(?<=://)([^/:@]*):.*@", r"\1@", url)
    return re.sub(r"(?<=[?&])password=[^&]*(&|$)", "", bare).rstrip("?&")

"""The URLs of registries: every scheme, and what follows from one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .errors import BackendUnavailable


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a registry is reached whose URL begins with it.

    Args:
        module: of the function that opens it.
        opener: takes the URL and the surroundings, and returns a Backend.
        extra: what an install needs for it.
        has_client: whether the module has `client(url, **boto)` too, as boto3 reaches it without a Backend in between;
            and `of_client(url, surroundings, **boto)`, the same behind rules.
        alone: whether it is served without the rest of AWS beside it, for its artefacts and models are elsewhere.
    """

    module: str
    opener: str = "open_registry"
    extra: str = "server"
    has_client: bool = False
    alone: bool = False


SCHEMES: dict[str, Scheme] = {
    "sqlite": Scheme("local", "open_sqlite"),
    "postgresql": Scheme("local", "open_postgres", "postgres"),
    "moto": Scheme("remote.moto", extra="moto", has_client=True),
    "http": Scheme("remote.http", has_client=True, alone=True),
    "https": Scheme("remote.http", has_client=True, alone=True),
    "aws": Scheme("remote.aws", has_client=True, alone=True),
}


def database_file(url: str) -> Path | None:
    """Return the file a `sqlite:` URL names; None for memory, and for other schemes.

    Raises:
        BackendUnavailable: a `sqlite:` URL that is neither of a file nor of memory.
    """
    parts = urlsplit(url)
    if parts.scheme != "sqlite":
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
    return urlsplit(url).scheme == "sqlite" and database_file(url) is None


def default_url() -> str:
    """Return the URL of the registry of whoever names none: a file in the user's own data folder."""
    from platformdirs import user_data_path

    return f"sqlite:///{user_data_path('sagemaker-registry', appauthor=False) / 'registry.db'}"


def without_password(url: str) -> str:
    """Return a URL that may be shown and kept: the same, but for the password, whatever characters that has."""
    bare = re.sub(r"(?<=://)([^/:@]*):.*@", r"\1@", url)
    return re.sub(r"(?<=[?&])password=[^&]*(&|$)", "", bare).rstrip("?&")


def is_gateway(url: str) -> bool:
    """Whether the registry of a URL is served without the rest of AWS beside it."""
    return urlsplit(url).scheme in SCHEMES and SCHEMES[urlsplit(url).scheme].alone

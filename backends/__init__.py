"""What a registry is: backends behind one URL, each imported on first use."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote, urlsplit

from .errors import CannotOpen, RegistryError

if TYPE_CHECKING:  # at run time the base install, which lacks what a registry needs, imports this module too
    from mypy_boto3_sagemaker import SageMakerClient

    from .base import Backend, Surroundings
    from .staged import Staged

__all__ = ["CannotOpen", "RegistryError", "open_backend", "open_client"]

ENTRY_POINTS = "sagemaker_registry.backends"


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
    "moto": Scheme("moto", extra="moto", has_client=True),
    "http": Scheme("http", has_client=True, alone=True),
    "https": Scheme("http", has_client=True, alone=True),
    "aws": Scheme("aws", has_client=True, alone=True),
}


Opener: TypeAlias = "Callable[[str, Surroundings], Backend]"


def open_backend(url: str, surroundings: Surroundings | None = None) -> Backend:
    """Open the registry a URL names.

    `sqlite:///registry.db`, `sqlite://` (memory), `postgresql://host/database`, `moto://`, `http://host:port`, `aws://`.

    Third parties add a scheme by an entry point of the group `sagemaker_registry.backends`, named as the scheme: a
    callable that takes the URL and the surroundings.

    Raises:
        CannotOpen: an unknown scheme, a missing extra, or a store that cannot be used; the sentence says what to do.
    """
    opener = _opener(url)
    from .base import Surroundings

    try:
        return opener(url, surroundings or Surroundings())
    except ModuleNotFoundError as error:
        raise _lacking(urlsplit(url).scheme, error) from error


def database_file(url: str) -> Path | None:
    """Return the file a `sqlite:` URL names; None for memory, and for other schemes.

    Raises:
        CannotOpen: a `sqlite:` URL that is neither of a file nor of memory.
    """
    parts = urlsplit(url)
    if parts.scheme != "sqlite":
        return None
    if parts.netloc or parts.query or parts.fragment:
        raise CannotOpen(
            f"{without_password(url)!r}: write sqlite:///registry.db for a file here, sqlite:////data/registry.db for "
            "an absolute path, or sqlite:// for memory"
        )
    path = unquote(parts.path)[1:]
    return Path(path).expanduser() if path else None


def open_client(url: str, **boto: Any) -> SageMakerClient | None:
    """Return a boto3 client that reaches the registry of a URL by itself; None if it takes a Backend to answer it.

    Raises:
        CannotOpen: as `open_backend`.
    """
    name = urlsplit(url).scheme
    if name not in SCHEMES or not SCHEMES[name].has_client:
        return None
    client: SageMakerClient = _module(name).client(url, **boto)
    return client


def open_guarded(url: str, surroundings: Surroundings, **boto: Any) -> Backend:
    """Open the registry of a URL behind the rules of its surroundings, for one caller: who has the keys of `boto`.

    Raises:
        CannotOpen: as `open_backend`, or a rule needs what the registry lacks.
    """
    name = urlsplit(url).scheme
    if name not in SCHEMES or not SCHEMES[name].has_client:
        return open_backend(url, surroundings)
    backend: Backend = _module(name).of_client(url, surroundings, **boto)
    return backend


def open_staged(url: str, surroundings: Surroundings | None = None, **boto: Any) -> Staged:
    """Open the registry of a URL under test control; behind the rules of its surroundings, as `open_guarded`.

    Raises:
        CannotOpen: as `open_guarded`.
    """
    _opener(url)  # says what is missing before the next lines need the same packages
    from msgspec.structs import replace

    from .base import Surroundings
    from .clock import Clock
    from .identities import Identities
    from .staged import Staged

    clock = Clock()
    surroundings = replace(surroundings or Surroundings(), clock=clock)
    backend = open_guarded(url, surroundings, **boto)
    return Staged(backend, clock, Identities(surroundings.settings.identities, surroundings.identify).recognise)


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


def is_alone(url: str) -> bool:
    """Whether the registry of a URL is served without the rest of AWS beside it."""
    return urlsplit(url).scheme in SCHEMES and SCHEMES[urlsplit(url).scheme].alone


def _module(scheme: str) -> Any:
    """Return the module of a scheme, loaded at its first use."""
    try:
        return import_module(f"{__name__}.{SCHEMES[scheme].module}")
    except ModuleNotFoundError as error:
        raise _lacking(scheme, error) from error


def _lacking(scheme: str, error: ModuleNotFoundError) -> CannotOpen:
    package = (error.name or "").partition(".")[0]
    extra = f": pip install 'sagemaker-registry[{SCHEMES[scheme].extra}]'" if scheme in SCHEMES else ""
    return CannotOpen(f"{scheme}:// needs the package {package!r}{extra}")


def _opener(url: str) -> Opener:
    scheme = urlsplit(url).scheme
    if scheme in SCHEMES:
        opener: Opener = getattr(_module(scheme), SCHEMES[scheme].opener)
        return opener
    from importlib.metadata import entry_points  # which takes the email package along

    for entry in entry_points(group=ENTRY_POINTS, name=scheme):
        return entry.load()  # type: ignore[no-any-return]
    known = ", ".join(f"{name}://" for name in sorted({*SCHEMES, *entry_points(group=ENTRY_POINTS).names}))
    raise CannotOpen(f"{without_password(url)!r} does not name a registry: it should begin with one of {known}")

"""What a registry is: backends behind one URL, each imported on first use."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit

from .errors import CannotOpen, RegistryError

if TYPE_CHECKING:  # at run time the base install, which lacks what a registry needs, imports this module too
    from .base import Backend, Surroundings

__all__ = ["CannotOpen", "RegistryError", "open_backend"]

ENTRY_POINTS = "sagemaker_registry.backends"

SCHEMES: dict[str, tuple[str, str]] = {
    # scheme: (module:Opener, extra that brings what it needs)
    "sqlite": (f"{__name__}.local.sqlite:open_registry", "server"),
    "postgresql": (f"{__name__}.local.postgres:open_registry", "postgres"),
}


Opener: TypeAlias = "Callable[[str, Surroundings], Backend]"


def open_backend(url: str, surroundings: Surroundings | None = None) -> Backend:
    """Open the registry a URL names: `sqlite:///registry.db`, `sqlite://` (memory), `postgresql://host/database`.

    Third parties add a scheme by an entry point of the group `sagemaker_registry.backends`, named as the scheme: a
    callable that takes the URL and the surroundings.

    Raises:
        CannotOpen: an unknown scheme, a missing extra, or a store that cannot be used; the sentence says what to do.
    """
    opener = _opener(url)
    from .base import Surroundings

    return opener(url, surroundings or Surroundings())


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


def without_password(url: str) -> str:
    """Return a URL that may be shown: without its password, whatever characters that has."""
    return re.sub(r"(?<=://)([^/:@]*):.*@|(?<=password=)[^&]*", lambda found: _hidden(found[1]), url)


def _hidden(user: str | None) -> str:
    return "***" if user is None else f"{user}:***@"


def _opener(url: str) -> Opener:
    scheme = urlsplit(url).scheme
    if scheme in SCHEMES:
        target, extra = SCHEMES[scheme]
        module, _, name = target.partition(":")
        try:
            opener: Opener = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            raise CannotOpen(
                f"{scheme}:// needs the package {error.name!r}: pip install 'sagemaker-registry[{extra}]'"
            ) from error
        return opener
    for entry in entry_points(group=ENTRY_POINTS, name=scheme):
        return entry.load()  # type: ignore[no-any-return]
    known = ", ".join(f"{name}://" for name in sorted({*SCHEMES, *entry_points(group=ENTRY_POINTS).names}))
    raise CannotOpen(f"{without_password(url)!r} does not name a registry: it should begin with one of {known}")

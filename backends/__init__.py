"""What a registry is: backends behind one URL, each imported on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from .errors import BackendUnavailable, RegistryError
from .urls import SCHEMES, without_password

if TYPE_CHECKING:  # at run time the base install, which lacks what a registry needs, imports this module too
    from mypy_boto3_sagemaker import SageMakerClient

    from .base import Backend, BackendOptions
    from .testing.controlled import ControlledBackend

__all__ = ["BackendUnavailable", "RegistryError", "open_backend", "open_client"]

ENTRY_POINTS = "sagemaker_registry.backends"


Opener: TypeAlias = "Callable[[str, BackendOptions], Backend]"


def open_backend(url: str, options: BackendOptions | None = None) -> Backend:
    """Open the registry a URL names.

    `sqlite:///registry.db`, `sqlite://` (memory), `postgresql://host/database`, `moto://`, `http://host:port`, `aws://`.

    Third parties add a scheme by an entry point of the group `sagemaker_registry.backends`, named as the scheme: a
    callable that takes the URL and the surroundings.

    Raises:
        BackendUnavailable: an unknown scheme, a missing extra, or an unusable store; the message says what to do.
    """
    with _naming_what_is_missing(url):
        from .base import BackendOptions

        return _opener(url)(url, options or BackendOptions())


def open_client(url: str, **boto: Any) -> SageMakerClient | None:
    """Return a boto3 client that reaches the registry of a URL by itself; None if it takes a Backend to answer it.

    Raises:
        BackendUnavailable: as `open_backend`.
    """
    name = urlsplit(url).scheme
    if name not in SCHEMES or not SCHEMES[name].has_client:
        return None
    with _naming_what_is_missing(url):
        client: SageMakerClient = _module(name).client(url, **boto)
        return client


def open_guarded(url: str, options: BackendOptions, **boto: Any) -> Backend:
    """Open the registry of a URL behind the rules of its surroundings, for one caller: who has the keys of `boto`.

    Raises:
        BackendUnavailable: as `open_backend`, or a rule needs what the registry lacks.
    """
    name = urlsplit(url).scheme
    if name not in SCHEMES or not SCHEMES[name].has_client:
        return open_backend(url, options)
    with _naming_what_is_missing(url):
        backend: Backend = _module(name).of_client(url, options, **boto)
        return backend


def open_controlled(url: str, options: BackendOptions | None = None, **boto: Any) -> ControlledBackend:
    """Open the registry of a URL under test control; behind the rules of its surroundings, as `open_guarded`.

    Raises:
        BackendUnavailable: as `open_guarded`.
    """
    with _naming_what_is_missing(url):
        from msgspec.structs import replace

        from .base import BackendOptions
        from .identities import Identities
        from .testing.clock import Clock
        from .testing.controlled import ControlledBackend

    clock = Clock()
    options = replace(options or BackendOptions(), clock=clock)
    backend = open_guarded(url, options, **boto)
    return ControlledBackend(backend, clock, Identities(options.settings.identities, options.identify).recognise)


def _module(scheme: str) -> Any:
    return import_module(f"{__name__}.{SCHEMES[scheme].module}")


@contextmanager
def _naming_what_is_missing(url: str) -> Iterator[None]:
    """Raise BackendUnavailable with the extra to install if the block lacks a package."""
    try:
        yield
    except ModuleNotFoundError as error:
        scheme, package = urlsplit(url).scheme, (error.name or "").partition(".")[0]
        extra = f": pip install 'sagemaker-registry[{SCHEMES[scheme].extra}]'" if scheme in SCHEMES else ""
        raise BackendUnavailable(f"{scheme}:// needs the package {package!r}{extra}") from error


def _opener(url: str) -> Opener:
    scheme = urlsplit(url).scheme
    if scheme in SCHEMES:
        opener: Opener = getattr(_module(scheme), SCHEMES[scheme].opener)
        return opener
    from importlib.metadata import entry_points  # which takes the email package along

    for entry in entry_points(group=ENTRY_POINTS, name=scheme):
        return entry.load()  # type: ignore[no-any-return]
    known = ", ".join(f"{name}://" for name in sorted({*SCHEMES, *entry_points(group=ENTRY_POINTS).names}))
    raise BackendUnavailable(f"{without_password(url)!r} does not name a registry: it should begin with one of {known}")

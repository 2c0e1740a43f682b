"""What a registry is: backends behind one URL, each imported on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from .errors import BackendUnavailable, RegistryError
from .urls import SCHEMES, load, scheme_of, without_password

if TYPE_CHECKING:  # at run time the base install, which lacks what a registry needs, imports this module too
    from mypy_boto3_sagemaker import SageMakerClient

    from .base import Backend, BackendOptions
    from .remote.registry import RemoteRegistry
    from .testing.controlled import ControlledBackend

__all__ = ["BackendUnavailable", "RegistryError", "open_backend"]

ENTRY_POINTS = "sagemaker_registry.backends"


Factory: TypeAlias = "Callable[[str, BackendOptions], Backend]"


def open_backend(url: str, options: BackendOptions | None = None) -> Backend:
    """Open the registry a URL names.

    `sqlite:///registry.db`, `sqlite://` (memory), `postgresql://host/database`, `moto://`, `http://host:port`, `aws://`.

    Third parties add a scheme by an entry point of the group `sagemaker_registry.backends`, named as the scheme: a
    callable that takes the URL and a `BackendOptions`.

    Raises:
        BackendUnavailable: an unknown scheme, a missing extra, or an unusable store; the message says what to do.
    """
    with _naming_what_is_missing(url):
        from .base import BackendOptions

        options = options or BackendOptions()
        return _open_remote(url, options, None) if scheme_of(url).is_remote else _factory(url)(url, options)


def open_client(url: str, **boto: Any) -> SageMakerClient | None:
    """Return a boto3 client that reaches the registry of a URL by itself; None if it takes a Backend to answer it.

    Raises:
        BackendUnavailable: as `open_backend`.
    """
    row = scheme_of(url)
    if not row.is_remote:
        return None
    with _naming_what_is_missing(url):
        client: SageMakerClient = load(row.factory)(url, boto).client()
        return client


def open_guarded(url: str, options: BackendOptions, **boto: Any) -> Backend:
    """Open the registry of a URL behind the rules of its settings, for one caller: who has the keys of `boto`.

    Raises:
        BackendUnavailable: as `open_backend`, or a rule needs what the registry lacks.
    """
    if not scheme_of(url).is_remote:
        return open_backend(url, options)
    with _naming_what_is_missing(url):
        return _open_remote(url, options, boto)


def open_controlled(url: str, options: BackendOptions | None = None, **boto: Any) -> ControlledBackend:
    """Open the registry of a URL under test control; behind the rules of its settings, as `open_guarded`.

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


def _open_remote(url: str, options: BackendOptions, boto: dict[str, Any] | None) -> Backend:
    """Open a remote registry behind the rules, for the caller with the keys of `boto`; for any caller if it is None."""
    from .approval.guard import guarded
    from .remote.base import RemoteBackend

    remote: RemoteRegistry = load(scheme_of(url).factory)(url, boto or {})
    backend = RemoteBackend(remote, None if boto is None else remote.client())
    return guarded(backend, options, remote.name, remote.account())


@contextmanager
def _naming_what_is_missing(url: str) -> Iterator[None]:
    """Raise BackendUnavailable with the extra to install if the block lacks a package."""
    try:
        yield
    except ModuleNotFoundError as error:
        extra, package = scheme_of(url).extra, (error.name or "").partition(".")[0]
        advice = f": pip install 'sagemaker-registry[{extra}]'" if extra else ""
        raise BackendUnavailable(f"{urlsplit(url).scheme}:// needs the package {package!r}{advice}") from error


def _factory(url: str) -> Factory:
    if ours := scheme_of(url).factory:
        return load(ours)  # type: ignore[no-any-return]
    from importlib.metadata import entry_points  # which takes the email package along

    for entry in entry_points(group=ENTRY_POINTS, name=urlsplit(url).scheme):
        return entry.load()  # type: ignore[no-any-return]
    known = ", ".join(f"{name}://" for name in sorted({*SCHEMES, *entry_points(group=ENTRY_POINTS).names}))
    raise BackendUnavailable(f"{without_password(url)!r} does not name a registry: it should begin with one of {known}")

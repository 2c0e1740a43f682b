"""Functions that open a registry by its URL; each backend is imported on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from .errors import BackendUnavailable, RegistryError
from .urls import SCHEMES, load, scheme_of, without_password

if TYPE_CHECKING:  # the base install imports this module too, without the packages that a backend needs
    from mypy_boto3_sagemaker import SageMakerClient

    from .base import Backend, BackendOptions
    from .remote.registry import RemoteRegistry
    from .testing.controlled import ControlledBackend

__all__ = ["BackendUnavailable", "RegistryError", "open_backend"]

ENTRY_POINTS = "sagemaker_registry.backends"


Factory: TypeAlias = "Callable[[str, BackendOptions], Backend]"


def open_backend(url: str, options: BackendOptions | None = None) -> Backend:
    """Open the registry at a URL.

    The URL is one of `sqlite:///registry.db`, `sqlite://` (in memory), `postgresql://host/database`, `moto://`,
    `http://host:port` and `aws://`. A third-party package adds a scheme with an entry point in the group
    `sagemaker_registry.backends`. The entry point has the name of the scheme and loads a callable that takes the URL
    and a `BackendOptions`.

    Raises:
        BackendUnavailable: the scheme is unknown, an extra is missing, or the store is unusable; the message contains
            the fix.
    """
    with _explaining_missing_packages(url):
        from .base import BackendOptions

        options = options or BackendOptions()
        return _open_remote(url, options, None) if scheme_of(url).is_remote else _factory(url)(url, options)


def open_client(url: str, **boto: Any) -> SageMakerClient | None:
    """Return a boto3 client for a remote registry; None if the URL requires a Backend.

    Raises:
        BackendUnavailable: as `open_backend`.
    """
    row = scheme_of(url)
    if not row.is_remote:
        return None
    with _explaining_missing_packages(url):
        client: SageMakerClient = load(row.factory)(url, boto).client()
        return client


def open_guarded(url: str, options: BackendOptions, **boto: Any) -> Backend:
    """Open a registry behind the rules of its settings, for the one caller with the credentials in `boto`.

    Raises:
        BackendUnavailable: as `open_backend`, or a rule requires something that the registry lacks.
    """
    if not scheme_of(url).is_remote:
        return open_backend(url, options)
    with _explaining_missing_packages(url):
        return _open_remote(url, options, boto)


def open_controlled(url: str, options: BackendOptions | None = None, **boto: Any) -> ControlledBackend:
    """Open a registry under test control, behind the rules of its settings.

    Raises:
        BackendUnavailable: as `open_guarded`.
    """
    with _explaining_missing_packages(url):
        from msgspec.structs import replace

        from .base import BackendOptions
        from .identities import Identities
        from .testing.clock import Clock
        from .testing.controlled import ControlledBackend

    clock = Clock()
    options = replace(options or BackendOptions(), clock=clock)
    backend = open_guarded(url, options, **boto)
    return ControlledBackend(backend, clock, Identities(options.settings.identities, options.identify).recognize)


def _open_remote(url: str, options: BackendOptions, boto: dict[str, Any] | None) -> Backend:
    """Open a remote registry behind the rules, for the caller with the credentials in `boto`; None means any caller."""
    from .approval.guard import guarded
    from .remote.base import RemoteBackend

    remote: RemoteRegistry = load(scheme_of(url).factory)(url, boto or {})
    backend = RemoteBackend(remote, None if boto is None else remote.client())
    return guarded(backend, options, remote.name, remote.account())


@contextmanager
def _explaining_missing_packages(url: str) -> Iterator[None]:
    """Raise BackendUnavailable with the extra to install if a package is missing inside the block."""
    try:
        yield
    except ModuleNotFoundError as error:
        extra, package = scheme_of(url).extra, (error.name or "").partition(".")[0]
        advice = f": pip install 'sagemaker-registry[{extra}]'" if extra else ""
        raise BackendUnavailable(f"{urlsplit(url).scheme}:// needs the package {package!r}{advice}") from error


def _factory(url: str) -> Factory:
    if ours := scheme_of(url).factory:
        return load(ours)  # type: ignore[no-any-return]
    from importlib.metadata import entry_points  # imported here because it loads the email package

    for entry in entry_points(group=ENTRY_POINTS, name=urlsplit(url).scheme):
        return entry.load()  # type: ignore[no-any-return]
    known = ", ".join(f"{name}://" for name in sorted({*SCHEMES, *entry_points(group=ENTRY_POINTS).names}))
    raise BackendUnavailable(f"invalid registry URL {without_password(url)!r}: it must begin with one of {known}")

"""`serve`: run the server until SIGTERM or SIGINT, then finish the requests that it has accepted."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..backends import credentials, open_backend
from ..backends.base import Backend, BackendOptions, NoProbe, Probe, no_identity
from ..backends.credentials import Credential
from ..backends.errors import BackendUnavailable, RegistryError
from ..backends.identities import Identities, with_profiles
from ..backends.settings import Events, Settings
from ..backends.testing.clock import Clock
from ..backends.urls import database_file, is_gateway, is_memory, without_password
from .app import application
from .aws.deploy_gate import gate_of
from .aws.lookups import EndpointProbe, MotoProbe
from .aws.other_services import MotoApp, alone
from .aws.reset import ResetMiddleware, started
from .aws.s3_files import KeptObjects
from .aws.sts import CallerIdentity, identity_of
from .caller import caller_from
from .console import Console
from .console.site import console_of, links
from .events.dispatcher import Dispatcher, RuleWatch
from .events.sinks import EventBridge, sinks_of
from .http.server import Server, listen, url_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from ..backends.local.history.outbox import Outbox


def serve(
    backend_url: str,
    host: str,
    port: int,
    allowed_hosts: Iterable[str] = (),
    settings: Settings | None = None,
    reviewers: Sequence[str] | None = (),
    *,
    test_controls: bool | None = None,
    accepts_no_authentication: bool = False,
    prepare: Callable[[Backend], None] = lambda backend: None,
) -> None:
    """Serve a backend until SIGTERM or SIGINT.

    The first line on stdout is `listening on URL`, printed once the server accepts requests. Each login link of the
    console is a line `console:   URL`.

    Args:
        backend_url: The URL of the registry.
        host: The address to listen on.
        port: The port; 0 selects a free one.
        allowed_hosts: Additional host names that the server accepts.
        settings: The settings of registry.toml.
        reviewers: The users to print login links for; empty for the current user, None to disable the console.
        test_controls: Whether to enable test control; by default only for an in-memory registry.
        accepts_no_authentication: Whether to accept unsigned requests from other machines.
        prepare: A function that changes the registry before the first request, such as seeding it.

    Raises:
        BackendUnavailable: The backend or the address cannot be used; nothing has been printed.
    """
    switches, keys = _with_keys(settings or Settings())
    file = database_file(backend_url)
    moto = MotoApp(KeptObjects(file.with_name(file.name + ".s3")) if file else None)
    clock = Clock()
    options = options_of_settings(switches, moto, clock, is_gateway=is_gateway(backend_url))
    identities = Identities(switches.identities, options.identify)
    shown, hosts = without_password(backend_url), [*allowed_hosts, host]
    with ExitStack() as opened:
        backend = opened.enter_context(open_backend(backend_url, options))
        listener = opened.enter_context(listen(host, port, anywhere=bool(keys) or accepts_no_authentication))
        authenticated = _authentication(keys, switches) if keys else None
        try:
            backend.ping()  # fail at startup, not on the first request
        except RegistryError as error:
            raise BackendUnavailable(error.message) from error
        prepare(backend)
        moto.gate = gate_of(backend)
        other_services: WSGIApplication = alone if is_gateway(backend_url) else CallerIdentity(moto, identities)
        dispatcher = _dispatcher(opened, backend, switches.events, shown)
        if dispatcher is not None and switches.events.eventbridge and not is_gateway(backend_url):
            other_services = RuleWatch(other_services, partial(dispatcher.add, EventBridge(moto), afresh=True))
        if is_memory(backend_url) if test_controls is None else test_controls:
            backend = controlled = started(backend, clock, backend_url, identities.recognize)
            other_services = ResetMiddleware(other_services, controlled, moto)
        console = console_of(backend_url, hosts, switches, reviewers) if reviewers is not None else None
        if console is not None:
            console = replace(console, address=_reachable(url_of(listener)))
        app = application(
            backend,
            other_services=other_services,
            allowed_hosts=hosts,
            registry=shown,
            reviewed_at=console,
            say=_say,
            authenticated=authenticated,
        )
        server = Server(app, listener, admits=_admission(keys, switches)) if keys else Server(app, listener)
        _stop_on_signals(server, dispatcher)
        _announce(url_of(listener), shown, console, is_signed=bool(keys))
        server.run()


def _dispatcher(opened: ExitStack, backend: Backend, events: Events, shown: str) -> Dispatcher | None:
    """Return the event dispatcher of a backend; None if the backend has no events.

    Raises:
        BackendUnavailable: The settings name event targets, but the backend has no events or cannot register them.
    """
    sinks = sinks_of(events)
    outbox: Outbox | None = backend.outbox
    if outbox is None:
        if sinks:
            raise BackendUnavailable(
                f"[events]: {shown} does not support event delivery; use sqlite:// or postgresql://, or remove [events]"
            )
        return None
    try:
        return opened.enter_context(Dispatcher(outbox, sinks, events))
    except RegistryError as error:
        raise BackendUnavailable(f"{shown}: cannot register the event targets: {error}") from error


def _stop_on_signals(server: Server, dispatcher: Dispatcher | None) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        server.stop()
        if dispatcher is not None:
            dispatcher.let_go()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _with_keys(settings: Settings) -> tuple[Settings, Mapping[str, Credential]]:
    """Return the settings, completed with the users of the credentials file, and its access keys."""
    if not (file := settings.authentication.credentials):
        return settings, {}
    keys = credentials.load(Path(file))
    return replace(settings, identities=with_profiles(settings.identities, keys)), keys


def _authentication(keys: Mapping[str, Credential], settings: Settings) -> Callable[..., WSGIApplication]:
    from .auth.authentication import Authentication

    return partial(Authentication, keys=keys, strictness=settings.authentication)


def _admission(keys: Mapping[str, Credential], settings: Settings) -> Callable[[str, str], bool]:
    """Return a predicate: whether an Authorization header or a query string names a known access key."""
    from .auth.authentication import proof_of

    return lambda authorization, query: (
        proof_of(caller_from(authorization, query), keys, settings.authentication) is not None
    )


def _announce(url: str, registry: str, console: Console | None, *, is_signed: bool) -> None:
    _say(f"listening on {url}")
    _say(f"registry:  {registry}")
    needed = "use an access key from the credentials file" if is_signed else "any credentials work"
    _say(f"point AWS clients here ({needed}):")
    _say(f"  export AWS_ENDPOINT_URL={_reachable(url)}")
    for line in links(console) if console is not None else ():
        _say(line)
    _say("press Ctrl+C to stop")


def options_of_settings(settings: Settings, moto: MotoApp, clock: Clock, *, is_gateway: bool) -> BackendOptions:
    """Return the options to open a registry with; a gateway has no S3 and STS on the same endpoint."""
    probe: Probe = NoProbe() if is_gateway else MotoProbe(moto)
    if endpoint := settings.checks.s3_endpoint:
        probe = EndpointProbe(moto, endpoint)
    return BackendOptions(settings, probe, no_identity if is_gateway else identity_of, clock)


def _reachable(url: str) -> str:
    """Return the URL for clients on this machine, with loopback in place of a wildcard address."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def _say(line: str) -> None:
    print(line, flush=True)

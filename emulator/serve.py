"""The emulator as a process: bind, say where, answer until told to stop, finish what was begun.

The server is waitress, which serves a socket we bound, in one process that owns the database, on every platform (what
that costs: benchmarks/NOTES.md). It is driven here rather than by its own loop, which drops queued requests when
it stops.
"""

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
from .aws.lookups import EndpointProbe, MotoProbe
from .aws.other_services import MotoApp, alone
from .aws.reset import NoResetMiddleware, ResetMiddleware, started
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

    The first line on stdout is `listening on URL`, printed when requests are answered; the login links of the console
    are lines of their own, `console:   URL`, and the last one says how to stop.

    Args:
        backend_url: the URL of the registry.
        host: the address to listen on.
        port: 0 picks a free one.
        allowed_hosts: more host names that the server answers for.
        settings: those of registry.toml.
        reviewers: the names that login links are printed for; empty for the current user, None for no console.
        test_controls: whether test control is on; if None, only for a registry in memory.
        accepts_no_authentication: whether to answer unsigned requests on an address that other machines reach.
        prepare: changes the registry before the first request, such as seeding it.

    Raises:
        BackendUnavailable: the backend or the address cannot be used; nothing was printed.
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
            backend.ping()  # at start rather than at a client's first request
        except RegistryError as error:
            raise BackendUnavailable(error.message) from error
        prepare(backend)
        other_services: WSGIApplication = alone if is_gateway(backend_url) else CallerIdentity(moto, identities)
        dispatcher = _dispatcher(opened, backend, switches.events, shown)
        if dispatcher is not None and switches.events.eventbridge and not is_gateway(backend_url):
            other_services = RuleWatch(other_services, partial(dispatcher.add, EventBridge(moto), afresh=True))
        if is_memory(backend_url) if test_controls is None else test_controls:
            backend = controlled = started(backend, clock, backend_url, identities.recognise)
            other_services = ResetMiddleware(other_services, controlled, moto)
        else:
            other_services = NoResetMiddleware(other_services)
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
        _tell(url_of(listener), shown, console, is_signed=bool(keys))
        server.run()


def _dispatcher(opened: ExitStack, backend: Backend, events: Events, shown: str) -> Dispatcher | None:
    """Return what delivers the events of a backend; None if it has none, which is an error only if sinks are set."""
    sinks = sinks_of(events)
    outbox: Outbox | None = backend.outbox
    if outbox is None:
        if sinks:
            raise BackendUnavailable(f"[events] of the settings: {shown} has no events to deliver")
        return None
    try:
        return opened.enter_context(Dispatcher(outbox, sinks, events))
    except RegistryError as error:
        raise BackendUnavailable(f"{shown} cannot note whom to tell of events: {error}") from error


def _stop_on_signals(server: Server, dispatcher: Dispatcher | None) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        server.stop()
        if dispatcher is not None:
            dispatcher.let_go()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _with_keys(settings: Settings) -> tuple[Settings, Mapping[str, Credential]]:
    """Return settings with the people of the credentials file, and the keys in it."""
    if not (file := settings.authentication.credentials):
        return settings, {}
    keys = credentials.load(Path(file))
    return replace(settings, identities=with_profiles(settings.identities, keys)), keys


def _authentication(keys: Mapping[str, Credential], settings: Settings) -> Callable[..., WSGIApplication]:
    from .auth.authentication import Authentication

    return partial(Authentication, keys=keys, strictness=settings.authentication)


def _admission(keys: Mapping[str, Credential], settings: Settings) -> Callable[[str, str], bool]:
    """Return a function that tells whether an Authorization header or a query names a known access key."""
    from .auth.authentication import proof_of

    return lambda authorization, query: (
        proof_of(caller_from(authorization, query), keys, settings.authentication) is not None
    )


def _tell(url: str, registry: str, console: Console | None, *, is_signed: bool) -> None:
    _say(f"listening on {url}")
    _say(f"registry:  {registry}")
    needed = "signed with an access key of the credentials file" if is_signed else "any credentials will do"
    _say(f"point AWS clients here ({needed}):")
    _say(f"  export AWS_ENDPOINT_URL={_reachable(url)}")
    for line in links(console) if console is not None else ():
        _say(line)
    _say("stop with Ctrl-C")


def options_of_settings(settings: Settings, moto: MotoApp, clock: Clock, *, is_gateway: bool) -> BackendOptions:
    """Return the options to open a served registry with; a gateway has no S3 and no STS next to it."""
    probe: Probe = NoProbe() if is_gateway else MotoProbe(moto)
    if endpoint := settings.checks.s3_endpoint:
        probe = EndpointProbe(moto, endpoint)
    return BackendOptions(settings, probe, no_identity if is_gateway else identity_of, clock)


def _reachable(url: str) -> str:
    """Return a URL that a client on this machine can use, also where the server listens on every address."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def _say(line: str) -> None:
    print(line, flush=True)

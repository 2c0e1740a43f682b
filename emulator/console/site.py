"""What every request of the console passes: where it looks, who is there, and the headers of every answer."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from ...backends.base import DEFAULT_ACCOUNT, DEFAULT_REGION, Caller
from ...backends.errors import BackendUnavailable
from ...backends.identities import Identities
from ...backends.settings import ACCOUNT_ID, IdentityTable, Settings
from ...backends.urls import database_file, is_gateway, without_password
from ..responses import CONSOLE_HEADERS
from ..routes import CONSOLE_PREFIX, is_console
from .sessions import USER, Session, Sessions

if TYPE_CHECKING:
    from flask import Request, Response
    from werkzeug.wrappers import Response as BaseResponse

_NAMED_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")

STATIC: Final = Path(__file__).parent / "static"

FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
"""On static files: pages name them by their content, so that a new one has a new address."""

_ACCOUNT = re.compile(ACCOUNT_ID)
_REGION = re.compile(r"[a-z0-9-]{9,16}")


class Place(msgspec.Struct, frozen=True):
    """The account and the region that pages look at."""

    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION

    @property
    def is_possible(self) -> bool:
        """Whether AWS could have it."""
        return bool(_ACCOUNT.fullmatch(self.account) and _REGION.fullmatch(self.region))


class Site(msgspec.Struct, frozen=True):
    """What Health shows of the server: its backend's URL without a password, its database file, its host names."""

    url: str = ""
    file: Path | None = None
    hosts: tuple[str, ...] = ()


class Console(msgspec.Struct, frozen=True):
    """The console of one server.

    Args:
        home: the account and region of pages whose path names none.
        site: what Health shows of the server.
        remote: whether every call of its backend goes over a network, to where the account is not ours to say.
        people: the identities of registry.toml.
        users: the people that login links are printed for.
        sessions: the open sessions.
        is_strict: whether requests are signed or rules say who may decide: no page then shows a login link for another
            user.
        address: the URL that login links are printed with, never the Host of a request, which a client may choose;
            empty, only paths are printed.
    """

    home: Place = msgspec.field(default_factory=Place)
    site: Site = msgspec.field(default_factory=Site)
    remote: bool = False
    people: Mapping[str, IdentityTable] = msgspec.field(default_factory=dict)
    users: Sequence[str] = ()
    sessions: Sessions = msgspec.field(default_factory=Sessions)
    is_strict: bool = False
    address: str = ""

    def caller(self, user: str, place: Place, request_id: str) -> Caller:
        table = self.people.get(user)
        key = table.access_key if table is not None and table.access_key else user
        caller = Caller(place.account, place.region, key, request_id)
        return Identities(self.people).called(user, caller) if table is not None and key == user else caller

    def arn(self, caller: Caller) -> str:
        return Identities(self.people).recognise(caller).arn

    def named(self, access_key: str) -> str:
        """Return the name of an access key's owner, where registry.toml has it: such a key is never shown."""
        return next((name for name, table in self.people.items() if table.access_key == access_key), access_key)

    def path_of_link(self, user: str) -> str:
        if not USER.fullmatch(user):
            raise ValueError(f"{user!r} is not a name: it begins with a letter, and has letters, digits and _ . @ -")
        return f"{CONSOLE_PREFIX}/login?token={self.sessions.link(user)}"

    def line_of_link(self, user: str) -> str:
        """Return the line a server prints with a new login link; with several users, it names the user."""
        return f"console:   {self.address}{self.path_of_link(user)}" + (f"  ({user})" if len(self.users) > 1 else "")

    def session(self, request: Request) -> Session | None:
        value = request.cookies.get(cookie_name(request), "")
        return self.sessions.find(value) if value else None


def cookie_name(request: Request) -> str:
    """Return the name of the session's cookie: browsers send cookies to every port of a host."""
    _, _, port = request.host.rpartition(":")
    return f"registry-console-{port if port.isdigit() else '443' if request.is_secure else '80'}"


def set_cookie(request: Request, response: BaseResponse, value: str) -> None:
    """Let a browser keep a session's value, where no script reads it and no other site sends it."""
    response.set_cookie(
        cookie_name(request), value, path=CONSOLE_PREFIX, httponly=True, samesite="Strict", secure=request.is_secure
    )


def guard(response: Response, path: str) -> Response:
    if is_console(path):
        is_static = path.startswith(f"{CONSOLE_PREFIX}/static/") and response.status_code == 200
        response.headers.update({**CONSOLE_HEADERS, **(FOR_EVER if is_static else {})})
    return response


def console_of(backend_url: str, hosts: Iterable[str], settings: Settings, reviewers: Sequence[str] = ()) -> Console:
    """Return the console in front of a backend, in the region of its URL if that names one.

    Raises:
        BackendUnavailable: a reviewer's name is invalid.
    """
    users = tuple(dict.fromkeys(reviewers)) or _default_users(settings)
    for user in users:
        if not USER.fullmatch(user):
            raise BackendUnavailable(
                f"{user!r} is not a name for the console: letters, digits and _ . @ -, a letter first"
            )
    named = urlsplit(backend_url).netloc.rpartition("@")[2]
    given = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    place = Place(region=named if _NAMED_REGION.fullmatch(named) else given)
    return Console(
        home=place if place.is_possible else Place(),
        site=Site(without_password(backend_url), database_file(backend_url), tuple(hosts)),
        remote=is_gateway(backend_url),
        people=settings.identities,
        users=users,
        is_strict=bool(settings.approval or settings.authentication.credentials),
    )


def links(console: Console) -> Iterator[str]:
    for user in console.users:
        yield console.line_of_link(user)


def _default_users(settings: Settings) -> tuple[str, ...]:
    """Return the current user, or the people of registry.toml if it has others; a role is no person."""
    here = _current_user()
    people = tuple(name for name, table in settings.identities.items() if not table.role and USER.fullmatch(name))
    return (here,) if here in people or not people else people


def _current_user() -> str:
    try:
        name = re.sub(r"[^A-Za-z0-9_.@-]", "", getpass.getuser())
    except (KeyError, OSError):
        name = ""
    return name if USER.fullmatch(name) else "reviewer"

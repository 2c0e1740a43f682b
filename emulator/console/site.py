"""Configuration of the console: account, region and users; session cookies and response headers."""

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

IMMUTABLE: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
"""For static files, whose URLs contain a digest of their content."""

_ACCOUNT = re.compile(ACCOUNT_ID)
_REGION = re.compile(r"[a-z0-9-]{9,16}")


class Place(msgspec.Struct, frozen=True):
    """The account and region that pages show."""

    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION

    @property
    def is_possible(self) -> bool:
        """Whether account and region have the format of AWS."""
        return bool(_ACCOUNT.fullmatch(self.account) and _REGION.fullmatch(self.region))


class Site(msgspec.Struct, frozen=True):
    """Server details for Health: backend URL without password, database file, and host names."""

    url: str = ""
    file: Path | None = None
    hosts: tuple[str, ...] = ()


class Console(msgspec.Struct, frozen=True):
    """The console of one server.

    Args:
        home: the default account and region, for paths without them.
        site: server details for Health.
        remote: whether the backend is behind a network, so that the account is unknown here.
        people: the identities in registry.toml.
        users: the users that login links are printed for.
        sessions: the open sessions.
        is_strict: whether requests are signed or approval rules exist. Pages then show no login links for other users.
        address: the base URL of printed login links; if empty, only paths are printed. Never the Host of a request,
            which a client may choose.
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
        return Identities(self.people).recognize(caller).arn

    def named(self, access_key: str) -> str:
        """Return the name that registry.toml assigns to an access key, so that the key is not shown."""
        return next((name for name, table in self.people.items() if table.access_key == access_key), access_key)

    def path_of_link(self, user: str) -> str:
        if not USER.fullmatch(user):
            raise ValueError(f"{user!r} is not a valid user name: expected a letter, then letters, digits or _ . @ -")
        return f"{CONSOLE_PREFIX}/login?token={self.sessions.link(user)}"

    def line_of_link(self, user: str) -> str:
        """Return the line that a server prints for a new login link; it includes the user if there are several."""
        return f"console:   {self.address}{self.path_of_link(user)}" + (f"  ({user})" if len(self.users) > 1 else "")

    def session(self, request: Request) -> Session | None:
        value = request.cookies.get(cookie_name(request), "")
        return self.sessions.find(value) if value else None


def cookie_name(request: Request) -> str:
    """Return the name of the session cookie, which contains the port: browsers share cookies across ports."""
    _, _, port = request.host.rpartition(":")
    return f"registry-console-{port if port.isdigit() else '443' if request.is_secure else '80'}"


def set_cookie(request: Request, response: BaseResponse, value: str) -> None:
    """Set the session cookie so that no script can read it and no other site can send it."""
    response.set_cookie(
        cookie_name(request), value, path=CONSOLE_PREFIX, httponly=True, samesite="Strict", secure=request.is_secure
    )


def guard(response: Response, path: str) -> Response:
    if is_console(path):
        is_static = path.startswith(f"{CONSOLE_PREFIX}/static/") and response.status_code == 200
        response.headers.update({**CONSOLE_HEADERS, **(IMMUTABLE if is_static else {})})
    return response


def console_of(backend_url: str, hosts: Iterable[str], settings: Settings, reviewers: Sequence[str] = ()) -> Console:
    """Return the console for a backend, in the region of its URL if the URL has one.

    Raises:
        BackendUnavailable: a reviewer's name is invalid.
    """
    users = tuple(dict.fromkeys(reviewers)) or _default_users(settings)
    for user in users:
        if not USER.fullmatch(user):
            raise BackendUnavailable(
                f"{user!r} is not a valid console user: expected a letter, then letters, digits or _ . @ -"
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
    """Return the current user, or the identities in registry.toml, without roles, if they do not include that user."""
    here = _current_user()
    people = tuple(name for name, table in settings.identities.items() if not table.role and USER.fullmatch(name))
    return (here,) if here in people or not people else people


def _current_user() -> str:
    try:
        name = re.sub(r"[^A-Za-z0-9_.@-]", "", getpass.getuser())
    except (KeyError, OSError):
        name = ""
    return name if USER.fullmatch(name) else "reviewer"

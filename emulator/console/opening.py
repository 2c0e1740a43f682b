"""How a served registry gets its console: where it looks, who may come in, and the lines that let them."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from ...backends.base import DEFAULT_REGION
from ...backends.errors import BackendUnavailable
from ...backends.settings import Settings
from ...backends.urls import database_file, is_gateway, without_password
from .doors import Console, Place, Site
from .session import USER

_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")


def console_of(backend_url: str, hosts: Iterable[str], settings: Settings, reviewers: Sequence[str] = ()) -> Console:
    """Return the console in front of a backend.

    Args:
        backend_url: what is served; where it names a region, the console looks there.
        hosts: the names the server answers for.
        settings: those of registry.toml, which may name people.
        reviewers: for whom login links are printed; without, whoever runs this, or if registry.toml names others, they.

    Raises:
        BackendUnavailable: a reviewer's name is none.
    """
    users = tuple(dict.fromkeys(reviewers)) or _usual(settings)
    for user in users:
        if not USER.fullmatch(user):
            raise BackendUnavailable(
                f"{user!r} is not a name for the console: letters, digits and _ . @ -, a letter first"
            )
    named = urlsplit(backend_url).netloc.rpartition("@")[2]
    given = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    place = Place(region=named if _REGION.fullmatch(named) else given)
    return Console(
        home=place if place.is_possible else Place(),
        site=Site(without_password(backend_url), database_file(backend_url), tuple(hosts)),
        remote=is_gateway(backend_url),
        people=settings.identities,
        users=users,
        is_strict=bool(settings.approval or settings.authentication.credentials),
    )


def links(console: Console) -> Iterator[str]:
    """Yield a line for each person who may log in to the console."""
    for user in console.users:
        yield console.line_of_link(user)


def _usual(settings: Settings) -> tuple[str, ...]:
    """Return whoever runs this, unless registry.toml names people and them not; a role is no person."""
    here = _user_here()
    people = tuple(name for name, table in settings.identities.items() if not table.role and USER.fullmatch(name))
    return (here,) if here in people or not people else people


def _user_here() -> str:
    """Return the name of whoever runs this, as the console takes it."""
    try:
        name = re.sub(r"[^A-Za-z0-9_.@-]", "", getpass.getuser())
    except (KeyError, OSError):
        name = ""
    return name if USER.fullmatch(name) else "reviewer"

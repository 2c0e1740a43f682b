"""One-time login links, sessions in memory, and tokens that bind a form to its subject.

A login link is a secret that is printed in the server's terminal. Opening it only shows the user's name. The button on
that page uses it up, so that programs that prefetch links cannot. Links and sessions are stored as keyed digests, from
which no cookie can be derived.
"""

from __future__ import annotations

import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from ...backends.settings import USER_NAME
from .checklist import Marks

LINK_SECONDS: Final = 3600
SESSION_SECONDS: Final = 12 * 3600
MAX_SESSIONS: Final = 256
MAX_LINKS: Final = 64
USER = re.compile(USER_NAME)


@dataclass(frozen=True, slots=True)
class Session:
    """A logged-in user, with the key of the form tokens and the parts marked as reviewed."""

    user: str
    key: bytes
    expires: float
    marks: Marks = field(default_factory=Marks, compare=False)

    def token(self, *subject: str) -> str:
        """Return the token of a form, bound to its subject and revision."""
        return hmac.new(self.key, "\0".join(subject).encode(), sha256).hexdigest()

    def accepts(self, token: str, *subject: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token(*subject).encode())


@dataclass(frozen=True, slots=True)
class _Link:
    user: str
    expires: float


class Sessions:
    """The links and sessions of one server; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._links: dict[bytes, _Link] = {}
        self._sessions: dict[bytes, Session] = {}

    def link(self, user: str) -> str:
        """Return the secret of a new link for a user; earlier links stay valid, so that a reprint locks no user out."""
        secret = secrets.token_urlsafe(32)
        with self._lock:
            now = self._clock()
            self._links = {key: link for key, link in self._links.items() if link.expires > now}
            while len(self._links) >= MAX_LINKS:
                del self._links[next(iter(self._links))]
            self._links[self._digest(secret)] = _Link(user, now + LINK_SECONDS)
        return secret

    def has_link(self, user: str) -> bool:
        """Return whether a link of a user is valid."""
        with self._lock:
            now = self._clock()
            return any(link.user == user and link.expires > now for link in self._links.values())

    def user_of(self, secret: str) -> str | None:
        """Return the user of a link; None if the link was used, has expired or is unknown."""
        with self._lock:
            link = self._links.get(self._digest(secret))
            return link.user if link is not None and link.expires > self._clock() else None

    def open(self, secret: str) -> str | None:
        """Use up a link and return the value of the session cookie; None as for `user_of`."""
        value = secrets.token_urlsafe(32)
        with self._lock:
            now = self._clock()
            link = self._links.pop(self._digest(secret), None)
            if link is None or link.expires <= now:
                return None
            self._sessions = {key: one for key, one in self._sessions.items() if one.expires > now}
            while len(self._sessions) >= MAX_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
            session = Session(link.user, secrets.token_bytes(32), now + SESSION_SECONDS)
            self._sessions[self._digest(value)] = session
        return value

    def find(self, value: str) -> Session | None:
        """Return the session of a cookie value; None if it has expired or is unknown."""
        with self._lock:
            session = self._sessions.get(self._digest(value))
            return session if session is not None and session.expires > self._clock() else None

    def close(self, value: str) -> None:
        with self._lock:
            self._sessions.pop(self._digest(value), None)

    def _digest(self, value: str) -> bytes:
        return hmac.digest(self._secret, value.encode("utf-8", "replace"), "sha256")

"""Host and Origin checks, which protect a server on loopback from web pages in a local browser."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from ...backends.errors import AccessDeniedException, MisdirectedRequest, RegistryError
from ..error_log import ErrorLog
from ..responses import COMMON_HEADERS, CONSOLE_HEADERS, wsgi_error, wsgi_text
from ..routes import is_console

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+?)\.?(?::(?P<port>[0-9]{1,5}))?")
_LOWER: Final = tuple((name.lower(), (name, value)) for name, value in COMMON_HEADERS.items())

_OUR_OWN = frozenset({"same-origin", "none"})


class HostCheck:
    """Reject requests for unknown hosts and from pages of other sites.

    Any page can send requests to 127.0.0.1, and DNS rebinding can make its own host name resolve there. No response
    has CORS headers. `allowed_hosts` are accepted in addition to loopback names and IP addresses.
    """

    def __init__(
        self, app: WSGIApplication, allowed_hosts: Iterable[str] = (), error_log: ErrorLog | None = None
    ) -> None:
        self._app = app
        self._error_log = error_log or ErrorLog()
        self._allowed = frozenset(name.lower().rstrip(".") for name in allowed_hosts)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response = _protected(start_response)
        error = self._host_error(environ) or _page_error(environ)
        body = self._answer(error, environ, start_response)
        if environ.get("REQUEST_METHOD") != "HEAD":
            return body
        for _ in body:  # a response to HEAD has no body, even with a Content-Length
            pass
        if hasattr(body, "close"):
            body.close()
        return ()

    def _answer(
        self, error: RegistryError | None, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        if error is None:
            return self._app(environ, start_response)
        path = environ.get("PATH_INFO", "")
        what = f"{environ.get('REQUEST_METHOD')} {path}"
        self._error_log.note(what, environ.get("HTTP_ORIGIN", ""), error.status, error.code, error.message)
        if is_console(path):
            return wsgi_text(error, start_response, CONSOLE_HEADERS)
        return wsgi_error(error, start_response)

    def _host_error(self, environ: WSGIEnvironment) -> RegistryError | None:
        host = environ.get("HTTP_HOST", "")
        match = _HOST.fullmatch(host.lower()) if host.isascii() else None  # lower() maps the Kelvin sign to "k"
        if match and int(match["port"] or 80) in range(1, 65536) and self._is_ours(match["name"]):
            return None
        return MisdirectedRequest(
            f"Unknown host {host[:200]!r}: use localhost or an IP address, or start the server with "
            "--allowed-host NAME."
        )

    def _is_ours(self, name: str) -> bool:
        """Accept IP addresses, which cannot be rebound, and `*.localhost`, which is always local (S3 bucket hosts)."""
        return name == "localhost" or name.endswith(".localhost") or name in self._allowed or _is_address(name)


def _protected(start_response: StartResponse) -> StartResponse:
    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        said = {name.lower() for name, _ in headers}
        return start_response(status, [*headers, *(pair for name, pair in _LOWER if name not in said)], *more)

    return start


def _is_address(name: str) -> bool:
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _page_error(environ: WSGIEnvironment) -> RegistryError | None:
    """Return an error for requests that a browser sends from another site, except when a person follows a link."""
    site = environ.get("HTTP_SEC_FETCH_SITE")
    origin = environ.get("HTTP_ORIGIN")
    is_read = environ.get("REQUEST_METHOD") == "GET" and not _is_action(environ.get("QUERY_STRING", ""))
    followed_link = is_read and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
    foreign_site = site is not None and site not in _OUR_OWN and not followed_link
    foreign_origin = origin is not None and _host_of(origin) != environ.get("HTTP_HOST", "").lower()
    if foreign_site or foreign_origin:
        return AccessDeniedException("This server rejects requests from pages of other sites.")
    return None


def _is_action(query: str) -> bool:
    """Return whether a query names an operation of the AWS query protocol, which changes things also with GET."""
    try:
        return any(name.lower() == "action" for name, _ in parse_qsl(query, keep_blank_values=True))
    except ValueError:
        return True


def _host_of(origin: str) -> str | None:
    """Return the host and port of an Origin; None if it is not a URL."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None

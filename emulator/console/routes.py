"""The console's routes, with session handling and error pages."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, g, redirect, render_template, request, send_from_directory, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from ...backends.base import Backend, random_id
from ...backends.errors import RegistryError, did_you_mean
from ..auth.rate_limit import Failures
from ..error_log import ErrorLog
from ..routes import CONSOLE_PREFIX
from .filters import FILTERS
from .page import Page, Server, Visit
from .pages import PAGES
from .pages.errors import Problem, problem_of
from .reader import Reader
from .site import STATIC, Console, Place

log = logging.getLogger(__name__)

PLACE_PREFIX: Final = f"{CONSOLE_PREFIX}/at/<account>/<region>"
OPEN: Final = frozenset(
    {
        *("console.static_file", "console.to_inbox"),
        *(f"console.{view.__name__}" for page in PAGES if page.is_open for view in page.routes.values()),
    }
)
"""Endpoints that need no session."""

MAX_FAILURES: Final = 30
"""Failed logins per address and minute before the answer is 429."""

VERSION_OF_STATIC: Final = {path.name: sha256(path.read_bytes()).hexdigest()[:12] for path in STATIC.iterdir()}


def blueprint(backend: Backend, console: Console, error_log: ErrorLog, say: Callable[[str], None]) -> Blueprint:
    server = Server(backend, console, error_log, say, Failures(MAX_FAILURES, time.monotonic))
    routes = Blueprint("console", __name__, template_folder="templates")
    for page in PAGES:
        for rule, view in page.routes.items():
            method, path = rule.split(" ")
            answer = partial(_answer, server, page, view)
            for prefix in (CONSOLE_PREFIX,) if page.is_open else (CONSOLE_PREFIX, PLACE_PREFIX):
                routes.add_url_rule(f"{prefix}{path}", view.__name__, answer, methods=[method])
    for prefix in (CONSOLE_PREFIX, PLACE_PREFIX):
        routes.add_url_rule(f"{prefix}/<path:rest>", "nowhere", _nowhere, methods=["GET", "POST"])
    routes.add_url_rule(CONSOLE_PREFIX, "to_inbox", lambda: redirect(url_for("console.inbox"), 308))
    routes.add_url_rule(f"{CONSOLE_PREFIX}/static/<path>", "static_file", partial(send_from_directory, STATIC))
    routes.record_once(_add_filters)
    routes.url_value_preprocessor(partial(_find_place, console.home))
    routes.url_defaults(partial(_stay_in_place, console.home))
    routes.before_request(partial(_find_person, server))
    routes.context_processor(partial(_shell, console))
    routes.register_error_handler(Exception, _failed)
    return routes


def _answer(server: Server, page: Page, view: Callable[..., Any], **values: Any) -> BaseResponse:
    found = view(server if page.is_open else g.visit, **values)
    if isinstance(found, BaseResponse):
        return found
    content, status = found if isinstance(found, tuple) else (found, 200)
    return _show(page.template, content, status)


def _show(template: str, content: Any, status: int) -> Response:
    body = render_template(template, page=content)
    response = Response(body, status, content_type="text/html; charset=utf-8")
    response.headers["Server-Timing"] = f"app;dur={(time.perf_counter() - g.started) * 1000:.1f}"
    return response


def _nowhere(rest: str) -> Response:
    known = {route.split("/")[1] for page in PAGES for route in page.routes if route.startswith("GET ")}
    hint = did_you_mean(rest.partition("/")[0], known)
    raise Problem("Page not found", f"The console has no page {CONSOLE_PREFIX}/{rest[:200]}{hint or '.'}", status=404)


def _add_filters(state: Any) -> None:
    state.app.jinja_env.filters.update(FILTERS)
    state.app.jinja_env.trim_blocks = state.app.jinja_env.lstrip_blocks = True


def _find_place(home: Place, endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.started = time.perf_counter()
    given = {name: values.pop(name) for name in ("account", "region") if values and name in values}
    g.place = Place(**given) if given else home


def _stay_in_place(home: Place, endpoint: str, values: dict[str, Any]) -> None:
    place = g.get("place", home)
    if place != home and endpoint not in OPEN:
        values.setdefault("account", place.account)
        values.setdefault("region", place.region)


def _find_person(server: Server) -> BaseResponse | None:
    console = server.console
    g.session = console.session(request)
    if not g.place.is_possible:
        abort(404)
    if request.endpoint not in OPEN and g.session is None:
        continues = request.method == "GET" and request.headers.get("Sec-Fetch-Site") == "cross-site"
        return _show("login.html", {"continues": continues, "reason": request.form.get("reason", "")}, 403)
    if g.session is not None:
        caller = console.caller(g.session.user, g.place, random_id())
        g.visit = Visit(server, g.session, Reader(server.backend, caller, remote=console.remote))
    return None


def _shell(console: Console) -> dict[str, Any]:
    return {
        "session": g.get("session"),
        "place": g.get("place", console.home),
        "console": console,
        "menu": [page for page in PAGES if page.menu],
        "static": lambda name: url_for("console.static_file", path=name, v=VERSION_OF_STATIC[name]),
        "form_token": lambda *subject: g.session.token(*subject),
        "query_with": _query_with,
    }


def _failed(error: Exception) -> Response:
    problem = problem_of(error)
    if isinstance(error, RegistryError):
        g.visit.note(error)
    elif problem.status == 500:
        log.exception("cannot show the console page %s", request.path, exc_info=error)
    if not isinstance(error, HTTPException):  # reading an invalid body would raise again
        problem.form = request.form
    return _show("problem.html", problem, problem.status)


def _query_with(**changes: str | None) -> str:
    """Return the query string of this page with some parameters changed, or removed if None."""
    pairs = [(name, value) for name, value in request.args.items(multi=True) if name not in changes]
    pairs += [(name, value) for name, value in changes.items() if value is not None]
    return f"?{urlencode(pairs)}"

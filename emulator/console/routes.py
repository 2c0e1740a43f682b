"""The console's paths: each finds who is there, reads, and shows a page; decisions are made by POST alone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from time import perf_counter
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, g, redirect, render_template, request, send_from_directory, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from ...backends.base import Backend, random_id
from ...backends.errors import RegistryError
from ...backends.views import Explanation
from ..error_log import ErrorLog
from ..routes import CONSOLE_PREFIX
from . import login
from .checklist import LOOKED, PARTS
from .filters import FILTERS
from .login import LoginPage
from .pages import compare as comparing
from .pages import decision as deciding
from .pages import groups as grouping
from .pages import health as checking
from .pages import history as looking_back
from .pages import inbox as waiting
from .pages import version as reviewing
from .pages.decision import listeners
from .pages.errors import Problem, is_for_later, nothing_there, sentence_of, unanswered
from .reader import Gone, Overtaken, Reader
from .records import Version
from .site import STATIC, Console, Place

log = logging.getLogger(__name__)

OPEN: Final = frozenset(
    {"console.login", "console.log_in", "console.static_file", "console.reprint", "console.to_inbox"}
)
"""Endpoints for people without a session."""


@dataclass(frozen=True, slots=True)
class KeysPage:
    """The keys, for who reads them as a page."""

    template: ClassVar[str] = "keys.html"
    title: ClassVar[str] = "Keys"


def blueprint(backend: Backend, console: Console, error_log: ErrorLog, say: Callable[[str], None]) -> Blueprint:
    """Return the console's routes.

    Args:
        backend: whose versions are reviewed.
        console: who may come in, and where it looks.
        error_log: what the server has refused.
        say: shows a line to whoever runs the server.
    """
    routes = Blueprint("console", __name__, template_folder="templates")
    version_of_static = {path.name: sha256(path.read_bytes()).hexdigest()[:12] for path in STATIC.iterdir()}

    def route(rule: str, *methods: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a path, and the same for a place of its own."""

        def register(view: Callable[..., Any]) -> Callable[..., Any]:
            for prefix in (CONSOLE_PREFIX, f"{CONSOLE_PREFIX}/at/<account>/<region>"):
                routes.add_url_rule(f"{prefix}{rule}", view.__name__, view, methods=methods or ("GET",))
            return view

        return register

    @routes.record_once
    def teach_templates(state: Any) -> None:
        state.app.jinja_env.filters.update(FILTERS)
        state.app.jinja_env.trim_blocks = state.app.jinja_env.lstrip_blocks = True

    @routes.url_value_preprocessor
    def find_place(endpoint: str | None, values: dict[str, Any] | None) -> None:
        g.started = perf_counter()
        given = {name: values.pop(name) for name in ("account", "region") if values and name in values}
        g.place = Place(**given) if given else console.home
        g.request_id = random_id()

    @routes.url_defaults
    def stay_in_place(endpoint: str, values: dict[str, Any]) -> None:
        place = g.get("place", console.home)
        if place != console.home and endpoint.rpartition(".")[2] not in ("static_file", "login", "log_in"):
            values.setdefault("account", place.account)
            values.setdefault("region", place.region)

    @routes.before_request
    def find_person() -> BaseResponse | None:
        g.session = console.session(request)
        if not g.place.is_possible:
            abort(404)
        if request.endpoint not in OPEN and g.session is None:
            goes_on = request.method == "GET" and request.headers.get("Sec-Fetch-Site") == "cross-site"
            return show(LoginPage(goes_on=goes_on, reason=request.form.get("reason", "")), 403)
        if g.session is not None:
            caller = console.caller(g.session.user, g.place, g.request_id)
            g.reader, g.arn = Reader(backend, caller, remote=console.remote), console.arn(caller)
        return None

    @routes.context_processor
    def shell() -> dict[str, Any]:
        return {
            "session": g.get("session"),
            "place": g.get("place", console.home),
            "console": console,
            "static": lambda name: url_for("console.static_file", name=name, v=version_of_static[name]),
            "form_token": lambda *subject: g.session.token(*subject),
            "query_with": query_with,
            "query_with_page": lambda token: query_with(page=token),
            "query_without_page": lambda: query_with(page=None),
        }

    def show(page: Any, status: int = 200) -> Response:
        body = render_template(f"{page.template}", page=page)
        response = Response(body, status, content_type="text/html; charset=utf-8")
        response.headers["Server-Timing"] = f"app;dur={(perf_counter() - g.started) * 1000:.1f}"
        return response

    @routes.get(CONSOLE_PREFIX)
    def to_inbox() -> BaseResponse:
        return redirect(url_for("console.inbox"), 308)

    @route("/")
    def inbox() -> Response:
        return show(waiting.inbox(g.reader, waiting.Filters.of(request.args), request.args.get("page"), g.arn))

    @route("/groups")
    def groups() -> Response:
        asked = request.args
        return show(grouping.groups(g.reader, asked.get("q", "").strip(), asked.get("sort", ""), asked.get("page")))

    @route("/groups/<group>")
    def group(group: str) -> Response:
        asked = request.args
        status = asked.get("status", "")
        return show(grouping.group(g.reader, group, status, asked.get("metric", ""), asked.get("page")))

    @route("/groups/<group>/<int:number>")
    def version(group: str, number: int) -> Response:
        decided = "decided" in request.args
        return show(reviewing.review(g.reader, group, number, g.session.ticks, decided=decided))

    @route("/groups/<group>/<int:number>/looked", "POST")
    def look(group: str, number: int) -> BaseResponse:
        part, revision = request.form.get("part", ""), request.form.get("revision", "")
        found = g.reader.version(group, number)
        if part not in PARTS or not g.session.has_given(request.form.get("token", ""), LOOKED, found.arn, revision):
            return show(Problem("Not ticked", "This form was made before you logged in, or for something else."), 403)
        g.session.ticks.set(found, revision, part, is_ticked=request.form.get("ticked") == "1")
        return redirect(url_for("console.version", group=group, number=number, _anchor=part), 303)

    @route("/groups/<group>/<int:number>/decide")
    def decide(group: str, number: int) -> Response:
        found, explanation = deciding.looked_at(g.reader, group, number)
        return show(decide_page(found, explanation, request.args.get("to", ""), ""))

    def decide_page(found: Version, explanation: Explanation, to: str, reason: str, **more: Any) -> deciding.DecidePage:
        transition = explanation.transition(to)
        approved = g.reader.approved_before(found)
        return deciding.DecidePage(
            version=found,
            explanation=explanation,
            transition=transition,
            reason=reason,
            token=g.session.token(*deciding.subject_of(found, explanation)),
            command=deciding.command_of(found, to, reason, request.host_url.rstrip("/")) if transition else "",
            summary=deciding.summary_of(found, approved),
            approved=approved,
            looked=g.session.ticks.looked(found),
            listeners=listeners(g.reader, found, to) if transition else None,
            **more,
        )

    @route("/groups/<group>/<int:number>/decide", "POST")
    def send_decision(group: str, number: int) -> BaseResponse:
        decision = deciding.Decision.of(request.form)
        try:
            found, explanation = deciding.looked_at(g.reader, group, number)
            if not g.session.has_given(decision.token, deciding.SUBJECT, found.arn, *decision.subject):
                problem = "This form was made before you logged in, or for something else: look again, and send it."
                return show(decide_page(found, explanation, decision.to, decision.reason, problem=problem), 403)
            try:
                deciding.carry_out(g.reader, found, decision)
            except Overtaken as overtaken:
                now, explanation = deciding.looked_at(g.reader, group, number)
                winner = deciding.last_change(g.reader, overtaken.version)
                page = decide_page(now, explanation, decision.to, decision.reason, winner=winner, is_overtaken=True)
                return show(page, 409)
            except RegistryError as error:
                if is_for_later(error):
                    raise
                refuse(error)
                said = sentence_of(error)
                return show(decide_page(found, explanation, decision.to, decision.reason, problem=said), error.status)
        except Gone as gone:
            return show(nothing_there(gone, decision.reason), 404)
        except RegistryError as error:
            return show(unanswered(error, decision.reason, request.form.to_dict()), error.status)
        return redirect(url_for("console.version", group=group, number=number, decided=1), 303)

    @route("/compare")
    def compare() -> Response:
        asked = request.args
        page = comparing.compare(g.reader, asked.getlist("v"), asked.get("base", ""), whole="all" in asked)
        if asked.get("format") == "csv":
            return Response(comparing.as_csv(page), content_type="text/csv; charset=utf-8", headers=download("csv"))
        if asked.get("format") == "json":
            return Response(json_of(comparing.as_json(page)), content_type="application/json", headers=download("json"))
        return show(page)

    @route("/history")
    def history() -> Response:
        verify = "verify" in request.args
        return show(looking_back.history(g.reader, request.args, request.args.get("page"), verify=verify))

    @route("/health")
    def health() -> Response:
        return show(checking.health(g.reader, console.site, backend.ping, error_log.last(console.named)))

    @route("/keys")
    def keys() -> Response:
        return show(KeysPage())

    @routes.get(f"{CONSOLE_PREFIX}/static/<name>")
    def static_file(name: str) -> Response:
        return send_from_directory(STATIC, name)

    login.add(routes, console, show, say)

    @route("/<path:rest>", "GET", "POST")
    def nowhere(rest: str) -> Response:
        return show(
            Problem("There is no such page", f"{CONSOLE_PREFIX}/{rest[:200]} is not one of the console's."), 404
        )

    @routes.errorhandler(Gone)
    def gone(error: Gone) -> Response:
        return show(nothing_there(error), 404)

    @routes.errorhandler(RegistryError)
    def refused(error: RegistryError) -> Response:
        refuse(error)
        return show(unanswered(error), error.status)

    @routes.errorhandler(HTTPException)
    def no_page(error: HTTPException) -> Response:
        return show(Problem(error.name, error.description or ""), error.code or 500)

    @routes.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        log.exception("the console failed to show %s", request.path, exc_info=error)
        what = "The console failed to make this page; the server's log says why."
        return show(Problem("This page failed", what, "Nothing was changed.", request.form.get("reason", "")), 500)

    def refuse(error: RegistryError) -> None:
        who = g.session.user if g.get("session") else ""
        error_log.note(f"{request.method} {request.path}", who, error.status, error.code, error.message)

    return routes


def query_with(**changes: str | None) -> str:
    """Return the query of this page with some of it otherwise, or left out where that is None."""
    pairs = [(name, value) for name, value in request.args.items(multi=True) if name not in changes]
    pairs += [(name, value) for name, value in changes.items() if value is not None]
    return f"?{urlencode(pairs)}"


def download(kind: str) -> dict[str, str]:
    """Return the header that makes an answer a file."""
    return {"Content-Disposition": f'attachment; filename="comparison.{kind}"'}


def json_of(value: object) -> bytes:
    """Return a value as JSON that people can read too."""
    import orjson

    return orjson.dumps(value, option=orjson.OPT_INDENT_2)

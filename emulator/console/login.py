"""How people come in and leave: by a link that works once, or one that somebody inside has made for them.

Where it matters who decides, a link for somebody else is never shown inside: it is printed where the first ones were,
for those whom the server was started for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from flask import Blueprint, Response, abort, g, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from ..auth.rate_limit import Failures
from ..routes import CONSOLE_PREFIX
from .pages.errors import Problem
from .sessions import USER
from .site import Console, cookie_name, set_cookie

MAX_FAILURES: Final = 30
"""Links that are none, of one address, within a minute; then it is told to wait."""
LINK: Final = "link"
LEAVE: Final = "leave"
"""Subjects of forms that are about the session itself."""


@dataclass(frozen=True, slots=True)
class LoginPage:
    """The page for who has no session, or is about to have one: `user` is whom a link would log in."""

    template: ClassVar[str] = "login.html"
    title: ClassVar[str] = "Log in"

    user: str = ""
    token: str = ""
    is_used: bool = False
    is_printed: bool = False
    is_too_soon: bool = False
    goes_on: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LinkPage:
    """A new login link for somebody, shown once; without one, it is printed in the terminal, or was a moment ago."""

    template: ClassVar[str] = "link.html"
    title: ClassVar[str] = "Login link"

    user: str
    link: str = ""
    is_too_soon: bool = False


def add(routes: Blueprint, console: Console, show: Callable[..., Response], say: Callable[[str], None]) -> None:
    """Add the entrance to the console's routes.

    Args:
        routes: where to.
        console: who may come in.
        show: makes the answer of a page, with its status.
        say: shows a line to whoever runs the server.
    """
    failures = Failures(MAX_FAILURES, time.monotonic)

    @routes.get(f"{CONSOLE_PREFIX}/login")
    def login() -> Response:
        token = request.args.get("token", "")
        user = console.sessions.user_of(token)
        return show(LoginPage(user=user or "", token=token if user else "", is_used=bool(token) and not user))

    @routes.post(f"{CONSOLE_PREFIX}/login")
    def log_in() -> BaseResponse:
        value = console.sessions.open(request.form.get("token", ""))
        if value is None:
            return show(LoginPage(is_used=True), 429 if failures.is_one_too_many(request.remote_addr) else 403)
        response = redirect(url_for("console.inbox"), 303)
        set_cookie(request, response, value)  # type: ignore[arg-type]
        return response

    @routes.post(f"{CONSOLE_PREFIX}/reprint")
    def reprint() -> Response:
        may = bool(console.users) and console.sessions.may_reprint()
        for user in console.users if may else ():
            say(console.line_of_link(user))
        return show(LoginPage(is_printed=may, is_too_soon=not may))

    @routes.post(f"{CONSOLE_PREFIX}/leave")
    def leave() -> BaseResponse:
        if g.session.has_given(request.form.get("token", ""), LEAVE):
            console.sessions.close(request.cookies.get(cookie_name(request), ""))
        return redirect(url_for("console.login"), 303)

    @routes.post(f"{CONSOLE_PREFIX}/link")
    def link() -> Response:
        user = request.form.get("user", "").strip()
        if not g.session.has_given(request.form.get("token", ""), LINK):
            abort(403)
        if not USER.fullmatch(user):
            what = (
                f"{user[:100]!r} is not a name: it begins with a letter, and has letters, digits and _ . @ - after it."
            )
            return show(Problem("That is no name", what, "Go back and write another one."), 400)
        if not console.is_strict or user == g.session.user:
            return show(LinkPage(user, request.host_url.rstrip("/") + console.path_of_link(user)))
        if user not in console.users:
            return show(_not_from_here(user), 403)
        may = console.sessions.may_reprint()
        if may:
            say(console.line_of_link(user))
        return show(LinkPage(user, is_too_soon=not may))


def _not_from_here(user: str) -> Problem:
    what = f"It matters here who decides, so nobody inside can let {user} in: only whoever runs the server can."
    return Problem("No link for somebody else", what, f"They start it with `serve --console-user {user}`.")

"""Login links for other users, and logging out.

A strict console never shows a link for another user. It prints the link in the server's terminal, and only for the
users that the server was started with.
"""

from __future__ import annotations

from typing import Any

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from ..page import Page, Visit
from ..sessions import USER
from ..site import cookie_name
from .errors import Problem


def link(visit: Visit) -> dict[str, Any]:
    console, session = visit.server.console, visit.session
    user = request.form.get("user", "").strip()
    if not session.accepts(request.form.get("token", ""), "link"):
        abort(403)
    if not USER.fullmatch(user):
        what = f"{user[:100]!r} is not a valid user name: expected a letter, then letters, digits or _ . @ -."
        raise Problem("Invalid user name", what, "Go back and enter another name.", 400)
    if not console.is_strict or user == session.user:
        return {"user": user, "link": request.host_url.rstrip("/") + console.path_of_link(user)}
    if user not in console.users:
        what = f"The server was not started with the console user {user}, so it creates no login link for this name."
        then = f"Restart the server with `serve --console-user {user}`."
        raise Problem("No login link for this user", what, then, 403)
    has_link = console.sessions.has_link(user)
    if not has_link:
        visit.server.say(console.line_of_link(user))
    return {"user": user, "has_link": has_link}


def leave(visit: Visit) -> Response:
    if visit.session.accepts(request.form.get("token", ""), "leave"):
        visit.server.console.sessions.close(request.cookies.get(cookie_name(request), ""))
    return redirect(url_for("console.login"), 303)


PAGE = Page("link.html", {"POST /link": link, "POST /leave": leave})

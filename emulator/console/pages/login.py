"""Log in with a one-time link, or have a new link printed in the server's terminal."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from ..page import Page, Server
from ..site import set_cookie


def login(server: Server) -> dict[str, Any]:
    token = request.args.get("token", "")
    user = server.console.sessions.user_of(token)
    return {"user": user, "token": token, "is_used": token and not user}


def log_in(server: Server) -> Response | tuple[dict[str, Any], int]:
    value = server.console.sessions.open(request.form.get("token", ""))
    if value is None:
        return {"is_used": True}, 429 if server.failures.is_one_too_many(request.remote_addr) else 403
    response = redirect(url_for("console.inbox"), 303)
    set_cookie(request, response, value)
    return response


def reprint(server: Server) -> dict[str, Any]:
    """Print a link for each user without a valid one, so that requests without a session cannot fill the terminal."""
    console = server.console
    users = [user for user in console.users if not console.sessions.has_link(user)]
    for user in users:
        server.say(console.line_of_link(user))
    return {"is_printed": bool(users), "has_links": not users}


PAGE = Page("login.html", {"GET /login": login, "POST /login": log_in, "POST /reprint": reprint}, is_open=True)

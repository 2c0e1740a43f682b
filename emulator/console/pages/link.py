"""Login links that reviewers make for others, and logging out.

Where it matters who decides, a link for another person is never shown: it is printed in the server's terminal, for
those whom the server was started for.
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
    if not session.has_given(request.form.get("token", ""), "link"):
        abort(403)
    if not USER.fullmatch(user):
        what = f"{user[:100]!r} is not a name: it begins with a letter, and has letters, digits and _ . @ - after it."
        raise Problem("That is no name", what, "Go back and write another one.", 400)
    if not console.is_strict or user == session.user:
        return {"user": user, "link": request.host_url.rstrip("/") + console.path_of_link(user)}
    if user not in console.users:
        what = f"It matters here who decides, so nobody inside can let {user} in: only whoever runs the server can."
        then = f"They start it with `serve --console-user {user}`."
        raise Problem("No link for somebody else", what, then, 403)
    may = console.sessions.may_reprint()
    if may:
        visit.server.say(console.line_of_link(user))
    return {"user": user, "is_too_soon": not may}


def leave(visit: Visit) -> Response:
    if visit.session.has_given(request.form.get("token", ""), "leave"):
        visit.server.console.sessions.close(request.cookies.get(cookie_name(request), ""))
    return redirect(url_for("console.login"), 303)


PAGE = Page("link.html", {"POST /link": link, "POST /leave": leave})

"""Error pages: the problem, the next step, and the submitted text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from werkzeug.exceptions import HTTPException

from ....backends.errors import AccessDeniedException, RegistryError, ThrottlingException
from ..reader import Gone


@dataclass(eq=False)
class Problem(Exception):
    """An error page, raised by views: a title, a sentence about the problem, and the next step.

    `form` contains the submitted fields, to show the typed text and, if `can_retry`, to send the form again.
    """

    title: str
    what: str
    then: str = ""
    status: int = 500
    can_retry: bool = False
    form: Mapping[str, str] = field(default_factory=dict)


def problem_of(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, Gone):
        then = "It may have been deleted, or the name may be wrong. Search the groups."
        return Problem("Not found", str(error), then, 404)
    if isinstance(error, RegistryError):
        return _unanswered(error)
    if isinstance(error, HTTPException):
        return Problem(error.name, error.description or "", status=error.code or 500)
    what = "The console failed to render this page. The cause is in the server's log."
    return Problem("This page cannot be shown", what, "Nothing was changed.")


def _unanswered(error: RegistryError) -> Problem:
    what = message_of(error)
    if is_temporary(error):
        then = "Try again in a moment. If the problem persists, check Health."
        return Problem("The registry is not responding", what, then, error.status, can_retry=True)
    if error.code == AccessDeniedException.code:
        return Problem("Access denied", what, "Ask the administrator of this registry for access.", error.status)
    return Problem("The registry rejected this request", what, "Go back and correct the request.", error.status)


def is_temporary(error: RegistryError) -> bool:
    """Return whether the same request may succeed later."""
    return error.status >= 500 or error.code == ThrottlingException.code


def message_of(error: RegistryError) -> str:
    """Return an error's message, followed by its code."""
    return f"{error.message} ({error.code})"

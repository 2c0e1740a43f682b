"""What the console shows when something went wrong: what happened, what to do, and the text that was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from werkzeug.exceptions import HTTPException

from ....backends.errors import AccessDeniedException, RegistryError, ThrottlingException
from ..reader import Gone


@dataclass(eq=False)
class Problem(Exception):
    """The content of problem.html, which a view raises: what happened in a few words, in a sentence, and what to do.

    `form` has the fields that were sent, to show typed text again, and if it `can_retry`, to send them as they were.
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
        then = "It was deleted meanwhile, or its name is another one: look for it among the groups."
        return Problem("It is not there", str(error), then, 404)
    if isinstance(error, RegistryError):
        return _unanswered(error)
    if isinstance(error, HTTPException):
        return Problem(error.name, error.description or "", status=error.code or 500)
    what = "The console failed to make this page; the server's log says why."
    return Problem("This page failed", what, "Nothing was changed.")


def _unanswered(error: RegistryError) -> Problem:
    what = sentence_of(error)
    if is_for_later(error):
        then = "Try again in a moment. If it stays so, Health and settings says how the registry is."
        return Problem("The registry does not answer", what, then, error.status, can_retry=True)
    if error.code == AccessDeniedException.code:
        return Problem("You may not see this", what, "Ask whoever keeps this registry.", error.status)
    return Problem("The registry refused this", what, "Go back, and change what it names.", error.status)


def is_for_later(error: RegistryError) -> bool:
    """Whether the same request may well be answered later."""
    return error.status >= 500 or error.code == ThrottlingException.code


def sentence_of(error: RegistryError) -> str:
    """Return an error for a person: its sentence, and the code to search for."""
    return f"{error.message} ({error.code})"

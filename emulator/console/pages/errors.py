"""What the console shows when something went wrong: what happened, what to do, and the text that was typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from werkzeug.exceptions import HTTPException

from ....backends.errors import AccessDeniedException, RegistryError, ThrottlingException
from ..reader import Gone


@dataclass(eq=False)
class Problem(Exception):
    """The content of problem.html; a view raises it.

    Args:
        title: what happened, in a few words.
        what: the same as a sentence.
        then: what to do.
        status: of the response.
        can_retry: whether the form can be sent again as it was.
        form: the fields that were sent: text that was typed is shown again.
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
    """Return a refusal for a person: its sentence, and the code for a search."""
    return f"{error.message} ({error.code})"

"""Pages for what went wrong: what happened, what to do, and whatever somebody had typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ....backends.errors import AccessDeniedException, RegistryError, ThrottlingException
from ..reader import Gone


@dataclass(frozen=True, slots=True)
class Problem:
    """A page that says what happened and what to do; `reason` is what somebody had typed, which is not lost."""

    template: ClassVar[str] = "problem.html"

    title: str
    what: str
    then: str = ""
    reason: str = ""
    retry: Mapping[str, str] | None = None
    """The fields of the form that can be sent again as it was."""


def is_for_later(error: RegistryError) -> bool:
    """Whether the same request may well be answered later."""
    return error.status >= 500 or error.code == ThrottlingException.code


def nothing_there(gone: Gone, reason: str = "") -> Problem:
    """Return the page about what does not exist, or not any more."""
    then = "It was deleted meanwhile, or its name is another one: look for it among the groups."
    return Problem("It is not there", str(gone), then, reason)


def unanswered(error: RegistryError, reason: str = "", retry: Mapping[str, str] | None = None) -> Problem:
    """Return the page about a refusal, or a registry that cannot answer now."""
    what = sentence_of(error)
    if is_for_later(error):
        then = "Try again in a moment. If it stays so, Health and settings says how the registry is."
        return Problem("The registry does not answer", what, then, reason, retry)
    if error.code == AccessDeniedException.code:
        return Problem("You may not see this", what, "Ask whoever keeps this registry.", reason)
    return Problem("The registry refused this", what, "Go back, and change what it names.", reason)


def sentence_of(error: RegistryError) -> str:
    """Return a refusal for a person: its sentence, and the code for a search."""
    return f"{error.message} ({error.code})"

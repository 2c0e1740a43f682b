"""Text and records of callers made safe to show: on a terminal, in a line of a log, and in an environment variable."""

from __future__ import annotations

import re
from typing import Any, Final

ENVIRONMENT: Final = "Environment"
"""The member of a container with its environment variables, which may contain secrets."""
HIDDEN_VALUE: Final = "(hidden)"

_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters, with those that begin escape sequences of terminals
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that reorder the text around them
    "\u2028\u2029\ufeff"  # separators of lines, and an invisible mark
    "\ud800-\udfff]"  # surrogates, which no encoding of a terminal has
)
_NOT_IN_ENVIRONMENT = re.compile("[\x00\ud800-\udfff]")


def printable(text: str, keep: str = "") -> str:
    """Return text with control, direction and separator characters as visible escapes, such as \\x1b or \\u202e.

    Args:
        text: any text.
        keep: characters to leave as they are, such as a line feed.
    """
    return _UNPRINTABLE.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), text)


def for_environment(text: str) -> str:
    """Return text that can be the value of an environment variable: NUL and surrogates become visible escapes."""
    return _NOT_IN_ENVIRONMENT.sub(lambda found: _escaped(found[0]), text)


def is_environment(path: str) -> bool:
    """Return whether a path in a record, such as `InferenceSpecification.Containers[0].Environment.KEY`, is secret."""
    return f".{ENVIRONMENT}." in f".{path}"


def without_environment(value: Any) -> Any:
    """Return a record with HIDDEN_VALUE in place of the values of environment variables."""
    if isinstance(value, list):
        return [without_environment(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        name: dict.fromkeys(inner, HIDDEN_VALUE)
        if name == ENVIRONMENT and isinstance(inner, dict)
        else without_environment(inner)
        for name, inner in value.items()
    }


def _escaped(character: str) -> str:
    return f"\\x{ord(character):02x}" if ord(character) < 0x100 else f"\\u{ord(character):04x}"

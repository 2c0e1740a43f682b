"""The page Errors, from docs/errors.toml and the messages that the product shows."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from sagemaker_registry.backends import errors as registry_errors
from sagemaker_registry.backends.errors import RegistryError

from .commands import exit_codes
from .markdown import anchor, code, prose
from .markdown import page as page_of
from .message_sources import SIGNATURES
from .messages import Message, collected, without_names

FILE: Final = Path(__file__).parents[1] / "errors.toml"
PAGE: Final = Path(__file__).parents[1] / "reference" / "errors.md"

SECTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "command": (
        "Messages of commands",
        "Commands print these messages on stderr, after `sagemaker-registry: `. The Python API raises them as "
        "`ValueError`, `LookupError` or `BackendUnavailable`.",
    ),
    "settings": (
        "Messages about registry.toml",
        "`serve` prints these messages after the name and the line of the file, with exit code 2. Requests to the "
        "extension API and lines of an import are checked with the same words.",
    ),
    "credentials": (
        "Messages about credentials files",
        "`serve` and `sagemaker-registry credentials` print these messages, with exit code 2.",
    ),
    "approval": (
        "Messages about approvals",
        "The registry responds with these messages to a change that a profile or a rule does not allow. "
        "`sagemaker-registry explain` shows the results of rules before you decide.",
    ),
    "start": (
        "Messages when a registry is opened",
        "`serve` and commands with `--url` print these messages, with exit code 2. A running server responds with "
        "those about its database.",
    ),
    "api": ("Messages of the API", "The server responds with these messages to requests of AWS clients."),
    "extension": (
        "Messages of the extension API",
        "The server responds with these messages to requests under `/_registry/`, which many commands send.",
    ),
    "access": (
        "Messages about signatures and access",
        "The server responds with these messages before it looks at the operation.",
    ),
    "delivery": (
        "Messages about deliveries",
        "`sagemaker-registry deliveries` shows these messages for events that were not delivered.",
    ),
    "doctor": ("Results of doctor", "`sagemaker-registry doctor` prints these results, with a command or an advice."),
    "aws": ("Messages of AWS", "The text of these messages is AWS's, so that clients can match on it."),
}
"""The sections of the page: places where a reader meets a message, with an introduction."""

_CLASSES: Final = {"Rule": "ValidationException"}
"""Rows of tables whose messages an error class takes elsewhere."""


_NAMES: Final = {
    "Postgresql": "PostgreSQL",
    "S3": "S3",
    "aws": "AWS",
    "Aws": "AWS",
    "http": "HTTP",
    "toml": "TOML",
    "url": "URL",
}
"""Words of headings that are not written as in an id."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The messages with one cause and one fix; names in braces stand for values.

    `where` is a section of the page. `source` is `aws` for sentences of AWS, which are never reworded.
    """

    id: str
    where: str
    messages: tuple[str, ...]
    cause: str
    fix: str
    source: str = ""
    example: str = ""

    @property
    def title(self) -> str:
        """The heading, whose anchor is the id."""
        return " ".join(_NAMES.get(word, word) for word in self.id.capitalize().split("-"))


class Catalog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    error: tuple[Entry, ...] = ()


@cache
def catalog() -> tuple[Entry, ...]:
    return msgspec.convert(tomllib.loads(FILE.read_text(encoding="utf-8")), Catalog).error


def entries_of(pattern: str) -> list[Entry]:
    """Return the entries that contain a message, given with `{}` for each value."""
    return [entry for entry in catalog() if pattern in map(without_names, entry.messages)]


def missing() -> list[Message]:
    """Return the messages without an entry, each text once."""
    return list({one.pattern: one for one in collected() if not entries_of(one.pattern)}.values())


def add_missing() -> int:
    """Append an entry without place, cause and fix for each message that has none; return how many."""
    found = missing()
    with FILE.open("a", encoding="utf-8", newline="\n") as file:
        for message in found:
            words = re.findall(r"[a-z]+", without_names(message.text).lower())[:6]
            file.write(
                f'\n[[error]]  # {message.file}, {message.raised_as}\nid = "{"-".join(words)}"\nwhere = ""\n'
                f'messages = [{msgspec.json.encode(message.text).decode()}]\ncause = ""\nfix = ""\n'
            )
    catalog.cache_clear()
    return len(found)


def page() -> str:
    parts = [_contents(), exit_codes()]
    by_pattern: dict[str, list[Message]] = {}
    for message in collected():
        by_pattern.setdefault(message.pattern, []).append(message)
    for section, (title, text) in SECTIONS.items():
        parts += [f"## {title}", text]
        for entry in catalog():
            if entry.where == section:
                parts += _entry(
                    entry, [one for text in entry.messages for one in by_pattern.get(without_names(text), ())]
                )
    return page_of("errors", *parts)


def _contents() -> str:
    """Return the list of sections."""
    titles = ["Exit codes", *(title for title, _ in SECTIONS.values())]
    return "\n".join(f"- [{title}](#{anchor(title)})" for title in titles)


def _entry(entry: Entry, messages: list[Message]) -> Iterator[str]:
    yield f"### {entry.title}"
    yield code("\n".join(entry.messages))
    yield f"**Cause:** {prose(entry.cause)}"
    yield f"**Fix:** {prose(entry.fix)}"
    if entry.example:
        yield code(entry.example)
    codes = sorted({found for one in messages if (found := _code(one))})
    files = sorted({one.file for one in messages})
    shown = [f"Code: {', '.join(codes)}."] if codes else []
    yield " ".join([*shown, f"Raised in {', '.join(f'`{file}`' for file in files)}."])


def _code(message: Message) -> str:
    """Return the code and the status of a response, or nothing for a message outside of a response."""
    if message.file == SIGNATURES:
        return f"`{message.raised_as}`"
    found = getattr(registry_errors, _CLASSES.get(message.raised_as, message.raised_as), None)
    if isinstance(found, type) and issubclass(found, RegistryError):
        return f"`{found.code}` ({found.status})"
    return ""

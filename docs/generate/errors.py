"""The page Errors, from docs/errors.toml and the messages that the product raises."""

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

from .markdown import code, prose
from .markdown import page as page_of
from .messages import SIGNATURES, VALUE, Message, collected

FILE: Final = Path(__file__).parents[1] / "errors.toml"
PAGE: Final = Path(__file__).parents[1] / "reference" / "errors.md"

SECTIONS: Final[Mapping[str, str]] = {
    "command": "Commands and settings",
    "rule": "Results of approval rules",
    "response": "Responses of the server",
    "delivery": "Deliveries of events",
}


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A family of messages with one cause and one fix; `messages` are patterns with `{}` for any text.

    `source` is `aws` for sentences of AWS, which are never reworded.
    """

    id: str
    messages: tuple[str, ...]
    cause: str
    fix: str
    source: str = ""

    def covers(self, text: str) -> bool:
        return any(matches(pattern, text) for pattern in self.messages)


class Catalog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    error: tuple[Entry, ...] = ()


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern, in which `{}` stands for any text, matches the text of a message."""
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split(VALUE))), re.DOTALL)


@cache
def catalog() -> tuple[Entry, ...]:
    return msgspec.convert(tomllib.loads(FILE.read_text(encoding="utf-8")), Catalog).error


def entries_of(text: str) -> list[Entry]:
    """Return the entries of a message: those that have its text as a pattern, or else all whose patterns match."""
    entries = catalog()
    exact = [entry for entry in entries if text in entry.messages]
    return exact or [entry for entry in entries if entry.covers(text)]


def missing() -> list[Message]:
    """Return the messages without an entry, each text once."""
    return list({one.text: one for one in collected() if not entries_of(one.text)}.values())


def add_missing() -> int:
    """Append an entry without cause and fix for each message that has none; return how many."""
    found = missing()
    with FILE.open("a", encoding="utf-8", newline="\n") as file:
        for message in found:
            words = re.findall(r"[a-z]+", message.text.lower())[:6]
            file.write(
                f'\n[[error]]  # {message.file}, {message.raised_as}\nid = "{"-".join(words)}"\n'
                f'messages = [{msgspec.json.encode(message.text).decode()}]\ncause = ""\nfix = ""\n'
            )
    catalog.cache_clear()
    return len(found)


def page() -> str:
    parts = []
    families: dict[str, list[Message]] = {}
    for message in collected():
        for entry in entries_of(message.text):
            families.setdefault(entry.id, []).append(message)
    entries = [(entry, families[entry.id]) for entry in catalog() if entry.id in families]
    for section, title in SECTIONS.items():
        found = [(entry, messages) for entry, messages in entries if _section(messages[0]) == section]
        if found:
            parts.append(f"## {title}")
            parts += [part for entry, messages in found for part in _entry(entry, messages)]
    return page_of("errors", *parts)


def _section(message: Message) -> str:
    if message.raised_as == "failed":
        return "rule"
    if message.raised_as == "Undelivered":
        return "delivery"
    return "response" if _error_class(message) or _is_signature(message) else "command"


def _error_class(message: Message) -> type[RegistryError] | None:
    found = getattr(registry_errors, message.raised_as, None)
    return found if isinstance(found, type) and issubclass(found, RegistryError) else None


def _code(message: Message) -> str:
    kind = _error_class(message)
    if kind:
        return f"`{kind.code}` ({kind.status})"
    return f"`{message.raised_as}`" if message.file == SIGNATURES else ""


def _is_signature(message: Message) -> bool:
    return message.raised_as == "AuthenticationFailed" or message.file == SIGNATURES


def _entry(entry: Entry, messages: list[Message]) -> Iterator[str]:
    yield f"### {entry.id.replace('-', ' ').capitalize()}"
    yield code("\n".join(dict.fromkeys(one.text for one in messages)))
    codes = sorted({found for one in messages if (found := _code(one))})
    shown = [f"Code: {', '.join(codes)}."] if codes else []
    shown += ["The text is AWS's."] if entry.source == "aws" else []
    yield " ".join([prose(entry.cause), *shown])
    yield f"**Fix:** {prose(entry.fix)}"

"""The catalog of error messages: every message has one entry, with a cause and a fix."""

from __future__ import annotations

from collections import Counter

import pytest

from docs.generate import errors
from docs.generate.messages import collected


def test_every_message_is_in_the_catalog() -> None:
    missing = [f"{one.file}:{one.line} {one.text}" for one in errors.missing()]
    assert missing == [], "run `python -m docs.generate --add-errors`"


def test_a_message_has_one_entry() -> None:
    found = {message.text: [entry.id for entry in errors.entries_of(message.text)] for message in collected()}
    assert {text: ids for text, ids in found.items() if len(ids) > 1} == {}


def test_every_pattern_of_the_catalog_matches_a_message() -> None:
    texts = {message.text for message in collected()}
    unused = [
        (entry.id, pattern)
        for entry in errors.catalog()
        for pattern in entry.messages
        if not any(errors.matches(pattern, text) for text in texts)
    ]
    assert unused == []


def test_every_entry_has_an_id_a_cause_and_a_fix() -> None:
    entries = errors.catalog()
    assert [one for one, count in Counter(entry.id for entry in entries).items() if count > 1] == []
    assert [entry.id for entry in entries if not (entry.cause and entry.fix and entry.source in ("", "aws"))] == []


def test_every_message_is_on_the_page() -> None:
    page = (errors.PAGE).read_text(encoding="utf-8")
    assert [message.text for message in collected() if message.text not in page] == []


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("{} is not an ARN", "{}: {} is not an ARN", True),
        ("{}: {} is not an ARN", "{} is not an ARN", False),
        ("Cannot find {}", "Cannot find S3 object: {} in bucket {}.", True),
        ("Rate exceeded", "Rate exceeded", True),
        ("Rate exceeded", "Rate exceeded.", False),
    ],
)
def test_a_pattern_matches_any_text_in_place_of_a_value(pattern: str, text: str, expected: bool) -> None:
    assert errors.matches(pattern, text) is expected


def test_the_collector_finds_messages_wherever_they_are_written() -> None:
    found = {(message.raised_as, message.text) for message in collected()}
    names = {name for name, _ in found}
    assert len(found) > 300
    assert {"BackendUnavailable", "Misconfigured", "ValidationException", "failed", "fail", "Undelivered"} <= names
    assert ("ValidationException", "Model Package Group does not exist.") in found
    assert ("SlowDown", "Please reduce your request rate.") in found

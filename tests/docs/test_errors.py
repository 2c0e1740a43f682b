"""The catalog of error messages: every message has one entry, with a cause and a fix."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from docs.generate import commands, errors, message_sources
from docs.generate.markdown import anchor
from docs.generate.messages import ROOT, collected, opaque, unknown_errors, without_names
from sagemaker_registry.backends.config import load
from sagemaker_registry.backends.settings import Settings

OF_COMMANDS = {"BackendUnavailable", "Misconfigured", "ValueError", "BadParameter", "UsageError", "fail", "Check"}
OF_RESPONSES = {"ConflictException", "AccessDeniedException", "UnknownOperationException", "RequestTooLarge", "result"}
OF_OTHERS = {"--help", "--format", "--file", "--upgrade", "--generate-cli-skeleton"}
"""`--help`, and options of pg_dump, pip and the AWS CLI."""


def test_every_message_is_in_the_catalog() -> None:
    missing = [f"{one.file}:{one.line} {one.text}" for one in errors.missing()]
    assert missing == [], "run `python -m docs.generate --add-errors`"


def test_every_entry_of_the_catalog_is_a_message_of_the_code() -> None:
    patterns = {message.pattern for message in collected()}
    unused = [(entry.id, text) for entry in errors.catalog() for text in entry.messages]
    assert [(name, text) for name, text in unused if without_names(text) not in patterns] == []


def test_a_message_has_one_entry() -> None:
    counts = Counter(without_names(text) for entry in errors.catalog() for text in entry.messages)
    assert [text for text, count in counts.items() if count > 1] == []


def test_a_message_that_cannot_be_collected_is_an_exception_with_a_reason() -> None:
    found = {(one.file, one.function) for one in opaque()}
    assert found == message_sources.PASSED_ON.keys(), "write the text in the call, or list the function in PASSED_ON"


def test_an_error_either_takes_messages_or_is_an_exception_with_a_reason() -> None:
    assert unknown_errors() == [], "list the class in SHOWN or NOT_SHOWN"


def test_the_places_of_messages_exist() -> None:
    files = [
        *message_sources.TABLES,
        *message_sources.SENTENCES,
        *(where for where, _ in message_sources.TAKERS.values()),
        *(where for where, _, _ in message_sources.JUDGMENTS.values()),
    ]
    assert [file for file in files if not (ROOT / file).exists()] == []
    takers = {message.raised_as for message in collected()} | {one.source.partition("(")[0] for one in opaque()}
    assert {*message_sources.TAKERS, *message_sources.JUDGMENTS} - takers == set()


def test_the_commands_and_options_that_the_catalog_names_exist() -> None:
    known = {entry.name for entry in commands.entries()}
    options = {option for entry in commands.entries() for one in entry.command.params for option in one.opts}
    wrong = []
    for entry in errors.catalog():
        text = " ".join([*entry.messages, entry.cause, entry.fix, entry.example]).replace("--map-", "")
        named = re.findall(r"[`(]sagemaker-registry ([a-z]+(?: [a-z]+)?)", text)
        groups = {name.split()[0] for name in known if " " in name}
        wrong += [
            (entry.id, name)
            for name in named
            if name not in known and (name.split()[0] not in known or name.split()[0] in groups)
        ]
        used = re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9]", text)
        wrong += [(entry.id, one) for one in used if one not in options | OF_OTHERS]
    assert wrong == []


def test_every_entry_has_a_place_a_cause_and_a_fix() -> None:
    entries = errors.catalog()
    assert [one for one, count in Counter(entry.id for entry in entries).items() if count > 1] == []
    assert [entry.id for entry in entries if not (entry.cause and entry.fix and entry.where in errors.SECTIONS)] == []
    assert [entry.id for entry in entries if (entry.source == "aws") != (entry.where == "aws")] == []


def test_a_cause_does_not_repeat_its_message() -> None:
    repeated = [entry.id for entry in errors.catalog() if entry.cause.rstrip(".") in map(_plain, entry.messages)]
    assert repeated == []


@pytest.mark.parametrize(
    "entry", [one for one in errors.catalog() if one.where == "settings" and one.example], ids=lambda entry: entry.id
)
def test_an_example_for_registry_toml_can_be_loaded(entry: errors.Entry, tmp_path: Path) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(entry.example)
    assert load(file) != Settings()


def test_the_anchor_of_an_entry_is_its_id() -> None:
    assert [entry.id for entry in errors.catalog() if anchor(entry.title) != entry.id] == []


def test_every_message_is_on_the_page() -> None:
    lines = {without_names(line).rstrip() for line in errors.PAGE.read_text(encoding="utf-8").splitlines()}
    assert [one.text for one in collected() if one.pattern.rstrip() not in lines] == []


def test_messages_of_commands_have_no_final_period_and_responses_have_one() -> None:
    takers: dict[str, set[str]] = {}
    for message in collected():
        takers.setdefault(message.pattern, set()).add(message.raised_as)
    for entry in errors.catalog():
        for text in entry.messages:
            raised = takers[without_names(text)]
            if entry.source == "aws" or text.endswith("}"):
                continue
            if raised <= OF_COMMANDS:
                assert not text.removesuffix("...").endswith("."), text
            elif raised <= OF_RESPONSES:
                assert text.endswith((".", "?")), text


def test_the_collector_finds_messages_wherever_they_are_written() -> None:
    found = {(message.raised_as, message.text) for message in collected()}
    names = {name for name, _ in found}
    assert len(found) > 450
    assert {"BackendUnavailable", "Misconfigured", "ValidationException", "fail", "Undelivered", "Check"} <= names
    assert ("ValidationException", "Model Package Group does not exist.") in found
    assert ("SlowDown", "Please reduce your request rate.") in found
    texts = {message.pattern for message in collected()}
    assert "[rules.{}]: group `{}` has no members{}" in texts, "a name is followed to the values assigned to it"
    assert "The ResourcePolicy is not valid: it has no Statement." in texts, "a parameter is followed to its callers"
    assert "{} resolves to {}, which is not allowed for webhooks" in texts, "a call is followed to what it returns"
    assert "{} has no approved version" in texts, "the method __str__ of an error is read"


def test_values_of_a_message_may_have_any_name() -> None:
    assert without_names("{file}, line {line}: {problem}") == without_names("{path}, line {lineno}: {error}")
    assert without_names('{"type": "header"}') == '{"type": "header"}'


def _plain(text: str) -> str:
    return text.rstrip(".")

"""Errors of values that do not have their type: the key, the value and the accepted values, in one sentence."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from sagemaker_registry.backends import BackendUnavailable, conversion
from sagemaker_registry.backends.config import load
from sagemaker_registry.backends.conversion import JSON, TOML, Form, Mismatch

ROOT = Path(__file__).parents[2]
OWN_DATA = {
    "backends/conversion.py": "the function that turns every failure into a sentence",
    "backends/local/history/queries.py": "a number in a row of the store; a failure means that the store is damaged",
    "backends/local/pagination.py": "stored records; one that does not match the service model is shown by other means",
    "backends/local/operations/packages.py": "stored records, as in pagination.py",
    "backends/service/projection.py": "stored records, as in pagination.py",
    "backends/service/shapes.py": "the service model of botocore",
    "backends/store/sqlite/store.py": "the list of errors that mean that the store is damaged",
    "emulator/api/openapi.py": "the document that the server itself makes",
}
"""Modules that call msgspec on data that no user wrote, or that never show its errors."""


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    secret: str = ""
    timeout: Annotated[float, msgspec.Meta(gt=0, le=30)] = 5.0


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    name: str


class Group(Line, frozen=True, tag="group"):
    last_version: Annotated[int, msgspec.Meta(ge=0)] = 0


class Package(Line, frozen=True, tag="package"):
    pass


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"source": "from"}):
    attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 12
    version: Annotated[int, msgspec.Meta(ge=1)] | None = None
    most: Annotated[int, msgspec.Meta(le=9)] = 9
    ratio: float = 0.0
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=5)] = "a"
    title: Annotated[str, msgspec.Meta(min_length=1)] = "a"
    account: Annotated[str, msgspec.Meta(pattern="^[0-9]{12}$", description="12 digits")] = "1" * 12
    enabled: bool = False
    order: Literal["Ascending", "Descending"] = "Ascending"
    source: str | Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = "new"
    groups: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    by_name: Mapping[str, Target] = {}
    lines: list[Group | Package] = []


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        # wrong type
        ({"attempts": "5"}, "`attempts` is '5'; expected an integer from 1 to 100"),
        ({"attempts": True}, "`attempts` is true; expected an integer from 1 to 100"),
        ({"attempts": None}, "`attempts` is null; expected an integer from 1 to 100"),
        ({"ratio": "high"}, "`ratio` is 'high'; expected a number"),
        ({"title": 3}, "`title` is 3; expected a string that is not empty"),
        ({"enabled": "yes"}, "`enabled` is 'yes'; expected true or false"),
        ({"groups": "a"}, "`groups` is 'a'; expected a list of strings"),
        ({"groups": ["a", 3]}, "`groups[1]` is 3; expected a string"),
        ({"targets": {}}, "`targets` is an object; expected a list of objects"),
        ({"by_name": {"x": []}}, "`by_name.x` is an empty list; expected an object"),
        ({"by_name": {"x": {"url": [1]}}}, "`by_name.x.url` is a list; expected a string"),
        ({"source": 1}, "unknown key `source`; expected one of "),
        ({"from": 1}, "`from` is 1; expected a string or a list of at least one string"),
        ({"from": ["a", 1]}, "`from[1]` is 1; expected a string"),
        ({"from": []}, "`from` is an empty list; expected a list of at least one string"),
        ({"title": date(2026, 12, 1)}, "`title` is a date; expected a string that is not empty"),
        ([], "the value is an empty list; expected an object"),
        # out of range
        ({"attempts": 0}, "`attempts` is 0; expected an integer from 1 to 100"),
        ({"attempts": 101}, "`attempts` is 101; expected an integer from 1 to 100"),
        ({"version": 0}, "`version` is 0; expected an integer of 1 or more"),
        ({"most": 10}, "`most` is 10; expected an integer of at most 9"),
        (
            {"targets": [{"url": "u", "timeout": 0}]},
            "`targets[0].timeout` is 0; expected a number above 0",
        ),
        # too long, too short, or of another form
        ({"name": "abcdef"}, "`name` has 6 characters; expected a string of 1 to 5 characters"),
        ({"name": ""}, "`name` is ''; expected a string of 1 to 5 characters"),
        ({"title": ""}, "`title` is ''; expected a string that is not empty"),
        ({"account": "12"}, "`account` is '12'; expected 12 digits"),
        ({"order": "x" * 200}, f"`order` is '{'x' * 100}...'; expected one of Ascending, Descending"),
        # unknown and missing keys
        ({"atempts": 3}, "unknown key `atempts`; did you mean 'attempts'?"),
        ({"targets": [{"ulr": "u", "url": "u"}]}, "unknown key `targets[0].ulr`; did you mean 'url'?"),
        (
            {"targets": [{"url": "u", "colour": 1}]},
            "unknown key `targets[0].colour`; expected one of url, secret",
        ),
        ({"targets": [{}]}, "`targets[0].url` is missing; expected a string"),
        # words of a fixed set
        ({"order": "Descendin"}, "`order` is 'Descendin'; expected one of Ascending, Descending; did you mean 'Desce"),
        ({"order": "up"}, "`order` is 'up'; expected one of Ascending, Descending"),
        # one of several structures
        ({"lines": [{"type": "grup", "name": "a"}]}, "`lines[0].type` is 'grup'; expected one of group, package; did"),
        ({"lines": [{"name": "a"}]}, "`lines[0].type` is missing; expected one of group, package"),
        ({"lines": [{"type": [], "name": "a"}]}, "`lines[0].type` is an empty list; expected one of group, package"),
        ({"lines": [{"type": "group", "name": "a", "last_version": -1}]}, "`lines[0].last_version` is -1; expected an"),
        ({"lines": [{"type": "package", "name": "a"}, 3]}, "`lines[1]` is 3; expected an object"),
    ],
)
def test_a_mismatch_names_the_key_its_value_and_the_accepted_values(value: Any, sentence: str) -> None:
    with pytest.raises(Mismatch) as caught:
        conversion.convert(value, Document)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(("form", "words"), [(JSON, "an object"), (TOML, "a table")])
def test_a_mismatch_uses_the_words_of_the_format(form: Form, words: str) -> None:
    with pytest.raises(Mismatch, match=f"`by_name.x` is 3; expected {words}"):
        conversion.convert({"by_name": {"x": 3}}, Document, form=form)


def test_a_mismatch_does_not_show_a_secret() -> None:
    with pytest.raises(Mismatch) as caught:
        conversion.convert({"url": "u", "secret": 123456}, Target)
    assert str(caught.value) == "`secret` does not have the right type; expected a string"


def test_the_place_of_a_mismatch_begins_with_the_place_of_the_value() -> None:
    with pytest.raises(Mismatch, match=r"`events\.targets\.timeout` is 99") as caught:
        conversion.convert({"url": "u", "timeout": 99}, Target, place=("events", "targets"))
    assert caught.value.place == ("events", "targets", "timeout")


def test_a_sentence_ends_with_one_mark() -> None:
    assert Mismatch("unknown key `a`; did you mean 'b'?", ()).sentence == "unknown key `a`; did you mean 'b'?"
    assert Mismatch("`a` is missing; expected a string", ()).sentence == "`a` is missing; expected a string."


def test_numbers_may_be_text_where_the_caller_allows_it() -> None:
    assert conversion.convert({"attempts": "5"}, Document, strict=False) == Document(attempts=5)
    with pytest.raises(Mismatch, match="`attempts` is 'five'; expected an integer from 1 to 100"):
        conversion.convert({"attempts": "five"}, Document, strict=False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"url": }', r"^invalid JSON: unexpected character.* \(line 1, column 9\)$"),
        ('{\n"url": "u"', r"^invalid JSON: unexpected end of data \(line 2, column 11\)$"),
        ('{"url": 1}', "^`url` is 1; expected a string$"),
    ],
)
def test_invalid_json_is_reported_with_its_line_and_column(text: str, sentence: str) -> None:
    with pytest.raises(Mismatch, match=sentence):
        conversion.decode(text, Target)
    assert conversion.decode('{"url": "u"}', Target) == Target("u")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[checks]\nimages = off", ", line 2: invalid TOML: invalid value"),
        (b"[checks]\n\nimages", ", line 3: invalid TOML: expected '=' after a key in a key/value pair"),
        (b"a = '\xff'", " is not valid TOML: expected UTF-8 text"),
    ],
)
def test_invalid_toml_is_reported_with_its_line(tmp_path: Path, text: bytes, words: str) -> None:
    file = tmp_path / "registry.toml"
    file.write_bytes(text)
    with pytest.raises(BackendUnavailable) as caught:
        load(file)
    assert str(caught.value) == f"{file}{words}"


def test_only_one_module_converts_what_users_write() -> None:
    names = ("msgspec.convert", "msgspec.json.decode", "msgspec.ValidationError", "msgspec.DecodeError")
    found = {
        file.relative_to(ROOT).as_posix()
        for folder in ("backends", "emulator", "client")
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node).startswith((*names, "msgspec.json.Decoder"))
    }
    assert found == OWN_DATA.keys()

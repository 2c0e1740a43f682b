"""Values that do not match their type are described in plain words, never in those of a library."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import pytest

from sagemaker_registry.backends.conversion import Mismatch, convert, decode


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    timeout: Annotated[float, msgspec.Meta(gt=0, le=30)] = 5.0


class Cat(msgspec.Struct, tag_field="kind", tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag_field="kind", tag="dog"):
    name: str


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    count: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    rate: Annotated[float, msgspec.Meta(ge=0)] | None = None
    state: Literal["pending", "done"] = "done"
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=5)] = "a"
    account: Annotated[str, msgspec.Meta(pattern="^[0-9]{12}$", description="12 digits")] = "123456789012"
    targets: Annotated[tuple[Inner, ...], msgspec.Meta(min_length=1)] | None = None
    named: dict[str, Inner] = {}
    texts: dict[str, str] = {}
    pet: Cat | Dog | None = None
    is_on: bool = True


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"count": 0}, "`count` is 0; expected an integer from 1 to 100"),
        ({"count": True}, "`count` is true; expected an integer from 1 to 100"),
        ({"count": "many"}, "`count` is 'many'; expected an integer from 1 to 100"),
        ({"count": None}, "`count` is null; expected an integer from 1 to 100"),
        ({"rate": -1}, "`rate` is -1; expected a number of at least 0"),
        ({"state": "pendign"}, "`state` is 'pendign'; expected one of done, pending; did you mean 'pending'?"),
        ({"state": 3}, "`state` is 3; expected one of done, pending"),
        ({"name": ""}, "`name` is ''; expected text of at least 1 and at most 5 characters"),
        ({"name": ["a"]}, "`name` is a list; expected text of at least 1 and at most 5 characters"),
        ({"account": "12"}, "`account` is '12'; expected 12 digits"),
        ({"targets": []}, "`targets` is an empty list; expected a list with at least one value"),
        ({"targets": [{"url": "a"}, {}]}, "`targets[1].url` is missing"),
        (
            {"targets": [{"url": "a", "timeout": 31}]},
            "`targets[0].timeout` is 31; expected a number above 0 and at most 30",
        ),
        ({"named": {"a": {"url": "b"}, "c": {"url": 1}}}, "`named.c.url` is 1; expected text"),
        ({"named": {"a": {"url": "b"}, "c": 1}}, "`named.c` is 1; expected a table of keys and values"),
        ({"texts": {"a": "b", "c": 1}}, "`texts.c` is 1; expected text"),
        ({"pet": {"kind": "cow"}}, "`pet.kind` is 'cow'; expected one of cat, dog"),
        ({"pet": {"kind": "dog", "name": 1}}, "`pet.name` is 1; expected text"),
        ({"pet": {}}, "`pet.kind` is missing"),
        ({"is_on": "yes"}, "`is_on` is 'yes'; expected true or false"),
        ({"cuont": 1}, "unknown key `cuont`; did you mean 'count'?"),
        ({"targets": [{"url": "a", "x": 1}]}, "unknown key `targets[0].x`; expected one of url, timeout"),
        ([], "the value is an empty list; expected a table of keys and values"),
        ({"name": "x" * 1000}, f"`name` is '{'x' * 100}'; expected text of at least 1 and at most 5 characters"),
    ],
)
def test_a_mismatch_names_the_place_the_value_and_what_is_expected(value: Any, sentence: str) -> None:
    with pytest.raises(Mismatch) as found:
        convert(value, Outer)
    assert str(found.value) == sentence


def test_the_place_of_a_mismatch_begins_with_the_place_of_the_value() -> None:
    with pytest.raises(Mismatch) as found:
        convert({"targets": [{}]}, Outer, place=("events", 3))
    assert str(found.value) == "`events[3].targets[0].url` is missing"
    assert found.value.place == ("events", 3, "targets", 0, "url")


def test_numbers_in_text_are_accepted_on_request() -> None:
    assert convert({"count": "7"}, Outer, strict=False).count == 7
    with pytest.raises(Mismatch, match="`count` is '101'; expected an integer from 1 to 100"):
        convert({"count": "101"}, Outer, strict=False)


def test_content_that_is_not_json_is_a_mismatch() -> None:
    with pytest.raises(Mismatch, match="invalid JSON: "):
        decode("{", Outer)

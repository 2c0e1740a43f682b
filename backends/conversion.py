"""Convert JSON and TOML values to structs; a value that does not match is described in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import inspect

from .errors import did_you_mean

Place = tuple[str | int, ...]

LONGEST: Final = 100
"""The most characters of a value that an error message repeats."""

_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<index>[0-9]+)\]|(?P<any>\[\.\.\.\])")
_FIELD = re.compile(r"Object (?P<problem>contains unknown|missing required) field `(?P<name>[^`]*)`")


class Mismatch(Exception):
    """A value does not match its type: the sentence, without a final period, and the place of the value."""

    def __init__(self, sentence: str, place: Place) -> None:
        super().__init__(sentence)
        self.place = place


def convert(value: Any, kind: Any, *, strict: bool = True, place: Place = ()) -> Any:
    """Convert a value of JSON or TOML.

    Args:
        value: the value.
        kind: the type to convert to, usually a struct.
        strict: whether numbers and booleans in text are rejected.
        place: the keys that lead to the value, for the sentence.

    Raises:
        Mismatch: a key is unknown or missing, or a value has the wrong type or is out of range.
    """
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise _mismatch(error, value, kind, place) from error


def decode(content: bytes | str, kind: Any) -> Any:
    """Decode JSON to a type.

    Raises:
        Mismatch: the content is not JSON, or does not match the type.
    """
    try:
        value = msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise Mismatch(f"invalid JSON: {error}", ()) from error
    return convert(value, kind)


def _mismatch(error: msgspec.ValidationError, value: Any, kind: Any, place: Place) -> Mismatch:
    problem, _, path = str(error).partition(" - at `$")
    types = [inspect.type_info(kind)]
    for step in _STEP.finditer(path.rstrip("`")):
        key: str | int = int(step["index"]) if step["index"] else step["key"] or _wrong_key(value, types, problem)
        types = [inner for one in types for inner in _inner(one, key, value)]
        value = value[key] if not isinstance(value, dict) or key in value else None
        place = (*place, key)
    field = _FIELD.match(problem)
    if field is None:
        return Mismatch(f"{_subject(place)} is {_shown(value)}; expected {_expected(types, value)}", place)
    place = (*place, field["name"])
    if field["problem"] == "missing required":
        return Mismatch(f"{_subject(place)} is missing", place)
    known = [one.encode_name for struct in types for one in _fields(struct, value)]
    hint = did_you_mean(field["name"], known) or f"; expected one of {', '.join(known)}"
    return Mismatch(f"unknown key {_subject(place)}{hint}", place)


def _wrong_key(value: Any, types: list[inspect.Type], problem: str) -> str:
    """Return the key of the entry that does not match, as msgspec writes `[...]` for the entries of an object."""
    for key, entry in value.items():
        for one in types:
            for inner in _inner(one, key, value):
                if not _matches(entry, inner):
                    return str(key)
    raise AssertionError(problem)


def _matches(entry: Any, inner: inspect.Type) -> bool:
    """Return whether a value has a type that `type_info` has described."""
    if isinstance(inner, inspect.StructType):
        try:
            msgspec.convert(entry, inner.cls)
        except msgspec.ValidationError:
            return False
        return True
    python = {inspect.StrType: str, inspect.IntType: int, inspect.ListType: list, inspect.DictType: dict}
    return isinstance(inner, inspect.AnyType) or isinstance(entry, python.get(type(inner), object))


def _inner(kind: inspect.Type, key: str | int, value: Any) -> Iterator[inspect.Type]:
    """Yield the types of an entry of an object or a list."""
    match kind:
        case inspect.Metadata():
            yield from _inner(kind.type, key, value)
        case inspect.UnionType():
            for one in kind.types:
                yield from _inner(one, key, value)
        case inspect.StructType():
            if key == kind.tag_field and kind.tag is not None:
                yield inspect.LiteralType((kind.tag,))
            elif kind.tag_field is None or not isinstance(value, dict) or value.get(kind.tag_field) == kind.tag:
                yield from (field.type for field in kind.fields if field.encode_name == key)
        case inspect.DictType():
            yield kind.value_type
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            yield kind.item_type


def _fields(kind: inspect.Type, value: Any) -> tuple[inspect.Field, ...]:
    """Return the fields of a struct; of several, those of the one that the value's tag names."""
    match kind:
        case inspect.Metadata():
            return _fields(kind.type, value)
        case inspect.UnionType():
            return tuple(field for one in kind.types for field in _fields(one, value))
        case inspect.StructType() if kind.tag_field is None or value.get(kind.tag_field, kind.tag) == kind.tag:
            return kind.fields
    return ()


def _subject(place: Place) -> str:
    """Return a place as users write it: `events.webhooks[0].url`."""
    shown = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")
    return f"`{shown}`" if shown else "the value"


def _shown(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return repr(value[:LONGEST])
        case int() | float():
            return str(value)[:LONGEST]
        case list() | tuple():
            return "a list" if value else "an empty list"
        case dict():
            return "an object"
        case _:
            return f"a {type(value).__name__}"


def _expected(types: list[inspect.Type], value: Any) -> str:
    words = [str(word) for one in types if isinstance(one, inspect.LiteralType) for word in one.values]
    found = [_one_of(words, value)] if words else []
    found += [text for one in types for text in _described(one)]
    return " or ".join(dict.fromkeys(found)) or "another value"


def _described(kind: inspect.Type) -> Iterator[str]:
    """Yield what a type accepts, in words."""
    match kind:
        case inspect.Metadata():
            description = (kind.extra_json_schema or {}).get("description")
            yield from [description] if description else _described(kind.type)
        case inspect.UnionType():
            for one in kind.types:
                yield from _described(one)
        case inspect.IntType():
            yield f"an integer{_range(kind)}"
        case inspect.FloatType():
            yield f"a number{_range(kind)}"
        case inspect.BoolType():
            yield "true or false"
        case inspect.StrType():
            lengths = [f"at least {kind.min_length}"] if kind.min_length else []
            lengths += [f"at most {kind.max_length}"] if kind.max_length is not None else []
            yield f"text of {' and '.join(lengths)} characters" if lengths else "text"
        case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
            yield "a list with at least one value" if kind.min_length else "a list"
        case inspect.DictType() | inspect.StructType():
            yield "a table of keys and values"


def _one_of(words: list[str], value: Any) -> str:
    return f"one of {', '.join(words)}{did_you_mean(value, words) if isinstance(value, str) else ''}"


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is not None and kind.le is not None:
        return f" from {kind.ge:g} to {kind.le:g}" if kind.le < 10**6 else f" of at least {kind.ge:g}"
    bounds = [f"above {kind.gt:g}"] if kind.gt is not None else []
    bounds += [f"of at least {kind.ge:g}"] if kind.ge is not None else []
    bounds += [f"of at most {kind.le:g}" if not bounds else f"at most {kind.le:g}"] if kind.le is not None else []
    return f" {' and '.join(bounds)}" if bounds else ""

"""Conversion of decoded TOML and JSON to typed values; errors name the key, its value and the accepted values."""

from __future__ import annotations

import re
import tomllib
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec
import msgspec.structs
import orjson

from .errors import did_you_mean, json_problem

Place = tuple[str | int, ...]
Type = TypeVar("Type")

LONGEST: Final = 100
"""Number of characters of a value that a message shows."""
LISTS: Final = (list, tuple, Sequence)
MAPPINGS: Final = (dict, Mapping)

_TOML_LINE = re.compile(r" \(at line (?P<line>[0-9]+), column [0-9]+\)| \(at end of document\)")


@dataclass(frozen=True, slots=True)
class Form:
    """The words of a format for its values."""

    mapping: str


JSON: Final = Form("an object")
TOML: Final = Form("a table")
_NOUNS: Final = {str: "string", int: "integer", float: "number"}


class Mismatch(ValueError):
    """A value does not have its type: `place` is the path of keys to it."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.place = place

    @property
    def sentence(self) -> str:
        """The message as a sentence of the API."""
        return f"{self}{'' if str(self).endswith('?') else '.'}"


def convert(value: Any, kind: type[Type] | Any, *, place: Place = (), form: Form = JSON, strict: bool = True) -> Type:
    """Return a decoded value as a type.

    Args:
        value: the value, as a decoder of TOML or JSON returns it.
        kind: the type, which msgspec converts to.
        place: the path of keys to the value, which the message begins with.
        form: the words of the format.
        strict: whether text is rejected in place of a number.

    Raises:
        Mismatch: the value does not have the type.
    """
    try:
        converted: Type = msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise _Search(form, strict).mismatch(value, kind, place) from error
    return converted


def decode(text: str | bytes, kind: type[Type]) -> Type:
    """Return a JSON text as a type.

    Raises:
        Mismatch: the text is not JSON, or does not have the type.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Mismatch(f"invalid JSON: {json_problem(error)}", ()) from error
    return convert(value, kind)


def toml_problem(error: tomllib.TOMLDecodeError, text: str) -> tuple[int, str]:
    """Return the line of an error in a TOML file, and the problem as the end of a sentence."""
    found = _TOML_LINE.search(str(error))
    line = int(found["line"]) if found and found["line"] else text.count("\n", 0, len(text.rstrip())) + 1
    problem = _TOML_LINE.sub("", str(error))
    return line, problem[:1].lower() + problem[1:]


@dataclass(frozen=True, slots=True)
class _Search:
    """The search for the first part of a value that does not have its type."""

    form: Form
    strict: bool

    def mismatch(self, value: Any, kind: Any, place: Place) -> Mismatch:
        base, limits = _parts(kind)
        if get_origin(base) in (Union, types.UnionType):
            return self._of_union(value, base, place)
        if _is_struct(base) and isinstance(value, Mapping):
            return self._of_struct(value, base, place)
        for step, item, inner in _items(value, base):
            if not self._fits(item, inner):
                return self.mismatch(item, inner, (*place, step))
        return self._leaf(value, base, limits, place)

    def _fits(self, value: Any, kind: Any) -> bool:
        try:
            msgspec.convert(value, kind, strict=self.strict)
        except msgspec.ValidationError:
            return False
        return True

    def _of_union(self, value: Any, union: Any, place: Place) -> Mismatch:
        options = get_args(union)
        tagged = [one for one in options if _is_struct(one) and one.__struct_config__.tag_field]
        if tagged and isinstance(value, Mapping):
            field = tagged[0].__struct_config__.tag_field
            by_tag = {one.__struct_config__.tag: one for one in tagged}
            if field in value and value[field] in [*by_tag]:
                return self._of_struct(value, by_tag[value[field]], place)
            kinds: Any = Literal.__getitem__(tuple(by_tag))  # a type that only the structs know
            if field in value:
                return self._leaf(value[field], kinds, (), (*place, field))
            return self._missing(place, field, kinds)
        within = [one for one in options if _holds(value, one)]
        return self.mismatch(value, within[0], place) if within else self._leaf(value, union, (), place)

    def _of_struct(self, value: Mapping[str, Any], struct: Any, place: Place) -> Mismatch:
        fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
        config = struct.__struct_config__
        for name, item in value.items():
            if name in fields and not self._fits(item, fields[name].type):
                return self.mismatch(item, fields[name].type, (*place, name))
        known = [*fields, config.tag_field] if config.tag_field else [*fields]
        unknown = [name for name in value if name not in known] if config.forbid_unknown_fields else []
        if unknown:
            inside = (*place, unknown[0])
            hint = did_you_mean(unknown[0], fields) or f"; expected {_alternatives(fields)}"
            key = path(inside)
            return Mismatch(f"unknown key `{key}`{hint}", inside)
        for name, field in fields.items():
            if field.required and name not in value:
                return self._missing(place, name, field.type)
        return self._leaf(value, struct, (), place)

    def _missing(self, place: Place, name: str, kind: Any) -> Mismatch:
        key, expected = path((*place, name)), self._expected(*_parts(kind))
        return Mismatch(f"`{key}` is missing; expected {expected}", place)

    def _leaf(self, value: Any, base: Any, limits: tuple[msgspec.Meta, ...], place: Place) -> Mismatch:
        key, expected = path(place), self._expected(base, limits)
        if get_origin(base) is Literal and isinstance(value, str):
            expected += did_you_mean(value, get_args(base))
        if any(isinstance(step, str) and "secret" in step for step in place):
            return Mismatch(f"`{key}` does not have the right type; expected {expected}", place)
        if value and isinstance(value, str) and _limit(limits, "max_length") is not None:
            return Mismatch(f"`{key}` has {len(value):,} characters; expected {expected}", place)
        if not place:
            return Mismatch(f"the value is {shown(value, self.form)}; expected {expected}", place)
        return Mismatch(f"`{key}` is {shown(value, self.form)}; expected {expected}", place)

    def _expected(self, base: Any, limits: tuple[msgspec.Meta, ...]) -> str:
        """Return the accepted values in words."""
        described = next((limit.description for limit in limits if limit.description), "")
        origin = get_origin(base)
        if described:
            return described
        if origin is Literal:
            return _alternatives(get_args(base))
        if origin in (Union, types.UnionType):
            given = [one for one in get_args(base) if one is not type(None)]  # null is the same as no value
            return " or ".join(dict.fromkeys(self._expected(*_parts(one)) for one in given))
        if base in LISTS or origin in LISTS:
            one, many = self._nouns(next(iter(get_args(base)), Any))
            return f"a list of at least one {one}" if _limit(limits, "min_length") else f"a list of {many}"
        if _is_struct(base) or base in MAPPINGS or origin in MAPPINGS:
            return self.form.mapping
        return _SCALARS[base](limits) if base in _SCALARS else "another value"

    def _nouns(self, kind: Any) -> tuple[str, str]:
        """Return the singular and the plural of a type."""
        base, _ = _parts(kind)
        is_mapping = _is_struct(base) or base in MAPPINGS or get_origin(base) in MAPPINGS
        noun = self.form.mapping.split()[-1] if is_mapping else _NOUNS.get(base, "value")
        return noun, f"{noun}s"


def shown(value: Any, form: Form = JSON) -> str:
    """Return a value as a message shows it: shortened, and only the kind of a list or mapping."""
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "null"
        case str():
            return repr(value if len(value) <= LONGEST else f"{value[:LONGEST]}...")
        case int() | float():
            return str(value)[:LONGEST]
        case Mapping():
            return form.mapping
        case list() | tuple():
            return "a list" if value else "an empty list"
    return f"a {type(value).__name__}"  # a date or time of TOML


def path(place: Place) -> str:
    """Return a path of keys as text, such as `events.webhooks[0].url`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step[:LONGEST]}" for step in place).removeprefix(".")


def _parts(kind: Any) -> tuple[Any, tuple[msgspec.Meta, ...]]:
    """Return a type without its limits, and its limits."""
    limits: tuple[msgspec.Meta, ...] = ()
    while get_origin(kind) is Annotated:
        kind, *given = get_args(kind)
        limits = (*limits, *given)
    return kind, limits


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _holds(value: Any, kind: Any) -> bool:
    """Return whether a type is that of a list or mapping like the value."""
    base, _ = _parts(kind)
    if isinstance(value, list | tuple):
        return base in LISTS or get_origin(base) in LISTS
    if isinstance(value, Mapping):
        return _is_struct(base) or base in MAPPINGS or get_origin(base) in MAPPINGS
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (isinstance(value, str) and base is str) or (is_number and base in (int, float))


def _items(value: Any, base: Any) -> Iterator[tuple[str | int, Any, Any]]:
    """Yield the steps, items and types of a list or mapping."""
    arguments = get_args(base)
    if isinstance(value, list | tuple) and get_origin(base) in LISTS:
        yield from ((number, item, arguments[0]) for number, item in enumerate(value))
    elif isinstance(value, Mapping) and get_origin(base) in MAPPINGS:
        yield from ((str(key), item, arguments[1]) for key, item in value.items())


def _alternatives(values: Any) -> str:
    names = [str(value) for value in values]
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}" if names else "no keys"


def _limit(limits: tuple[msgspec.Meta, ...], name: str) -> Any:
    return next((found for limit in limits if (found := getattr(limit, name)) is not None), None)


def _number(noun: str, limits: tuple[msgspec.Meta, ...]) -> str:
    least, above, most = (_limit(limits, name) for name in ("ge", "gt", "le"))
    if least is not None and most is not None:
        return f"{noun} from {least:g} to {most}"
    low = f" of {least:g} or more" if least is not None else f" above {above:g}" if above is not None else ""
    if most is None:
        return f"{noun}{low}"
    return f"{noun}{low}{' and at most' if low else ' of at most'} {most}"


def _text(limits: tuple[msgspec.Meta, ...]) -> str:
    least, most = _limit(limits, "min_length"), _limit(limits, "max_length")
    if most is not None:
        return f"a string of {least or 0} to {most} characters"
    return "a string that is not empty" if least else "a string"


_SCALARS: Final[Mapping[Any, Callable[[tuple[msgspec.Meta, ...]], str]]] = {
    str: _text,
    int: lambda limits: _number("an integer", limits),
    float: lambda limits: _number("a number", limits),
    bool: lambda limits: "true or false",
}

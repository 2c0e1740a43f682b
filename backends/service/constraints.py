"""Validation of requests against the constraints of the service model, with the messages of AWS."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import regex

from ..errors import ValidationException
from . import model
from .model import Shape

MAX_QUOTE = 1024
"""Number of characters after which a message truncates an invalid value (our choice)."""

MAX_PATTERN_INPUT = 4_096
"""Length up to which a pattern is matched, unless its shape allows more; longer values break only the length limit.

Some of the model's patterns take quadratic time.
"""

Rules = Callable[[Any], Iterator[str]]
Holds = Callable[[Any], bool]
Check = Callable[[Any, str], Iterator[str]]


def check(operation: str, params: Mapping[str, Any]) -> None:
    """Raise ValidationException with one message for each broken constraint of the operation's input shape.

    The wording is that of captured SageMaker errors. For lists of strings and for maps, it is that of other AWS
    services with the same framework.
    """
    if holds(operation, params):
        return  # nearly all requests are valid, and building messages and paths is slow
    sentences = broken(operation, params)
    if sentences:
        plural = "error" if len(sentences) == 1 else "errors"
        raise ValidationException(f"{len(sentences)} validation {plural} detected: {'; '.join(sentences)}")


def holds(operation: str, params: Mapping[str, Any]) -> bool:
    """Return whether parameters satisfy every constraint of the input shape, so that `broken` would be empty."""
    return _input_holds(operation)(params)


def broken(operation: str, params: Mapping[str, Any]) -> list[str]:
    """Return a message for each broken constraint of the operation's input shape, in the model's order."""
    return list(_input_check(operation)(params, ""))


@cache
def _input_check(operation: str) -> Check:
    shape = model.input_shape(operation)
    return checker(shape) if shape is not None else _nothing


@cache
def _input_holds(operation: str) -> Holds:
    shape = model.input_shape(operation)
    return (_holds(shape) if shape is not None else None) or _anything


@cache
def pattern(text: str) -> regex.Pattern[str]:
    """Compile a pattern of the model; they have Java's syntax (`\\p{L}`), which `re` does not support.

    `.` also matches line breaks (our choice), so that `.*` accepts a policy from an indented file, or a reason with two
    lines.
    """
    return regex.compile(text, regex.DOTALL)


def _nothing(value: Any, path: str) -> Iterator[str]:
    return iter(())


def checker(shape: Shape) -> Check:
    """Return the check of a shape: its own constraints, then those of its members."""
    own = _own_rules(shape)
    inside = _INSIDE.get(shape.type_name, lambda _: _nothing)(shape)

    def run(value: Any, path: str) -> Iterator[str]:
        for rule in own(value):
            yield _sentence(value, path, rule)
        yield from inside(value, path)

    return run


def _own_rules(shape: Shape) -> Rules:
    """Return a function that yields the broken constraints of a value, without those of its members."""
    limits = dict(shape.metadata)
    noun, size = ("value", _identity) if shape.type_name in _NUMBERS else ("length", len)
    low, high = limits.get("min"), limits.get("max")
    matches = pattern(limits["pattern"]).fullmatch if "pattern" in limits else None
    allowed, longest = limits.get("enum"), _longest_tried(limits)

    def rules(value: Any) -> Iterator[str]:
        measure = size(value) if low is not None or high is not None else 0
        if allowed is not None and value not in allowed:
            yield f"Member must satisfy enum value set: [{', '.join(allowed)}]"
        if low is not None and measure < low:
            yield f"Member must have {noun} greater than or equal to {low}"
        if high is not None and measure > high:
            yield f"Member must have {noun} less than or equal to {high}"
        if matches is not None and len(value) <= longest and not matches(value):
            yield f"Member must satisfy regular expression pattern: {limits['pattern']}"

    return rules if low is not None or high is not None or matches or allowed else lambda value: iter(())


def _longest_tried(limits: Mapping[str, Any]) -> int:
    most: int = limits.get("max", 0)
    return max(MAX_PATTERN_INPUT, most)


def _anything(value: Any) -> bool:
    return True


def _holds(shape: Any) -> Holds | None:
    """Return a faster equivalent of `checker` that only returns whether a value is valid; None if all values are."""
    own = _own_holds(shape)
    inside = _HOLDS_INSIDE.get(shape.type_name, lambda _: None)(shape)
    if own is None or inside is None:
        return own or inside
    return lambda value: own(value) and inside(value)


def _own_holds(shape: Shape) -> Holds | None:
    """Return a faster equivalent of `_own_rules`; None if all values are valid."""
    limits = dict(shape.metadata)
    low, high = limits.get("min"), limits.get("max")
    size = _identity if shape.type_name in _NUMBERS else len
    kept: list[Holds] = []
    if "enum" in limits:
        kept.append(frozenset(limits["enum"]).__contains__)
    if low is not None or high is not None:
        least, most = -math.inf if low is None else low, math.inf if high is None else high
        kept.append(lambda value: least <= size(value) <= most)
    if "pattern" in limits:
        matches, longest = pattern(limits["pattern"]).fullmatch, _longest_tried(limits)
        kept.append(lambda value: len(value) > longest or matches(value) is not None)
    return _all_of(kept)


def _all_of(kept: list[Holds]) -> Holds | None:
    match kept:
        case []:
            return None
        case [one]:
            return one
        case [one, other]:
            return lambda value: one(value) and other(value)
    return lambda value: all(one(value) for one in kept)


def _structure_holds(shape: Any) -> Holds:
    fields: dict[str, Holds | None] | None = None
    required = frozenset(shape.required_members)

    def holds(value: Mapping[str, Any]) -> bool:
        nonlocal fields
        if fields is None:  # lazy, because shapes can contain themselves; assigned when complete, for other threads
            fields = {name: _holds(member) for name, member in shape.members.items()}
        if not required <= value.keys():
            return False
        for name, item in value.items():
            kept = fields.get(name)
            if kept is not None and not kept(item):
                return False
        return True

    return holds


def _list_holds(shape: Any) -> Holds | None:
    kept = _holds(shape.member)
    return None if kept is None else lambda values: all(map(kept, values))


def _map_holds(shape: Any) -> Holds | None:
    keys, values = _own_holds(shape.key) or _anything, _own_holds(shape.value) or _anything
    return lambda entries: all(map(keys, entries)) and all(map(values, entries.values()))


_HOLDS_INSIDE: dict[str, Callable[[Any], Holds | None]] = {
    "structure": _structure_holds,
    "list": _list_holds,
    "map": _map_holds,
}
_NUMBERS = frozenset({"integer", "long", "float", "double"})


def _identity(value: Any) -> Any:
    return value


def _inside_structure(shape: Any) -> Check:
    fields: dict[str, Check] | None = None
    required = frozenset(shape.required_members)

    def run(value: Mapping[str, Any], path: str) -> Iterator[str]:
        nonlocal fields
        if fields is None:  # as in `_structure_holds`
            fields = {name: checker(member) for name, member in shape.members.items()}
        for name, check in fields.items():  # in the model's order, not the client's
            if name in value:
                yield from check(value[name], _member_path(path, name))
            elif name in required:
                yield _sentence(None, _member_path(path, name), "Member must not be null")

    return run


def _inside_list(shape: Any) -> Check:
    member = shape.member
    if member.type_name in ("structure", "list", "map"):
        each = checker(member)

        def nested(values: list[Any], path: str) -> Iterator[str]:
            for number, value in enumerate(values, start=1):
                yield from each(value, f"{path}.{number}.member")

        return nested
    return _inside_scalars(_own_rules(member), "Member must satisfy constraint", lambda values: values)


def _inside_map(shape: Any) -> Check:
    keys = _inside_scalars(_own_rules(shape.key), "Map keys must satisfy constraint", lambda entries: entries.keys())
    values = _inside_scalars(
        _own_rules(shape.value), "Map value must satisfy constraint", lambda entries: entries.values()
    )

    def run(entries: Mapping[str, Any], path: str) -> Iterator[str]:
        yield from keys(entries, path)
        yield from values(entries, path)

    return run


def _inside_scalars(rules: Rules, lead: str, items: Callable[[Any], Any]) -> Check:
    """Return the check of scalars in a list or map; AWS names the container and lists each constraint once."""

    def run(value: Any, path: str) -> Iterator[str]:
        broken = dict.fromkeys(rule for item in items(value) for rule in rules(item))
        if broken:
            yield _sentence(value, path, f"{lead}: [{', '.join(broken)}]")

    return run


_INSIDE: dict[str, Callable[[Any], Check]] = {
    "structure": _inside_structure,
    "list": _inside_list,
    "map": _inside_map,
}


def _member_path(path: str, name: str) -> str:
    lowered = name[0].lower() + name[1:]
    return f"{path}.{lowered}" if path else lowered


def _sentence(value: Any, path: str, rule: str) -> str:
    if value is None:
        return f"Value null at '{path}' failed to satisfy constraint: {rule}"
    text = _text(value)
    quoted = text if len(text) <= MAX_QUOTE else text[:MAX_QUOTE] + "..."
    return f"Value '{quoted}' at '{path}' failed to satisfy constraint: {rule}"


def _text(value: Any) -> str:
    """Format a value as Java does: `[a, b]`, `{k=v}`, `true`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_text(item) for item in value) + "]"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)

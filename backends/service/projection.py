"""Projections of records to the members of a shape, from decoded records or from their JSON text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec

from .model import output_shape
from .shapes import Shape

Projection = Callable[[Any], Any]

Decoded = Any
"""A decoded record, until `plain` makes it a dict."""


def decoder_of(shape: Shape, flag: str = "") -> Callable[[str], Decoded]:
    """Return a decoder of a record's JSON text for the members of a structure, in the structure's order.

    Lists use it because they show 6 of up to 100 members; decoding the others took three quarters of their time. The
    structure must not contain itself. `flag` is the name of another member, which `flagged` finds.
    """
    fields = [(flag, Any, None)] if flag else []
    return msgspec.json.Decoder(_struct_of(shape, fields), strict=False).decode


def flagged(many: Sequence[Decoded], flag: str) -> list[int]:
    marks = list(map(attrgetter(flag), many)) if flag else []
    return [at for at, value in enumerate(marks) if value is not None]


def plain(many: Iterable[Decoded]) -> list[dict[str, Any]]:
    """Return records as dicts, with timestamps as aware datetimes and without absent members."""
    found: list[dict[str, Any]] = msgspec.to_builtins(list(many), builtin_types=(datetime,))
    return found


def _struct_of(shape: Any, besides: Iterable[tuple[str, Any, None]] = ()) -> Any:
    fields = [(name, _python_type(member) | None, None) for name, member in shape.members.items()]
    return msgspec.defstruct(shape.name, [*fields, *besides], omit_defaults=True)


def _python_type(shape: Any) -> Any:
    made = _PYTHON_TYPES.get(shape.type_name)
    return made(shape) if made is not None else Any


_PYTHON_TYPES: dict[str, Callable[[Any], Any]] = {
    "structure": _struct_of,
    "list": lambda shape: list[_python_type(shape.member)],  # type: ignore[misc]
    "map": lambda shape: dict[str, _python_type(shape.value)],  # type: ignore[misc]
    "timestamp": lambda _: datetime,
}


@cache
def projection(operation: str) -> Projection:
    """Return the function that projects a record to the operation's output shape."""
    shape = output_shape(operation)
    return projection_of(shape) if shape is not None else lambda record: {}


def projection_of(shape: Shape) -> Projection:
    """Return the function that projects a value of a record to a shape.

    It omits values that do not match the shape: the record can come from another botocore release, or another program.
    """
    return _PROJECTIONS.get(shape.type_name, lambda _: _unchanged)(shape)


def _unchanged(value: Any) -> Any:
    return value


def _structure(shape: Any) -> Projection:
    fields: list[tuple[str, Projection | None]] | None = None

    def project(record: Any) -> Any:
        nonlocal fields
        if not isinstance(record, dict):
            return None
        if fields is None:  # lazy, because shapes can contain themselves; assigned when complete, for other threads
            views = [(name, projection_of(member)) for name, member in shape.members.items()]
            fields = [(name, None if view is _unchanged else view) for name, view in views]
        seen = {}
        for name, view in fields:
            value = record.get(name)
            if value is not None and view is not None:
                value = view(value)
            if value is not None:
                seen[name] = value
        return seen

    return project


def _list(shape: Any) -> Projection:
    member = projection_of(shape.member)

    def project(values: Any) -> Any:
        if not isinstance(values, list):
            return None
        if member is _unchanged:
            return values
        return [seen for value in values if (seen := member(value)) is not None]

    return project


def _map(shape: Any) -> Projection:
    member = projection_of(shape.value)

    def project(values: Any) -> Any:
        if not isinstance(values, dict):
            return None
        if member is _unchanged:
            return values
        return {key: seen for key, value in values.items() if (seen := member(value)) is not None}

    return project


def _moment(seconds: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):  # not a number, or a year that datetime does not support
        return None


_PROJECTIONS: dict[str, Callable[[Any], Projection]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "timestamp": lambda _: _moment,
}

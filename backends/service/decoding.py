"""Records seen at a glance: what a shape names of them, straight from their text, and nothing else read.

A list of versions shows six members of records that have a hundred. Reading the rest, and taking it away again, was
three quarters of what a list cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec

from .shapes import Shape

Seen = Any
"""A record at a glance, until it is `plain`."""


def glance(shape: Shape, flag: str = "") -> Callable[[str], Seen]:
    """Return what reads the text of a record: its members that a structure names, in the structure's order.

    Args:
        shape: the structure; none that contains itself.
        flag: another member, which `marked` finds.
    """
    fields = [(flag, Any, None)] if flag else []
    return msgspec.json.Decoder(_structure(shape, fields), strict=False).decode


def flagged(many: Sequence[Seen], flag: str) -> list[int]:
    """Return where the records are that have the member that marks them."""
    marks = list(map(attrgetter(flag), many)) if flag else []
    return [at for at, value in enumerate(marks) if value is not None]


def plain(many: Iterable[Seen]) -> list[dict[str, Any]]:
    """Return records as Python values: timestamps as aware datetimes, and no member that a record has not."""
    found: list[dict[str, Any]] = msgspec.to_builtins(list(many), builtin_types=(datetime,))
    return found


def _structure(shape: Any, besides: Iterable[tuple[str, Any, None]] = ()) -> Any:
    fields = [(name, _type(member) | None, None) for name, member in shape.members.items()]
    return msgspec.defstruct(shape.name, [*fields, *besides], omit_defaults=True)


def _type(shape: Any) -> Any:
    made = _TYPES.get(shape.type_name)
    return made(shape) if made is not None else Any


_TYPES: dict[str, Callable[[Any], Any]] = {
    "structure": _structure,
    "list": lambda shape: list[_type(shape.member)],  # type: ignore[misc]
    "map": lambda shape: dict[str, _type(shape.value)],  # type: ignore[misc]
    "timestamp": lambda _: datetime,
}

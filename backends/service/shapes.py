"""Shapes of a service model, parsed on first use: a registry needs 200 of SageMaker's 3,000."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import msgspec

LIMITS: Final = ("required", "min", "max", "pattern", "enum", "exception")


class Described(msgspec.Struct, frozen=True):
    """A service model file, with the contents of operations and shapes unparsed."""

    operations: dict[str, msgspec.Raw]
    shapes: dict[str, msgspec.Raw]


class Shape:
    """A shape with the attributes of botocore's class that a registry needs.

    botocore's own class would cost a server 70 ms and 8 MiB for its HTTP client, and 11 ms and 5 MiB for a whole model.
    """

    def __init__(self, name: str, described: Mapping[str, Any], shapes: Shapes) -> None:
        self.name = name
        self.type_name: str = described["type"]
        self.metadata: Mapping[str, Any] = {limit: described[limit] for limit in LIMITS if limit in described}
        self._described = described
        self._shapes = shapes

    @property
    def required_members(self) -> Sequence[str]:
        required: Sequence[str] = self.metadata.get("required", ())
        return required

    @cached_property
    def members(self) -> Mapping[str, Shape]:
        """The members of a structure, in the model's order; empty for other shapes."""
        return {name: self._shapes.resolve(reference) for name, reference in self._described.get("members", {}).items()}

    @cached_property
    def member(self) -> Shape:
        return self._inner("member")

    @cached_property
    def key(self) -> Shape:
        return self._inner("key")

    @cached_property
    def value(self) -> Shape:
        return self._inner("value")

    def _inner(self, name: str) -> Shape:
        if name not in self._described:  # like botocore's shapes, which callers probe with getattr
            raise AttributeError(f"shape {self.name} of type {self.type_name} has no {name}", name=name, obj=self)
        return self._shapes.resolve(self._described[name])

    def __repr__(self) -> str:
        return f"<Shape {self.name}: {self.type_name}>"


class Shapes:
    """The shapes and operations of a service model in JSON."""

    def __init__(self, text: bytes) -> None:
        described = msgspec.json.decode(text, type=Described)
        self._texts = described.shapes
        self._operations = described.operations
        self._read: dict[str, Shape] = {}

    @cached_property
    def operations(self) -> frozenset[str]:
        return frozenset(self._operations)

    def operation(self, name: str) -> tuple[Shape | None, Shape | None]:
        """Return the input and the output shape of an operation; None for a missing one."""
        described = msgspec.json.decode(self._operations[name])
        given, answered = described.get("input"), described.get("output")
        return (None if given is None else self.resolve(given), None if answered is None else self.resolve(answered))

    def named(self, name: str) -> Shape:
        if name not in self._read:
            self._read[name] = Shape(name, msgspec.json.decode(self._texts[name]), self)
        return self._read[name]

    def resolve(self, reference: Mapping[str, Any]) -> Shape:
        traits = {limit: reference[limit] for limit in LIMITS if limit in reference}
        shape = self.named(reference["shape"])
        return Shape(shape.name, {**shape._described, **traits}, self) if traits else shape

    def __contains__(self, name: str) -> bool:
        return name in self._texts

"""Types and defaults of msgspec fields in words, as TOML and JSON call them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import inspect


def described(kind: inspect.Type) -> str:
    """Return a type in words, with its limits."""
    match kind:
        case inspect.Metadata():
            return described(kind.type)
        case inspect.UnionType():
            return _or(described(one) for one in kind.types if not isinstance(one, inspect.NoneType))
        case inspect.LiteralType():
            return _or(f"`{encoded(value)}`" for value in kind.values)
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType():
            return f"integer{_limits(kind)}"
        case inspect.FloatType():
            return f"number{_limits(kind)}"
        case inspect.StrType():
            return f"string{_lengths(kind)}{f' that matches `{kind.pattern}`' if kind.pattern else ''}"
        case inspect.VarTupleType() | inspect.ListType():
            return f"array of {_plural(kind.item_type)}{_lengths(kind)}"
        case inspect.StructType():
            return "table"
        case inspect.DictType():
            return "table of tables"
        case _:
            return "any value"


def encoded(value: Any) -> str:
    """Return a default as TOML and JSON write it."""
    return msgspec.json.encode(value).decode()


def default(field: inspect.Field) -> str:
    """Return the default of a field as code; empty if it is required."""
    if field.required:
        return ""
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    return "" if value is None or isinstance(value, msgspec.Struct) else f"`{encoded(value)}`"


def _or(words: Iterable[str]) -> str:
    *most, last = dict.fromkeys(words)
    return f"{', '.join(most)} or {last}" if most else last


def _limits(kind: inspect.IntType | inspect.FloatType) -> str:
    if kind.ge is not None and kind.le is not None:
        return f", {kind.ge} to {kind.le}"
    words = {"greater than": kind.gt, "at least": kind.ge, "less than": kind.lt, "at most": kind.le}
    found = [f"{word} {limit}" for word, limit in words.items() if limit is not None]
    return f", {' and '.join(found)}" if found else ""


def _lengths(kind: Any) -> str:
    unit = " characters" if isinstance(kind, inspect.StrType) else ""
    if kind.min_length is not None and kind.max_length is not None:
        return f" of {kind.min_length} to {kind.max_length}{unit}"
    if kind.min_length is not None:
        return f", at least {kind.min_length}{unit}"
    return f", at most {kind.max_length}{unit}" if kind.max_length is not None else ""


def _plural(kind: inspect.Type) -> str:
    match kind:
        case inspect.StrType():
            return "strings"
        case inspect.StructType() | inspect.DictType():
            return "tables"
        case _:
            return f"values: {described(kind)}"

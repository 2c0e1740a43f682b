"""Conversion between AWS JSON 1.1 and Python values, by shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson

from ..conversion import shown
from ..errors import RegistryError, SerializationException, did_you_mean, json_problem
from . import model
from .model import Shape

CONTENT_TYPE = "application/x-amz-json-1.1"
DEEPEST = 64
"""Maximum nesting of a body; the deepest shape of the API needs 12 levels."""
MAX_MEMBERS = 100_000
"""Maximum number of values in a body; the largest request that the model allows has some 25,000."""

Reader = Callable[[Any, str], Any]


def read(operation: str, body: bytes) -> dict[str, Any]:
    """Return the parameters of a request; an empty body is an empty structure, and unknown members are rejected.

    Raises:
        SerializationException: the body is not JSON, does not match the input shape, is nested too deeply, or has too
            many values. (AWS's code; AWS's messages have not been observed.)
    """
    try:
        value = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError as error:
        raise SerializationException(f"The body is not valid JSON: {json_problem(error)}.") from error
    if (
        body.count(b"{") + body.count(b"[") > DEEPEST or body.count(b",") >= MAX_MEMBERS
    ):  # otherwise it is within the limits
        _limit(value)
    params: dict[str, Any] = _reader(operation)(value, "")
    return params


def write(answer: Mapping[str, Any]) -> bytes:
    """Return a response as compact JSON; an empty body for an operation without output, as on AWS."""
    return orjson.dumps(answer, default=_encode, option=orjson.OPT_PASSTHROUGH_DATETIME) if answer else b""


def write_error(error: RegistryError) -> bytes:
    """Return an error in AWS's format: the bare code in `__type`, and the message."""
    return orjson.dumps({"__type": error.code, model.error_member(error.code): error.message})


def timestamp(moment: datetime) -> str:
    """Format a time as AWS does: epoch seconds in Java's format of a double, `1.603934866046E9`."""
    seconds, (milliseconds, rest) = moment.timestamp(), divmod(moment.microsecond, 1000)
    if not rest and 10**9 <= seconds < 10**10:  # from 2001 to 2286, the common case
        digits = f"{int(seconds)}{milliseconds:03}"
        return f"{digits[0]}.{digits[1:].rstrip('0') or '0'}E9"
    digits, exponent = f"{round(seconds, 3):.15e}".split("e")
    mantissa = digits.rstrip("0")
    return f"{mantissa}0E{int(exponent)}" if mantissa.endswith(".") else f"{mantissa}E{int(exponent)}"


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return orjson.Fragment(timestamp(value))
    raise TypeError(f"{type(value).__name__} cannot be converted to JSON")


def _limit(value: Any) -> None:
    level, members = [value], 0
    for _ in range(DEEPEST):
        level = [
            item
            for container in level
            if isinstance(container, dict | list)
            for item in (container.values() if isinstance(container, dict) else container)
        ]
        members += len(level)
        if members > MAX_MEMBERS:
            raise SerializationException(f"The body has more than {MAX_MEMBERS:,} values.")
        if not level:
            return
    raise SerializationException(f"The body is nested more than {DEEPEST} levels deep.")


@cache
def _reader(operation: str) -> Reader:
    shape = model.input_shape(operation)
    return _shape_reader(shape) if shape is not None else _read_nothing


def _shape_reader(shape: Shape) -> Reader:
    return _READERS[shape.type_name](shape)


def _read_nothing(value: Any, path: str) -> dict[str, Any]:
    if value != {}:
        raise SerializationException("The operation accepts no parameters.")
    return {}


def _structure(shape: Any) -> Reader:
    fields: dict[str, tuple[type | None, Reader]] | None = None

    def read_structure(value: Any, path: str) -> dict[str, Any]:
        nonlocal fields
        if fields is None:  # lazy, because shapes can contain themselves; assigned when complete, for other threads
            fields = {name: (_kind(member), _shape_reader(member)) for name, member in shape.members.items()}
        found = {}
        for name, item in _expect(value, dict, "a structure", path).items():
            if name not in fields:
                known = did_you_mean(name, fields) or "."
                raise SerializationException(f"{_place(path)} has no member {_short(name)!r}{known}")
            kind, read = fields[name]
            if type(item) is kind:
                found[name] = item
            elif item is not None:  # AWS treats null as absent
                found[name] = read(item, f"{path}.{name}")
        return found

    return read_structure


def _list(shape: Any) -> Reader:
    kind, member = _kind(shape.member), _shape_reader(shape.member)

    def read_list(value: Any, path: str) -> list[Any]:
        items = _expect(value, list, "a list", path)
        if kind is not None and {*map(type, items)} <= {kind}:
            return list(items)
        return [member(item, f"{path}[{number}]") for number, item in enumerate(items)]

    return read_list


def _map(shape: Any) -> Reader:
    kind, member = _kind(shape.value), _shape_reader(shape.value)

    def read_map(value: Any, path: str) -> dict[str, Any]:
        entries = _expect(value, dict, "a map", path)
        if kind is not None and {*map(type, entries.values())} <= {kind}:
            return dict(entries)
        return {name: member(item, f"{path}[{_short(name)!r}]") for name, item in entries.items()}

    return read_map


def _kind(shape: Shape) -> type | None:
    """Return the type of values that need no conversion; None if the shape needs more checks."""
    return {"string": str, "boolean": bool}.get(shape.type_name)


def _scalar(kind: type | tuple[type, ...], noun: str) -> Callable[[Shape], Reader]:
    return lambda _: lambda value, path: _expect(value, kind, noun, path)


def _timestamp(_: Shape) -> Reader:
    def read_timestamp(value: Any, path: str) -> datetime:
        seconds = _expect(value, (int, float), "a timestamp in epoch seconds", path)
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise SerializationException(
                f"{_place(path)} is {shown(value)}, not a timestamp that the server supports."
            ) from error

    return read_timestamp


def _integer(_: Shape) -> Reader:
    def read_integer(value: Any, path: str) -> int:
        number = _expect(value, (int, float), "an integer", path)
        if isinstance(number, float) and not number.is_integer():
            raise SerializationException(f"{_place(path)} must be an integer, not {shown(value)}.")
        if abs(number) > 2**63 - 1:
            raise SerializationException(
                f"{_place(path)} is out of the range of an integer: integers can have at most 63 bits."
            )
        return int(number)

    return read_integer


_READERS: dict[str, Callable[[Shape], Reader]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _scalar(str, "a string"),
    "boolean": _scalar(bool, "a boolean"),
    "integer": _integer,
    "long": _integer,
    "float": _scalar((int, float), "a number"),
    "double": _scalar((int, float), "a number"),
    "timestamp": _timestamp,
}


def _expect(value: Any, kind: type | tuple[type, ...], noun: str, path: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise SerializationException(f"{_place(path)} must be {noun}, not {shown(value)}.")
    return value


def _place(path: str) -> str:
    return path.lstrip(".") or "The body"


def _short(name: str) -> str:
    return name if len(name) <= 64 else name[:64] + "..."

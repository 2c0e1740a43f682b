"""The SageMaker service model as botocore ships it: the single source of shapes, for rules, wire and tests.

The only file that imports `botocore.model`.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from botocore.loaders import JSONFileLoader, Loader
from botocore.model import OperationModel, ServiceModel
from botocore.model import Shape as Shape

SERVICE = "sagemaker"

Projection = Callable[[Any], Any]


class _JSONFiles(JSONFileLoader):
    """Read botocore's data files with orjson: 20 ms instead of 170 ms for SageMaker's 2.6 MB."""

    SUFFIXES: tuple[tuple[str, Callable[[bytes], bytes]], ...] = ((".json", bytes), (".json.gz", gzip.decompress))

    def exists(self, path: str) -> bool:
        return any(Path(path + suffix).is_file() for suffix, _ in self.SUFFIXES)

    def load_file(self, path: str) -> Any:
        """Return the parsed file, or None when there is none (botocore then looks in its next folder)."""
        for suffix, decode in self.SUFFIXES:
            file = Path(path + suffix)
            if file.is_file():
                return orjson.loads(decode(file.read_bytes()))
        return None


@cache
def _loader() -> Loader:
    return Loader(file_loader=_JSONFiles())


@cache
def service() -> ServiceModel:
    """Return the newest SageMaker model of the installed botocore."""
    return ServiceModel(_loader().load_service_model(SERVICE, "service-2"), SERVICE)


@cache
def partitions() -> list[dict[str, Any]]:
    """Return AWS's partitions: `id`, `regions` by name and `regionRegex`, as botocore ships them."""
    listed: list[dict[str, Any]] = _loader().load_data("partitions")["partitions"]
    return listed


@cache
def known(operation: str) -> bool:
    """Whether SageMaker has an operation of that name at all."""
    return operation in service().operation_names


@cache
def operation_model(operation: str) -> OperationModel:
    return service().operation_model(operation)


def input_shape(operation: str) -> Shape | None:
    return operation_model(operation).input_shape


def output_shape(operation: str) -> Shape | None:
    return operation_model(operation).output_shape


def members(shape: Shape | None) -> Mapping[str, Shape]:
    """Return the members of a structure by name; of no shape, none."""
    found: Mapping[str, Shape] = getattr(shape, "members", {})
    return found


def enum(shape_name: str) -> list[str]:
    """Return the values of an enumeration, in the model's order."""
    values: list[str] = service().shape_for(shape_name).metadata["enum"]
    return values


@cache
def error_member(code: str) -> str:
    """Return the member that carries the sentence of an error: `Message` if the code is modelled, else `message`."""
    modelled = {shape.name: shape for shape in service().error_shapes}
    return next(iter(members(modelled[code]))) if code in modelled else "message"


@cache
def projection(operation: str) -> Projection:
    """Return the function that turns a record into the operation's answer: what the output shape names, no more."""
    shape = output_shape(operation)
    return _projection(shape) if shape is not None else lambda record: {}


def _projection(shape: Shape) -> Projection:
    return _PROJECTIONS.get(shape.type_name, lambda _: _as_it_is)(shape)


def _as_it_is(value: Any) -> Any:
    return value


def _structure(shape: Any) -> Projection:
    fields: list[tuple[str, Projection | None]] = []

    def project(record: Any) -> Any:
        if not fields:  # built at first use: shapes may contain themselves
            views = ((name, _projection(member)) for name, member in shape.members.items())
            fields.extend((name, None if view is _as_it_is else view) for name, view in views)
        seen = {}
        for name, view in fields:
            value = record.get(name)
            if value is not None:
                seen[name] = value if view is None else view(value)
        return seen

    return project


def _list(shape: Any) -> Projection:
    member = _projection(shape.member)
    return _as_it_is if member is _as_it_is else lambda values: [member(value) for value in values]


def _map(shape: Any) -> Projection:
    member = _projection(shape.value)
    return _as_it_is if member is _as_it_is else lambda values: {k: member(v) for k, v in values.items()}


def _timestamp(_: Shape) -> Projection:
    return lambda seconds: datetime.fromtimestamp(seconds, UTC)


_PROJECTIONS: dict[str, Callable[[Any], Projection]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "timestamp": _timestamp,
}


def structures(
    operation: str, record: Mapping[str, Any], named: str, *, of_input: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield every structure of the shape `named` in an operation's answer, or its request, wherever it is nested."""
    shape = input_shape(operation) if of_input else output_shape(operation)
    return iter(()) if shape is None else _structures(shape, record, named)


def _structures(shape: Any, value: Any, named: str) -> Iterator[dict[str, Any]]:
    if named not in _reachable(shape):
        return
    if shape.name == named:
        yield value
    elif shape.type_name == "structure":
        for name in value.keys() & shape.members.keys():
            yield from _structures(shape.members[name], value[name], named)
    elif shape.type_name == "list":
        for item in value:
            yield from _structures(shape.member, item, named)


def _reachable(shape: Any) -> frozenset[str]:
    """Return the names of a shape and of all that structures and lists inside it can hold."""
    if shape.name not in _REACHABLE:
        _REACHABLE[shape.name] = frozenset({shape.name})  # while it is looked at: shapes may contain themselves
        inside = [*members(shape).values(), *([shape.member] if shape.type_name == "list" else [])]
        _REACHABLE[shape.name] = frozenset({shape.name}).union(*(_reachable(inner) for inner in inside))
    return _REACHABLE[shape.name]


_REACHABLE: dict[str, frozenset[str]] = {}

"""The SageMaker service model of the installed botocore, the only source of shapes."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from .shapes import Shape as Shape
from .shapes import Shapes

if TYPE_CHECKING:
    from botocore.model import ServiceModel

SERVICE = "sagemaker"
MODEL = "service-2"
PARTITIONS = "partitions"

PEOPLES_MODELS = Path("~/.aws/models")
"""The folder that botocore searches before its own."""

SUFFIXES: Mapping[str, Callable[[bytes], bytes]] = {".json": bytes, ".json.gz": gzip.decompress}


@cache
def shapes() -> Shapes:
    """Return the shapes of the newest SageMaker model of the installed botocore."""
    return Shapes(_own_file(f"{SERVICE}/*/{MODEL}") or orjson.dumps(_loader().load_service_model(SERVICE, MODEL)))


@cache
def service() -> ServiceModel:
    """Return the model as botocore's own classes, which load too slowly to be used for answering calls."""
    from botocore.model import ServiceModel

    return ServiceModel(_loader().load_service_model(SERVICE, MODEL), SERVICE)


def no_such_operation() -> type[Exception]:
    """Return the error of botocore's classes for an operation that a service model does not have."""
    from botocore.model import OperationNotFoundError

    return OperationNotFoundError


@cache
def partitions() -> list[dict[str, Any]]:
    """Return AWS's partitions as botocore ships them: `id`, `regions` by name, and `regionRegex`."""
    file = _own_file(PARTITIONS)
    listed: list[dict[str, Any]] = (orjson.loads(file) if file else _loader().load_data(PARTITIONS))["partitions"]
    return listed


def _own_file(pattern: str) -> bytes | None:
    """Return the newest data file of botocore that matches a pattern; None if only botocore's loader can find it.

    The loader is needed if the user has custom models, or if a model consists of several files.
    """
    found = find_spec("botocore")
    if found is None or not found.submodule_search_locations or PEOPLES_MODELS.expanduser().exists():
        return None
    data = Path(found.submodule_search_locations[0]) / "data"
    files = [(file.parent, suffix, file) for suffix in SUFFIXES for file in data.glob(pattern + suffix)]
    if not files:
        return None
    folder, suffix, file = max(files, key=lambda one: (one[0], one[1] == ".json"))
    if any(folder.glob(f"{Path(pattern).name}.sdk-extras.*")):
        return None
    return SUFFIXES[suffix](file.read_bytes())


@cache
def _loader() -> Any:
    from botocore.loaders import Loader

    return Loader()


def known(operation: str) -> bool:
    return operation in shapes().operations  # not cached: clients choose the operation


@cache
def _operation(operation: str) -> tuple[Shape | None, Shape | None]:
    return shapes().operation(operation)


def input_shape(operation: str) -> Shape | None:
    return _operation(operation)[0]


def output_shape(operation: str) -> Shape | None:
    return _operation(operation)[1]


def named(shape_name: str) -> Shape:
    return shapes().named(shape_name)


def members(shape: Shape | None) -> Mapping[str, Shape]:
    """Return the members of a structure by name; without a shape, an empty mapping."""
    return {} if shape is None else shape.members


def enum(shape_name: str) -> list[str]:
    """Return the values of an enumeration, in the model's order."""
    values: list[str] = named(shape_name).metadata["enum"]
    return values


@cache
def error_member(code: str) -> str:
    """Return the member with the message of an error: `Message` if the model has the code, else `message`."""
    modelled = named(code) if code in shapes() else None
    return next(iter(modelled.members)) if modelled is not None and modelled.metadata.get("exception") else "message"


def structures(
    operation: str, record: Mapping[str, Any], named: str, *, of_input: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield every structure of the shape `named` in an operation's response or request, at any depth."""
    shape = input_shape(operation) if of_input else output_shape(operation)
    return iter(()) if shape is None else _structures(shape, record, named)


def _structures(shape: Any, value: Any, named: str) -> Iterator[dict[str, Any]]:
    if named not in _reachable(shape):
        return
    if shape.name == named:
        yield from [value] if isinstance(value, dict) else []
    elif shape.type_name == "structure" and isinstance(value, dict):
        for name in value.keys() & shape.members.keys():
            yield from _structures(shape.members[name], value[name], named)
    elif shape.type_name == "list" and isinstance(value, list):
        for item in value:
            yield from _structures(shape.member, item, named)


def _reachable(shape: Any) -> frozenset[str]:
    """Return the names of a shape and of all shapes that its structures and lists can contain."""
    known = _REACHABLE.get(shape.name)
    if known is not None:
        return known
    names: set[str] = set()
    left = [shape]
    while left:
        inner = left.pop()
        if inner.name not in names:  # shapes can contain themselves
            names.add(inner.name)
            left += [*members(inner).values(), *([inner.member] if inner.type_name == "list" else [])]
    found = _REACHABLE[shape.name] = frozenset(names)  # assigned when complete, for other threads
    return found


_REACHABLE: dict[str, frozenset[str]] = {}

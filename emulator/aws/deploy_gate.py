"""The deploy gate: moto deploys no version that is not Approved, whichever way a request reaches it.

A request can name an operation in several spellings, in a header or in the query, and other services call SageMaker on
behalf of a request: a CloudFormation stack creates models. So the gate is in front of the methods of moto's SageMaker
backend, which all of them call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from typing import Any, Final

from ...backends.base import Backend, Caller
from ...backends.errors import NotHandled, UnknownOperationException, ValidationException
from ...backends.service import model
from ..routes import TARGET_PREFIX

DEPLOYING: Final = ("CreateModel", "CreateCompilationJob", "CreateInferenceRecommendationsJob")
"""The operations of SageMaker outside the registry that deploy or compile a version; training from a version is not one
of them (our choice)."""

CREATE_MODEL: Final = "CreateModel"

Gate = Callable[[str, str, str], None]
"""Takes an account, a region, and the name or ARN of a model package; raises if it must not be deployed."""

_gate: ContextVar[Gate | None] = ContextVar("deploy_gate", default=None)


@contextmanager
def closed_for(gate: Gate | None) -> Iterator[None]:
    """Apply a gate to what moto does in this thread inside the block; None applies none."""
    if gate is not None:
        install()
    token = _gate.set(gate)
    try:
        yield
    finally:
        _gate.reset(token)


def gate_of(backend: Backend) -> Gate:
    """Return the gate of a registry."""

    def check(account: str, region: str, name: str) -> None:
        caller = Caller(account, region, account)
        with closed_for(None):  # moto can be the registry itself
            if CREATE_MODEL in backend.operations:
                request = {"ModelName": "gate", "PrimaryContainer": {"ModelPackageName": name}}
                try:
                    backend.call(CREATE_MODEL, request, caller)
                except NotHandled:
                    return
            status = backend.call("DescribeModelPackage", {"ModelPackageName": name}, caller).get("ModelApprovalStatus")
        if status not in (None, "Approved"):
            raise ValidationException(
                f"ModelPackage {name} cannot be deployed: its approval status is {status}, and only Approved versions "
                "can be."
            )

    return check


@cache
def install() -> None:
    """Wrap the methods of moto's SageMaker backend that deploy a version, or that change moto's own model packages."""
    from botocore import xform_name
    from moto.sagemaker.models import SageMakerModelBackend

    for operation in DEPLOYING:
        _wrap(SageMakerModelBackend, xform_name(operation), _check)
    for operation in model.shapes().operations:
        if "ModelPackage" in operation:
            _wrap(SageMakerModelBackend, xform_name(operation), _reject)


def _wrap(owner: type, name: str, before: Callable[[Gate, str, Any, Mapping[str, Any]], None]) -> None:
    method = getattr(owner, name, None)
    if method is None:  # this version of moto does not implement it
        return

    @wraps(method)
    def wrapped(self: Any, *arguments: Any, **named: Any) -> Any:
        gate = _gate.get()
        if gate is not None:
            before(gate, name, self, {"arguments": list(arguments), **named})
        return method(self, *arguments, **named)

    setattr(owner, name, wrapped)


def _check(gate: Gate, name: str, backend: Any, request: Mapping[str, Any]) -> None:
    for package in packages_in(request):
        gate(backend.account_id, backend.region_name, package)


def _reject(gate: Gate, name: str, backend: Any, request: Mapping[str, Any]) -> None:
    operation = "".join(part.capitalize() for part in name.split("_"))
    raise UnknownOperationException(
        f"The registry answers {operation} only with the X-Amz-Target {TARGET_PREFIX}{operation}."
    )


def packages_in(request: Any) -> Iterator[str]:
    """Yield the model packages that a request names, at any depth."""
    if isinstance(request, Mapping):
        for name, value in request.items():
            if isinstance(value, str) and name.replace("_", "").lower() in _members():
                yield value
            else:
                yield from packages_in(value)
    elif isinstance(request, list):
        for value in request:
            yield from packages_in(value)


@cache
def _members() -> frozenset[str]:
    """Return the members of the deploying operations that name a model package, in lower case."""
    left, seen, found = [model.input_shape(operation) for operation in DEPLOYING], set[str](), set[str]()
    while left:
        shape = left.pop()
        if shape is not None and shape.name not in seen:
            seen.add(shape.name)
            found |= {name.lower() for name in shape.members if "ModelPackage" in name}
            left += [*shape.members.values(), *([shape.member] if shape.type_name == "list" else [])]
    return frozenset(found)

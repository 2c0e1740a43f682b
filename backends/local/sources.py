"""SourceUri: what a package is made from, when that is another package or a model; any other text stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import arns
from ..base import Caller, Probe
from ..service import model
from .context import Call

MODEL = "model"
SPECIFICATION = "InferenceSpecification"


def specification(params: Mapping[str, Any], caller: Caller, probe: Probe) -> dict[str, Any]:
    """Return the InferenceSpecification of the model a request's SourceUri names, as a member; or nothing.

    That the SDK's tests register a model by its ARN is documented; which members of its containers come along is our
    choice: those that both kinds of container have. A model nobody here knows fills nothing.
    """
    source = params.get("SourceUri", "")
    if arns.kind_of(source) != MODEL:
        return {}
    found = probe.containers(caller, arns.parse(caller, MODEL, source).name)
    if not found:
        return {}
    shape = model.named("ModelPackageContainerDefinition")
    kept = [{name: value for name, value in container.items() if name in model.members(shape)} for container in found]
    return {SPECIFICATION: {"Containers": kept}}


def clone(call: Call, record: dict[str, Any]) -> None:
    """Take the InferenceSpecification of the package a record's SourceUri names.

    Raises:
        ValidationException: no such package.
    """
    source = record.get("SourceUri", "")
    if arns.kind_of(source) != arns.PACKAGE:
        return
    original = call.package_row(call.package(source))["record"]
    if SPECIFICATION in original:
        record[SPECIFICATION] = original[SPECIFICATION]

"""The deploy gate: CreateModel from a package is refused unless the package exists and is Approved.

Documented: a version's approval status "must be set to Approved to deploy the model". The refusal's sentence is ours:
AWS's has not been seen. What passes goes on to whoever answers CreateModel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from ..approval.profiles import APPROVED
from ..errors import Elsewhere, ValidationException
from ..service import model
from .context import Call

OPERATION = "CreateModel"


def is_ours(params: Mapping[str, Any]) -> bool:
    """Whether a model is made from a package."""
    return bool(_named(params))


def allow(call: Call, params: Mapping[str, Any]) -> NoReturn:
    """Let a CreateModel request pass on.

    Raises:
        Elsewhere: every package it names may be deployed.
        ValidationException: one does not exist, or is not Approved.
    """
    for name in _named(params):
        record = call.package_row(call.package(name))["record"]
        status = record.get("ModelApprovalStatus", APPROVED)  # unversioned packages have no approval
        if status != APPROVED:
            raise ValidationException(
                f"ModelPackage {record['ModelPackageArn']} cannot be deployed: its approval status is {status}, "
                "and only Approved versions can be."
            )
    raise Elsewhere


def _named(params: Mapping[str, Any]) -> list[str]:
    containers = model.structures(OPERATION, params, "ContainerDefinition", of_input=True)
    return [container["ModelPackageName"] for container in containers if "ModelPackageName" in container]

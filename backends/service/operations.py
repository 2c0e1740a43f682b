"""The operations of the registry: one row each. An operation is added here and in the module that answers it.

The client for production reads this table too, so it imports nothing that boto3 does not bring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

Params = Mapping[str, Any]

RESOURCES = frozenset({"ModelPackage", "ModelPackageGroup"})
KINDS = frozenset({"model-package", "model-package-group"})


def always(params: Params) -> bool:
    return True


def searches_ours(params: Params) -> bool:
    return params.get("Resource") in RESOURCES


def names_ours(params: Params) -> bool:
    """Return whether a request is about a group or a package; the registry refuses one without an ARN of SageMaker."""
    match str(params.get("ResourceArn")).split(":", 5):
        case ["arn", _, "sagemaker", _, _, resource]:
            return resource.partition("/")[0] in KINDS
    return True


def deployed_packages(params: Params) -> Iterator[str]:
    """Yield the package that each container of a CreateModel request names."""
    for container in (params.get("PrimaryContainer", {}), *params.get("Containers", ())):
        if "ModelPackageName" in container:
            yield container["ModelPackageName"]


def deploys_ours(params: Params) -> bool:
    return next(deployed_packages(params), None) is not None


class Operation(NamedTuple):
    """What is known of an operation wherever it is answered.

    An operation that `writes` can change the registry, and so is in its history. Some are shared with the rest of
    SageMaker: `is_ours` is whether a request is about the registry's resources. One that is `only_checked` is allowed
    or refused by the registry, and performed by another service.
    """

    writes: bool = False
    is_ours: Callable[[Params], bool] = always
    only_checked: bool = False


OPERATIONS: Final[Mapping[str, Operation]] = {
    "CreateModelPackageGroup": Operation(writes=True),
    "DescribeModelPackageGroup": Operation(),
    "ListModelPackageGroups": Operation(),
    "DeleteModelPackageGroup": Operation(writes=True),
    "CreateModelPackage": Operation(writes=True),
    "DescribeModelPackage": Operation(),
    "ListModelPackages": Operation(),
    "UpdateModelPackage": Operation(writes=True),
    "DeleteModelPackage": Operation(writes=True),
    "BatchDescribeModelPackage": Operation(),
    "AddTags": Operation(writes=True, is_ours=names_ours),
    "ListTags": Operation(is_ours=names_ours),
    "DeleteTags": Operation(writes=True, is_ours=names_ours),
    "PutModelPackageGroupPolicy": Operation(writes=True),
    "GetModelPackageGroupPolicy": Operation(),
    "DeleteModelPackageGroupPolicy": Operation(writes=True),
    "Search": Operation(is_ours=searches_ours),
    "GetSearchSuggestions": Operation(is_ours=searches_ours),
    "CreateModel": Operation(is_ours=deploys_ours, only_checked=True),
}

ANSWERED: Final = frozenset(name for name, operation in OPERATIONS.items() if not operation.only_checked)
"""The operations that a registry performs itself: those that can be passed on to another one."""

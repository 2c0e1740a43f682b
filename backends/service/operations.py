"""The operations of the registry; the base install imports this module, so it needs no more packages than boto3."""

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
    """Return whether a request is about a group or a package, or has no SageMaker ARN and must be rejected."""
    match str(params.get("ResourceArn")).split(":", 5):
        case ["arn", _, "sagemaker", _, _, resource]:
            return resource.partition("/")[0] in KINDS
    return True


def deployed_packages(params: Params) -> Iterator[str]:
    """Yield the packages that the containers of a CreateModel request refer to."""
    for container in (params.get("PrimaryContainer", {}), *params.get("Containers", ())):
        if "ModelPackageName" in container:
            yield container["ModelPackageName"]


def deploys_ours(params: Params) -> bool:
    return next(deployed_packages(params), None) is not None


class Operation(NamedTuple):
    """Properties of an operation on every registry.

    An operation that `writes` can change the registry and is in its history. Some operations are shared with the rest
    of SageMaker: `is_ours` is whether a request is about the registry's resources. If an operation is `only_checked`,
    the registry allows or rejects it, and another service performs it.
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
"""The operations that a registry performs itself, and that can be passed on to another registry."""

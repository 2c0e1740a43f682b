"""Which calls are the registry's: for backends that pass calls on to a service that answers more than that.

Light on purpose: the client for production, which has boto3 and little more, reads it too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Params = Mapping[str, Any]

RESOURCES = frozenset({"ModelPackage", "ModelPackageGroup"})
KINDS = frozenset({"model-package", "model-package-group"})


def always(params: Params) -> bool:
    """Of an operation that is the registry's alone."""
    return True


def never(params: Params) -> bool:
    """Of an operation of somebody else's."""
    return False


def searches_ours(params: Params) -> bool:
    """Whether groups or packages are searched."""
    return params.get("Resource") in RESOURCES


def names_ours(params: Params) -> bool:
    """Whether a request is about a group or a package; one without an ARN of SageMaker is the registry's to refuse."""
    match str(params.get("ResourceArn")).split(":", 5):
        case ["arn", _, "sagemaker", _, _, resource]:
            return resource.partition("/")[0] in KINDS
    return True


OPERATIONS: dict[str, Callable[[Params], bool]] = {
    # The registry's operations, each with whether a request is about its resources.
    "CreateModelPackageGroup": always,
    "DescribeModelPackageGroup": always,
    "ListModelPackageGroups": always,
    "DeleteModelPackageGroup": always,
    "CreateModelPackage": always,
    "DescribeModelPackage": always,
    "ListModelPackages": always,
    "UpdateModelPackage": always,
    "DeleteModelPackage": always,
    "BatchDescribeModelPackage": always,
    "AddTags": names_ours,
    "ListTags": names_ours,
    "DeleteTags": names_ours,
    "PutModelPackageGroupPolicy": always,
    "GetModelPackageGroupPolicy": always,
    "DeleteModelPackageGroupPolicy": always,
    "Search": searches_ours,
    "GetSearchSuggestions": searches_ours,
}

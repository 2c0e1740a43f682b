"""A client wrapper that runs the contract tests in a shared registry, such as an AWS sandbox account."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

OWN_NAMES = frozenset({"ModelPackageGroupName", "ModelPackageName"})
TRIES = 20
"""Attempts to delete a group that "still contains Model Packages", because AWS deletes versions with a delay."""

_RESOURCE = re.compile(r"(:model-package(?:-group)?/)")


def new_prefix() -> str:
    return f"contract-{uuid4().hex[:8]}-"


@contextmanager
def sandboxed(client: Any, prefix: str, *, wait: Callable[[float], None] = time.sleep) -> Iterator[Any]:
    """Isolate a boto3 client inside the block, then delete everything that it created.

    Names get a prefix in requests and lose it in responses. Resources without the prefix are hidden.

    Args:
        client: A boto3 client of SageMaker.
        prefix: The prefix of all names.
        wait: Called with the seconds to wait between attempts to delete.
    """
    events = client.meta.events

    def outward(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: _outward(name, value, prefix) for name, value in params.items()}

    def inward(parsed: dict[str, Any], **_: Any) -> None:
        parsed.update({name: _inward(value, prefix) for name, value in parsed.items() if name != "ResponseMetadata"})

    events.register_last("provide-client-params.sagemaker", outward, unique_id="sandbox-out")
    events.register_first("after-call.sagemaker", inward, unique_id="sandbox-in")
    try:
        yield client
    finally:
        events.unregister("provide-client-params.sagemaker", unique_id="sandbox-out")
        events.unregister("after-call.sagemaker", unique_id="sandbox-in")
        clear(client, prefix, wait=wait)


def clear(client: Any, prefix: str, *, wait: Callable[[float], None] = time.sleep) -> None:
    """Delete all packages and groups whose name begins with the prefix."""
    for group in _all(client, "list_model_package_groups", "ModelPackageGroupSummaryList", NameContains=prefix):
        name = group["ModelPackageGroupName"]
        if name.startswith(prefix):
            for version in _all(client, "list_model_packages", "ModelPackageSummaryList", ModelPackageGroupName=name):
                client.delete_model_package(ModelPackageName=version["ModelPackageArn"])
            _delete_group(client, name, wait)
    for package in _all(client, "list_model_packages", "ModelPackageSummaryList", NameContains=prefix):
        if package.get("ModelPackageName", "").startswith(prefix):
            client.delete_model_package(ModelPackageName=package["ModelPackageName"])


def _delete_group(client: Any, name: str, wait: Callable[[float], None]) -> None:
    for left in reversed(range(TRIES)):
        try:
            client.delete_model_package_group(ModelPackageGroupName=name)
        except ClientError as error:
            if left == 0 or error.response["Error"]["Code"] != "ConflictException":
                raise
            wait(1)
        else:
            return


def _all(client: Any, operation: str, member: str, **query: Any) -> list[dict[str, Any]]:
    pages = client.get_paginator(operation).paginate(**query)
    return [entry for page in pages for entry in page[member]]


def _outward(name: str, value: Any, prefix: str) -> Any:
    """Return the value of a request member with the prefix added to all names, ARNs and values of name filters."""
    if isinstance(value, Mapping):
        named = "Name" in value and str(value["Name"]) in OWN_NAMES and isinstance(value.get("Value"), str)
        inner = {key: _outward(key, one, prefix) for key, one in value.items()}
        return {**inner, "Value": prefix + value["Value"]} if named else inner
    if isinstance(value, list):
        return [_outward(name, one, prefix) for one in value]
    if not isinstance(value, str):
        return value
    if _RESOURCE.search(value):
        return _RESOURCE.sub(rf"\g<1>{prefix}", value)
    return prefix + value if name in OWN_NAMES else value


def _inward(value: Any, prefix: str) -> Any:
    """Return a response without the prefix, and without list entries that do not have it."""
    if isinstance(value, Mapping):
        return {_bare(key, prefix): _inward(one, prefix) for key, one in value.items()}
    if isinstance(value, list):
        return [_inward(one, prefix) for one in value if not _is_others(one, prefix)]
    return _bare(value, prefix) if isinstance(value, str) else value


def _bare(text: str, prefix: str) -> str:
    return text.replace(prefix, "")


def _is_others(entry: Any, prefix: str) -> bool:
    """Whether a list entry is a group or package without the prefix."""
    if not isinstance(entry, Mapping):
        return False
    arn = entry.get("ModelPackageArn") or entry.get("ModelPackageGroupArn")
    if arn is not None:
        return f"/{prefix}" not in arn
    inner = entry.get("ModelPackage") or entry.get("ModelPackageGroup")
    return inner is not None and _is_others(inner, prefix)

"""Whether what a package names is there when it is registered: artefacts in S3, images in ECR.

AWS always looks. Here it depends on who could hold them, and on the switches of `registry.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .. import model
from ..base import Caller, Probe
from ..errors import ValidationException
from ..settings import Check, Checks

S3_URL = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+)")


def check(params: Mapping[str, Any], caller: Caller, probe: Probe, checks: Checks) -> None:
    """Look for every artefact and image of a CreateModelPackage request.

    Raises:
        ValidationException: one is not there. The sentence for S3 is AWS's (captured); that for an image is of
            another operation (captured for CreateModel), as this one's has not been seen.
    """
    if checks.artifacts != "off":
        for bucket, key, is_prefix in artifacts(params):
            if _is_missing(probe.artifact(caller, bucket, key, is_prefix=is_prefix), checks.artifacts):
                raise ValidationException(
                    f"Cannot find S3 object: {key} in bucket {bucket}. Please check if your S3 object exists and has "
                    "proper permissions for SageMaker."
                )
    if checks.images != "off":
        for image in _images(params):
            if _is_missing(probe.image(caller, image), checks.images):
                raise ValidationException(f"Requested image {image} not found.")


def _is_missing(found: bool | None, check: Check) -> bool:
    """Judge what a probe says: None is "nobody here could hold it"."""
    return found is False or (found is None and check == "always")


def artifacts(params: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield bucket, key and whether it is a prefix, of every model artefact; only s3:// URLs are looked for."""
    for container in _containers(params):
        source = container.get("ModelDataSource", {}).get("S3DataSource", {})
        for url, is_prefix in (
            (container.get("ModelDataUrl"), False),
            (source.get("S3Uri"), source.get("S3DataType") == "S3Prefix"),
        ):
            match = S3_URL.fullmatch(url or "")
            if match:
                yield match["bucket"], match["key"], is_prefix


def _images(params: Mapping[str, Any]) -> list[str]:
    return [container["Image"] for container in _containers(params) if "Image" in container]


def _containers(params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return model.structures("CreateModelPackage", params, "ModelPackageContainerDefinition", of_input=True)

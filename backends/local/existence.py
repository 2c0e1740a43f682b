"""Whether what a package names is there when it is registered: artefacts in S3, images in ECR.

AWS always looks. Here it depends on who could hold them, and on the switches of `registry.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..base import Caller, Probe
from ..errors import ValidationException
from ..service.records import artifacts, containers
from ..settings import Check, Checks


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


def _images(params: Mapping[str, Any]) -> list[str]:
    return [container["Image"] for container in containers(params) if "Image" in container]

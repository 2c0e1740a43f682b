"""The rules AWS enforces on packages beyond its shapes, each with the source of its message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import orjson

from ...base import Caller, Probe
from ...errors import ValidationException, json_problem
from ...service.records import artifacts, containers
from ...settings import Check, Checks

Card = Mapping[str, Any]
SECTIONS = frozenset(
    {
        "model_overview",
        "intended_uses",
        "business_details",
        "training_details",
        "evaluation_details",
        "additional_information",
    }
)
"""The top-level sections of a package's model card: the general schema without model_package_details."""
OVERVIEW = frozenset({"model_creator", "model_artifact"})

Params = Mapping[str, Any]

MAX_METADATA = 50
MAX_ADDITIONAL_SPECIFICATIONS = 15


class Rule(msgspec.Struct, frozen=True):
    """A rule: if `broken` returns true for the request (after the stored record, for updates), raise `sentence`."""

    broken: Callable[..., bool]
    sentence: str


def _versioned(params: Params) -> bool:
    return "ModelPackageGroupName" in params


def _has_environment(params: Params) -> bool:
    return any("Environment" in container for container in containers(params))


def _has_additional_s3_source(params: Params) -> bool:
    specification = params.get("InferenceSpecification", {})
    return any("AdditionalS3DataSource" in container for container in specification.get("Containers", []))


def _lacks_instance_types(params: Params) -> bool:
    specification = params.get("InferenceSpecification")
    return specification is not None and not (
        specification.get("SupportedTransformInstanceTypes")
        and specification.get("SupportedRealtimeInferenceInstanceTypes")
    )


def _source_and_specification(params: Params) -> bool:
    return "SourceUri" in params and "InferenceSpecification" in params


def _repeated_names(specifications: list[Params]) -> bool:
    names = [specification["Name"] for specification in specifications]
    return len(names) != len(set(names))


def _additional_after(record: Params, params: Params) -> list[Params]:
    return [
        *record.get("AdditionalInferenceSpecifications", []),
        *params.get("AdditionalInferenceSpecificationsToAdd", []),
    ]


def _metadata_after(record: Params, params: Params) -> set[str]:
    kept = {*record.get("CustomerMetadataProperties", {}), *params.get("CustomerMetadataProperties", {})}
    return kept - set(params.get("CustomerMetadataPropertiesToRemove", []))


_SOURCE_OR_SPECIFICATION = "SourceUri and InferenceSpecification cannot be specified in the same request."
_UNIQUE_NAMES = "The Name of each additional inference specification must be unique within the model package."

CREATE: tuple[Rule, ...] = (
    # Captured without a period.
    Rule(lambda p: "ModelPackageName" not in p and not _versioned(p), "Missing ARN"),
    # Reported by a contributor who ran it against AWS.
    Rule(
        lambda p: "ModelPackageName" in p and _versioned(p),
        "Both ModelPackageName and ModelPackageGroupName are provided in the input. Cannot determine which one to use.",
    ),
    # Documented; our wording.
    Rule(
        lambda p: _versioned(p) and bool(p.get("Tags")),
        "Tags cannot be specified for a versioned ModelPackage: it uses the tags of its Model Package Group.",
    ),
    # Captured, including the plural and the missing space.
    Rule(
        lambda p: not _versioned(p) and _has_environment(p),
        "1 validation errors detected:"
        "Environment variable map cannot be specified when using non-versioned ModelPackages",
    ),
    # Captured.
    Rule(_has_additional_s3_source, "AdditionalS3DataSource is not allowed in InferenceSpecification"),
    # Documented as not allowed; our wording.
    Rule(_source_and_specification, _SOURCE_OR_SPECIFICATION),
    # Documented as required; our wording.
    Rule(
        lambda p: not _versioned(p) and _lacks_instance_types(p),
        "SupportedTransformInstanceTypes and SupportedRealtimeInferenceInstanceTypes are required in the "
        "InferenceSpecification of an unversioned ModelPackage.",
    ),
    # Documented; our wording.
    Rule(lambda p: _repeated_names(p.get("AdditionalInferenceSpecifications", [])), _UNIQUE_NAMES),
)

UPDATE: tuple[Rule, ...] = (
    # Documented ("updates a versioned model"); our wording.
    Rule(
        lambda record, _: "ModelPackageVersion" not in record,
        "UpdateModelPackage requires a versioned ModelPackage; this one is unversioned.",
    ),
    # Captured for CreateModelPackage.
    Rule(lambda _, p: _has_additional_s3_source(p), "AdditionalS3DataSource is not allowed in InferenceSpecification"),
    # Documented as not allowed; our wording.
    Rule(lambda _, p: _source_and_specification(p), _SOURCE_OR_SPECIFICATION),
    # Documented; our wording.
    Rule(lambda record, p: _repeated_names(_additional_after(record, p)), _UNIQUE_NAMES),
    # Documented; our wording.
    Rule(
        lambda record, p: len(_additional_after(record, p)) > MAX_ADDITIONAL_SPECIFICATIONS,
        f"A model package can have at most {MAX_ADDITIONAL_SPECIFICATIONS} additional inference specifications.",
    ),
    # The shape's limit; applying it after the merge is our choice, with our wording.
    Rule(
        lambda record, p: len(_metadata_after(record, p)) > MAX_METADATA,
        f"A model package can have at most {MAX_METADATA} customer metadata properties.",
    ),
)


def check(rules: tuple[Rule, ...], *given: Params) -> None:
    """Raise ValidationException with the message of the first broken rule."""
    for rule in rules:
        if rule.broken(*given):
            raise ValidationException(rule.sentence)


def check_card(stored: Card, sent: Card) -> None:
    """Check a model card in a request against the stored one, empty for a first card.

    Raises:
        ValidationException: the content violates the documented schema (our wording), content and status change in one
            call, or the card is archived (both messages are documented for model cards).
    """
    _check_content(sent)
    new_content, new_status = _differs(stored, sent, "ModelCardContent"), _differs(stored, sent, "ModelCardStatus")
    if stored and new_content and new_status:
        raise ValidationException("You cannot update both model card content and model card status in a single call.")
    if stored.get("ModelCardStatus") == "Archived" and new_content:
        raise ValidationException("Model Card is in Archived state")


def _check_content(card: Card) -> None:
    if "ModelCardContent" not in card:
        return
    try:
        content = orjson.loads(card["ModelCardContent"])
    except orjson.JSONDecodeError as error:
        raise ValidationException(f"ModelCardContent is not valid JSON: {json_problem(error)}.") from error
    if not isinstance(content, dict):
        raise ValidationException("ModelCardContent must be a JSON object.")
    _check_keys("ModelCardContent", content, SECTIONS)
    overview = content.get("model_overview", {})
    if not isinstance(overview, dict):
        raise ValidationException("model_overview of ModelCardContent must be a JSON object.")
    _check_keys("model_overview of ModelCardContent", overview, OVERVIEW)


def _check_keys(what: str, content: Mapping[str, Any], allowed: frozenset[str]) -> None:
    if unknown := sorted(set(content) - allowed):
        raise ValidationException(
            f"{what} of a model package cannot have {', '.join(unknown)}; accepted: {', '.join(sorted(allowed))}."
        )


def _differs(stored: Card, sent: Card, member: str) -> bool:
    return member in sent and sent[member] != stored.get(member)


def check_existence(params: Mapping[str, Any], caller: Caller, probe: Probe, checks: Checks) -> None:
    """Check that every artifact and image of a CreateModelPackage request exists.

    Raises:
        ValidationException: an artifact or image is missing. The S3 message is AWS's (captured); the image message was
            captured for CreateModel, because that of this operation is unknown.
    """
    if checks.artifacts != "off":
        for bucket, key, is_prefix in artifacts(params):
            if _is_missing(probe.artifact_exists(caller, bucket, key, is_prefix=is_prefix), checks.artifacts):
                raise ValidationException(
                    f"Cannot find S3 object: {key} in bucket {bucket}. Please check if your S3 object exists and has "
                    "proper permissions for SageMaker."
                )
    if checks.images != "off":
        for image in (container["Image"] for container in containers(params) if "Image" in container):
            if _is_missing(probe.image_exists(caller, image), checks.images):
                raise ValidationException(f"Requested image {image} not found.")


def _is_missing(found: bool | None, check: Check) -> bool:
    """Return whether an artifact or image counts as missing; None means that the probe cannot check it."""
    return found is False or (found is None and check == "always")

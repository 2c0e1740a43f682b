"""What AWS refuses of a package although its shapes allow it: rules as rows, each with where its sentence is from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ...errors import ValidationException
from ...service import model

Params = Mapping[str, Any]

MOST_METADATA = 50
MOST_ADDITIONAL_SPECIFICATIONS = 15


class CreateRule(msgspec.Struct, frozen=True):
    """A request is refused with `sentence` when `broken` says so."""

    broken: Callable[[Params], bool]
    sentence: str


class UpdateRule(msgspec.Struct, frozen=True):
    """An update is refused with `sentence` when `broken` says so of the stored record and the request."""

    broken: Callable[[Params, Params], bool]
    sentence: str


def _versioned(params: Params) -> bool:
    return "ModelPackageGroupName" in params


def _has_environment(params: Params) -> bool:
    return any("Environment" in container for container in _containers(params))


def _has_additional_s3_source(params: Params) -> bool:
    specification = params.get("InferenceSpecification", {})
    return any("AdditionalS3DataSource" in container for container in specification.get("Containers", []))


def _lacks_instance_types(params: Params) -> bool:
    specification = params.get("InferenceSpecification")
    return specification is not None and not (
        specification.get("SupportedTransformInstanceTypes")
        and specification.get("SupportedRealtimeInferenceInstanceTypes")
    )


def _containers(params: Params) -> list[dict[str, Any]]:
    named = "ModelPackageContainerDefinition"
    return list(model.structures("CreateModelPackage", params, named, of_input=True))


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

CREATE: tuple[CreateRule, ...] = (
    # Captured without a full stop.
    CreateRule(lambda p: "ModelPackageName" not in p and not _versioned(p), "Missing ARN"),
    # Reported by a contributor who had run it against AWS.
    CreateRule(
        lambda p: "ModelPackageName" in p and _versioned(p),
        "Both ModelPackageName and ModelPackageGroupName are provided in the input. Cannot determine which one to use.",
    ),
    # Documented; the sentence is ours.
    CreateRule(
        lambda p: _versioned(p) and bool(p.get("Tags")),
        "Tags cannot be specified for a versioned ModelPackage: it uses the tags of its Model Package Group.",
    ),
    # Captured, with its plural and its missing space.
    CreateRule(
        lambda p: not _versioned(p) and _has_environment(p),
        "1 validation errors detected:"
        "Environment variable map cannot be specified when using non-versioned ModelPackages",
    ),
    # Captured.
    CreateRule(_has_additional_s3_source, "AdditionalS3DataSource is not allowed in InferenceSpecification"),
    # Documented as not allowed; the sentence is ours.
    CreateRule(_source_and_specification, _SOURCE_OR_SPECIFICATION),
    # Documented as required; the sentence is ours.
    CreateRule(
        lambda p: not _versioned(p) and _lacks_instance_types(p),
        "SupportedTransformInstanceTypes and SupportedRealtimeInferenceInstanceTypes are required in the "
        "InferenceSpecification of an unversioned ModelPackage.",
    ),
    # Documented; the sentence is ours.
    CreateRule(lambda p: _repeated_names(p.get("AdditionalInferenceSpecifications", [])), _UNIQUE_NAMES),
)

UPDATE: tuple[UpdateRule, ...] = (
    # Documented ("updates a versioned model"); the sentence is ours.
    UpdateRule(
        lambda record, _: "ModelPackageVersion" not in record,
        "UpdateModelPackage updates a versioned ModelPackage; this one is unversioned.",
    ),
    # Captured at create.
    UpdateRule(
        lambda _, p: _has_additional_s3_source(p), "AdditionalS3DataSource is not allowed in InferenceSpecification"
    ),
    # Documented as not allowed; the sentence is ours.
    UpdateRule(lambda _, p: _source_and_specification(p), _SOURCE_OR_SPECIFICATION),
    # Documented; the sentence is ours.
    UpdateRule(lambda record, p: _repeated_names(_additional_after(record, p)), _UNIQUE_NAMES),
    # Documented; the sentence is ours.
    UpdateRule(
        lambda record, p: len(_additional_after(record, p)) > MOST_ADDITIONAL_SPECIFICATIONS,
        f"A model package can have at most {MOST_ADDITIONAL_SPECIFICATIONS} additional inference specifications.",
    ),
    # The limit is that of the shape; that it holds after the merge, and the sentence, are ours.
    UpdateRule(
        lambda record, p: len(_metadata_after(record, p)) > MOST_METADATA,
        f"A model package can have at most {MOST_METADATA} customer metadata properties.",
    ),
)


def check_create(params: Params) -> None:
    """Raise ValidationException with the sentence of the first rule a CreateModelPackage request breaks."""
    for rule in CREATE:
        if rule.broken(params):
            raise ValidationException(rule.sentence)


def check_update(record: Params, params: Params) -> None:
    """Raise ValidationException with the sentence of the first rule an UpdateModelPackage request breaks."""
    for rule in UPDATE:
        if rule.broken(record, params):
            raise ValidationException(rule.sentence)

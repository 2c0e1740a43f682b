"""Validation from the service model, with AWS's error messages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagemaker_registry.backends.errors import ValidationException
from sagemaker_registry.backends.service import constraints, model
from sagemaker_registry.backends.service.operations import OPERATIONS
from support import parity
from support.random_values import values

FAILED = "failed to satisfy constraint"


def error_of(operation: str, params: dict[str, Any]) -> str:
    with pytest.raises(ValidationException) as caught:
        constraints.check(operation, params)
    return caught.value.message


@pytest.mark.parametrize(
    ("operation", "params", "expected"),
    [
        (
            # Captured from AWS, except for the pattern, which has changed since.
            "DescribeModelPackage",
            {"ModelPackageName": "no_underscores"},
            f"1 validation error detected: Value 'no_underscores' at 'modelPackageName' {FAILED}: "
            "Member must satisfy regular expression pattern: (arn:aws[a-z\\-]*:sagemaker:[a-z0-9\\-]*:[0-9]{12}:"
            "[a-z\\-]*\\/)?([a-zA-Z0-9]([a-zA-Z0-9-]){0,62})(?<!-)(\\/[0-9]{1,9})?",
        ),
        (
            "DescribeModelPackageGroup",
            {},
            f"1 validation error detected: Value null at 'modelPackageGroupName' {FAILED}: Member must not be null",
        ),
        (
            "ListModelPackages",
            {"MaxResults": 0, "SortBy": "Colour"},
            f"2 validation errors detected: Value '0' at 'maxResults' {FAILED}: "
            f"Member must have value greater than or equal to 1; Value 'Colour' at 'sortBy' {FAILED}: "
            "Member must satisfy enum value set: [Name, CreationTime]",
        ),
        (
            "CreateModelPackageGroup",
            {"ModelPackageGroupName": "g", "Tags": [{"Key": "a"}]},
            f"1 validation error detected: Value null at 'tags.1.member.value' {FAILED}: Member must not be null",
        ),
        (
            "CreateModelPackage",
            {"CustomerMetadataProperties": {"ok": "fine", "empty": ""}},
            f"1 validation error detected: Value '{{ok=fine, empty=}}' at 'customerMetadataProperties' {FAILED}: "
            "Map value must satisfy constraint: [Member must have length greater than or equal to 1]",
        ),
    ],
)
def test_a_violated_constraint_is_reported_in_aws_wording(
    operation: str, params: dict[str, Any], expected: str
) -> None:
    assert error_of(operation, params) == expected


def test_length_and_pattern_violations_are_both_reported() -> None:
    message = error_of("CreateModelPackageGroup", {"ModelPackageGroupName": "-" * 64})
    assert message.startswith("2 validation errors detected: ")
    assert "Member must have length less than or equal to 63; Value '-" in message


def test_a_long_value_is_truncated_in_the_message() -> None:
    message = error_of("CreateModelPackageGroup", {"ModelPackageGroupName": "a" * 5000})
    assert "a" * constraints.MAX_QUOTE + "...'" in message
    assert "a" * (constraints.MAX_QUOTE + 1) not in message


def test_letters_of_every_script_are_accepted() -> None:
    name = {"ModelPackageGroupName": "g"}
    constraints.check(
        "CreateModelPackageGroup", {**name, "ModelPackageGroupDescription": "Абонентский отток: 解約, 🎯"}
    )
    constraints.check("CreateModelPackage", {"CustomerMetadataProperties": {"точность": "0.93"}})
    error_of("CreateModelPackageGroup", {**name, "ModelPackageGroupDescription": "a bell \a"})


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_every_pattern_of_an_operation_compiles(operation: str) -> None:
    seen: set[str] = set()

    def walk(shape: Any) -> None:
        if shape is None or shape.name in seen:
            return
        seen.add(shape.name)
        if "pattern" in shape.metadata:
            assert constraints.pattern(shape.metadata["pattern"])
        for name, member in model.members(shape).items():
            if name in parity.REGISTRY_MEMBERS.get(shape.name, {name}):
                walk(member)
        for inner in ("member", "key", "value"):
            walk(getattr(shape, inner, None))

    walk(model.input_shape(operation))
    walk(model.output_shape(operation))
    assert seen


@pytest.mark.parametrize("operation", sorted(name for name in OPERATIONS if model.input_shape(name)))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_fast_check_agrees_with_the_messages(operation: str, data: st.DataObject) -> None:
    params = data.draw(values(model.input_shape(operation)))
    assert constraints.holds(operation, params) == (constraints.broken(operation, params) == [])


@pytest.mark.parametrize(
    "specification",
    [
        {},
        {"Containers": []},
        {"Containers": [{"Image": ""}]},
        {"Containers": [{"Image": " no "}]},
        {"Containers": [{"Image": "image:1", "Environment": {"A": "1"}}]},
        {"Containers": [{"Image": "image:1", "Environment": {"": "1", "B": "x" * 70_000}}]},
        {"Containers": [{"Image": "image:1"}], "SupportedTransformInstanceTypes": ["ml.m5.large", "abacus"]},
        {"Containers": [{"Image": "image:1"}] * 16, "SupportedContentTypes": ["text/csv"]},
        {"Containers": [{"Image": "image:1"}], "SupportedContentTypes": ["x" * 300]},
    ],
)
def test_the_fast_check_of_nested_members_agrees_with_the_messages(specification: dict[str, Any]) -> None:
    params = {"ModelPackageGroupName": "churn", "InferenceSpecification": specification}
    assert constraints.holds("CreateModelPackage", params) == (constraints.broken("CreateModelPackage", params) == [])

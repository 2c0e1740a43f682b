"""Random values by shape: of the right types, with any content."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

PLAUSIBLE = [
    "churn",
    "churn/1",
    "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn",
    "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1",
    "arn:aws:sagemaker:eu-west-1:222222222222:model-package/churn/1",
    "s3://models/churn/model.tar.gz",
    "Tags.team",
    "{}",
    "2026-11-24T00:00:00",
]
"""Text that passes more checks than random text: names, ARNs and URLs of resources that may exist."""

moments = st.datetimes(datetime(2017, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)


def strings(shape: Any) -> st.SearchStrategy[str]:
    """Return a strategy of text: often a value that the shape allows, otherwise any."""
    allowed = shape.metadata.get("enum")
    anything = st.text(max_size=8)
    return st.sampled_from([*allowed, "Other"]) | anything if allowed else st.sampled_from(PLAUSIBLE) | anything


def values(shape: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Return a strategy of values with the types of a shape."""
    match shape.type_name:
        case "structure":
            optional = {name: values(member, depth + 1) for name, member in shape.members.items() if depth < 4}
            return st.fixed_dictionaries({}, optional=optional)
        case "list":
            return st.lists(values(shape.member, depth + 1), max_size=2)
        case "map":
            return st.dictionaries(st.text(max_size=5), values(shape.value, depth + 1), max_size=2)
        case "timestamp":
            return moments
        case "boolean":
            return st.booleans()
        case "integer" | "long":
            return st.integers(-(2**31), 2**31 - 1)
        case "float" | "double":
            return st.floats(allow_nan=False, allow_infinity=False, width=32)
        case _:
            return strings(shape)

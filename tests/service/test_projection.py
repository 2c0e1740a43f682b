"""Decoding only the listed members of a record gives the same result as projecting the whole record."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_registry.backends.service import model, projection
from sagemaker_registry.backends.service.projection import decoder_of, flagged, plain

LISTS = {"ListModelPackages": "ModelPackageSummaryList", "ListModelPackageGroups": "ModelPackageGroupSummaryList"}
MARK = "_Mark"


def entry(operation: str) -> Any:
    return model.members(model.output_shape(operation))[LISTS[operation]].member


def values(shape: Any) -> st.SearchStrategy[Any]:
    """Return values as stored in records: timestamps are epoch seconds, to the millisecond."""
    if shape.type_name == "structure":
        known = {name: st.none() | values(member) for name, member in shape.members.items()}
        others = st.dictionaries(
            st.text().filter(lambda name: name not in known and name != MARK), st.integers(-(2**53), 2**53)
        )
        return st.builds(lambda one, two: {**two, **one}, st.fixed_dictionaries({}, optional=known), others)
    scalars: dict[str, st.SearchStrategy[Any]] = {
        "timestamp": st.integers(0, 4 * 10**12).map(lambda milliseconds: milliseconds / 1000),
        "integer": st.integers(-(2**31), 2**31),
        "string": st.text(),
    }
    return scalars[shape.type_name]


@pytest.mark.parametrize("operation", LISTS)
@given(data=st.data())
def test_partial_decoding_equals_the_projection(operation: str, data: st.DataObject) -> None:
    shape = entry(operation)
    record = data.draw(values(shape))
    (seen,) = plain([decoder_of(shape, MARK)(orjson.dumps(record).decode())])
    shown = projection.projection_of(shape)(record)
    assert seen == shown
    assert list(seen) == list(shown)


def test_a_decoded_description_equals_the_projection() -> None:
    shape = model.output_shape("DescribeModelPackage")
    assert shape is not None
    record = full(shape)
    (seen,) = plain([decoder_of(shape, MARK)(orjson.dumps({**record, "Tags": [{"Key": "team"}]}).decode())])
    assert seen == projection.projection("DescribeModelPackage")(record)
    assert list(seen) == list(shape.members)


def full(shape: Any) -> Any:
    """Return a value of a shape with every member set."""
    made: dict[str, Any] = {
        "structure": lambda: {name: full(member) for name, member in shape.members.items()},
        "list": lambda: [full(shape.member)] * 2,
        "map": lambda: {"one": full(shape.value), "two": full(shape.value)},
        "timestamp": lambda: 1603934866.046,
        "boolean": lambda: False,
        "integer": lambda: 7,
        "string": lambda: "text",
    }
    return made[shape.type_name]()


def test_records_with_a_mark_are_flagged() -> None:
    read = decoder_of(entry("ListModelPackages"), MARK)
    seen = [read(text) for text in ("{}", '{"_Mark": {}}', '{"ModelPackageName": "a"}', '{"_Mark": {"begins": 1}}')]
    assert flagged(seen, MARK) == [1, 3]
    assert flagged(seen, "") == []


def test_text_that_is_not_a_record_raises_an_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        decoder_of(entry("ListModelPackages"))('{"ModelPackageName": "a", "Inference')

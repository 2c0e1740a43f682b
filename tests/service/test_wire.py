"""JSON 1.1, compared with botocore: our reader reads its requests, and its parser reads our responses."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from sagemaker_registry.backends import errors
from sagemaker_registry.backends.service import model, wire
from sagemaker_registry.backends.service.operations import OPERATIONS
from support.random_values import moments, values


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
@given(data=st.data())
@settings(max_examples=40)
def test_requests_serialized_by_botocore_are_read(operation: str, data: st.DataObject) -> None:
    params = data.draw(values(model.input_shape(operation)))
    request = create_serializer("json", include_validation=False).serialize_to_request(
        params, model.service().operation_model(operation)
    )
    assert wire.read(operation, request["body"]) == params


@pytest.mark.parametrize("operation", sorted(name for name in OPERATIONS if model.output_shape(name)))
@given(data=st.data())
@settings(max_examples=40)
def test_responses_are_parsed_by_botocore(operation: str, data: st.DataObject) -> None:
    shape = model.output_shape(operation)
    answer = data.draw(values(shape))
    response = {"status_code": 200, "headers": {}, "body": wire.write(answer) or b"{}"}
    parsed = create_parser("json").parse(response, model.service().operation_model(operation).output_shape)
    parsed.pop("ResponseMetadata")
    assert parsed == answer


WITH_GIVEN_CODE = (errors.UpstreamError, errors.NotAuthenticated)
OWN_ERRORS = [kind for kind in errors.RegistryError.__subclasses__() if kind not in WITH_GIVEN_CODE]


@pytest.mark.parametrize("kind", OWN_ERRORS)
def test_every_error_reaches_the_client_with_its_code_and_message(kind: type[errors.RegistryError]) -> None:
    response = {"status_code": kind.status, "headers": {}, "body": wire.write_error(kind("why"))}
    assert create_parser("json").parse(response, None)["Error"] == {"Code": kind.__name__, "Message": "why"}


def test_an_upstream_error_is_forwarded_unchanged() -> None:
    passed_on = errors.UpstreamError("ExpiredTokenException", "why", 403)
    assert wire.write_error(passed_on) == b'{"__type":"ExpiredTokenException","message":"why"}'


def test_modelled_errors_use_the_member_name_of_the_model() -> None:
    assert wire.write_error(errors.ConflictException("why")) == b'{"__type":"ConflictException","Message":"why"}'
    assert wire.write_error(errors.ValidationException("why")) == b'{"__type":"ValidationException","message":"why"}'


@pytest.mark.parametrize(
    ("moment", "printed"),
    [
        # The first is from a captured response; the others follow Java's Double.toString.
        (1603934866.046, "1.603934866046E9"),
        (1603934866.0, "1.603934866E9"),
        (1600000000.0, "1.6E9"),
        (2000000000.0, "2.0E9"),
    ],
)
def test_timestamps_print_as_aws_prints_them(moment: float, printed: str) -> None:
    assert wire.timestamp(datetime.fromtimestamp(moment, UTC)) == printed


@given(moments)
def test_timestamps_keep_milliseconds(moment: datetime) -> None:
    printed = wire.timestamp(moment)
    assert re.fullmatch(r"[1-9]\.[0-9]+E9", printed)
    assert datetime.fromtimestamp(float(printed), UTC) == moment


def test_an_operation_without_output_has_an_empty_body() -> None:
    assert wire.write({}) == b""


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b'{"MaxResults": NaN}', "not valid JSON"),
        (b'{"MaxResults": Infinity}', "not valid JSON"),
        (b'{"NameContains": "\\ud800"}', "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b'{"MaxResults": 1' + b"0" * 400 + b"}", "not valid JSON"),
        (b'{"MaxResults": 1' + b"0" * 30 + b"}", "out of the range of an integer"),
        (b'{"MaxResults": 1.5}', "MaxResults must be an integer"),
        (b'{"MaxResults": true}', "MaxResults must be an integer"),
        (b'{"NameContains": 7}', "NameContains must be a string"),
        (b'{"CreationTimeAfter": "today"}', "CreationTimeAfter must be a timestamp in epoch seconds"),
        (b'{"CreationTimeAfter": 1e300}', "CreationTimeAfter is 1e+300, not a timestamp that the server supports."),
        (b'{"Colour": "red"}', "The body has no member 'Colour'"),
        (b"[]", "The body must be a structure"),
        (b'"text"', "The body must be a structure"),
        (b"[" * 500 + b"]" * 500, "nested more than 64 levels"),
        (b"[" * 100_000, "not valid JSON"),
    ],
)
def test_a_body_that_does_not_match_the_shape_is_rejected(body: bytes, sentence: str) -> None:
    with pytest.raises(errors.SerializationException, match=re.escape(sentence)):
        wire.read("ListModelPackages", body)


def test_null_counts_as_absent() -> None:
    assert wire.read("ListModelPackages", b'{"MaxResults": null}') == {}

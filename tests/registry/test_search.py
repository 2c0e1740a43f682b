"""Search over random registries, compared with a naive evaluator, and rejected searches."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagemaker_registry.backends.base import BackendOptions, Caller
from sagemaker_registry.backends.errors import NotHandled, ValidationException
from sagemaker_registry.backends.local.context import RequestContext
from sagemaker_registry.backends.local.pagination import query_of, token_of
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.local.search import index, planner, search
from sagemaker_registry.backends.local.search.expressions import COMBINATIONS, OPERATORS
from sagemaker_registry.backends.service import model
from sagemaker_registry.backends.settings import Settings, Validation
from sagemaker_registry.backends.store.rows import PACKAGES, POLICIES, TERMS
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows

CALLER = Caller()
OTHER = Caller(account="999999999999")
TEAMS = {"a": "risk", "a-b": "sales", "b": None}
PENDING = "PendingManualApproval"


@dataclass(frozen=True)
class Entry:
    """A version as a naive evaluator knows it."""

    group: str
    version: int
    status: str
    description: str | None
    score: str | None
    created: float

    @property
    def name(self) -> str:
        return f"{self.group}/{self.version}"

    @property
    def team(self) -> str | None:
        return TEAMS[self.group]


entries_of_versions = st.lists(
    st.tuples(
        st.sampled_from(sorted(TEAMS)),
        st.sampled_from(["Approved", "Rejected", PENDING]),
        st.sampled_from([None, "x", "xy", "y"]),
        st.sampled_from([None, "0.9", "10", "9"]),
        st.integers(-2, 3),
    ),
    max_size=20,
)


def registry_of(drawn: list[tuple[str, str, str | None, str | None, int]]) -> tuple[LocalRegistry, list[Entry]]:
    """Return a registry and its entries; the clock may stand still or go back."""
    now = 1_000_000.0
    registry = LocalRegistry(SQLiteRows(None), clock=lambda: now)
    for name, team in TEAMS.items():
        tags = [{"Key": "team", "Value": team}] if team else []
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": name, "Tags": tags}, CALLER)
    entries = []
    for group, status, description, score, seconds in drawn:
        now += seconds
        optional = {
            "ModelPackageDescription": description,
            "CustomerMetadataProperties": {"score.of": score} if score else None,
        }
        request = {"ModelPackageGroupName": group, "ModelApprovalStatus": status}
        request |= {member: value for member, value in optional.items() if value is not None}
        arn = registry.call("CreateModelPackage", request, CALLER)["ModelPackageArn"]
        entries.append(Entry(group, int(arn.rpartition("/")[2]), status, description, score, now))
    return registry, entries


def find(registry: LocalRegistry, **query: Any) -> list[str]:
    """Return the names of the versions on a page."""
    results = registry.call("Search", {"Resource": "ModelPackage", **query}, CALLER)["Results"]
    return [result["ModelPackage"]["ModelPackageName"] for result in results]


def pages(registry: LocalRegistry, query: dict[str, Any], caller: Caller = CALLER) -> Iterator[list[dict[str, Any]]]:
    """Yield the results of each page."""
    token: dict[str, str] | None = {}
    while token is not None:
        page = registry.call("Search", {**query, **token}, caller)
        assert len(page["Results"]) <= query["MaxResults"]
        assert len(page.get("NextToken", "")) <= 8192
        yield page["Results"]
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else None


def error_of(registry: LocalRegistry, operation: str = "Search", **query: Any) -> str:
    with pytest.raises(ValidationException) as caught:
        registry.call(operation, {"Resource": "ModelPackage", **query}, CALLER)
    return caught.value.message


@pytest.fixture(scope="module")
def empty() -> Any:
    with LocalRegistry(SQLiteRows(None)) as registry:
        yield registry


PROPERTIES: dict[str, Callable[[Entry], Any]] = {
    "LastModifiedTime": lambda entry: entry.created,
    "CreationTime": lambda entry: entry.created,
    "ModelPackageVersion": lambda entry: entry.version,
    "ModelPackageDescription": lambda entry: entry.description,
    "CustomerMetadataProperties.score.of": lambda entry: entry.score,
    "Tags.team": lambda entry: entry.team,
}


@settings(deadline=None, max_examples=80)
@given(
    drawn=entries_of_versions,
    size=st.integers(1, 7),
    at_once=st.integers(1, 5),
    name=st.sampled_from(sorted(PROPERTIES)),
    order=st.sampled_from(["Ascending", "Descending"]),
    status=st.sampled_from([None, "Approved", PENDING]),
    few=st.sampled_from([0, 500]),
    whole=st.booleans(),
)
def test_pages_list_every_match_once_and_in_order(
    drawn: Any, size: int, at_once: int, name: str, order: str, status: str | None, few: int, whole: bool
) -> None:
    registry, entries = registry_of(drawn)
    query: dict[str, Any] = {"Resource": "ModelPackage", "SortBy": name, "SortOrder": order, "MaxResults": size}
    if status is not None:
        query["SearchExpression"] = {"Filters": [{"Name": "ModelApprovalStatus", "Value": status}]}
    if not whole:
        query["VisibilityConditions"] = [{"Key": "Tags.nobody", "Value": "has"}]
    value, descending = PROPERTIES[name], order == "Descending"
    matching = [entry for entry in entries if status in (None, entry.status)]
    by_position = sorted(matching, key=lambda entry: (entry.group, entry.version), reverse=descending)
    present = [entry for entry in by_position if value(entry) is not None]
    expected = [
        *sorted(present, key=value, reverse=descending),  # equal values keep their order
        *[entry for entry in by_position if value(entry) is None],
    ]
    with patch.object(search, "ROWS_AT_ONCE", at_once), patch.object(planner, "FEW", few):
        found = [result["ModelPackage"]["ModelPackageName"] for page in pages(registry, query) for result in page]
        hits = registry.call("Search", query, CALLER)["TotalHits"]
    assert found == [entry.name for entry in expected]
    assert hits == {"Value": len(matching), "Relation": "EqualTo"}
    registry.close()


Search = tuple[dict[str, Any], Callable[[Entry], bool]]


def _filter(name: str, operator: str, value: str | None, matches: Callable[[Entry], bool]) -> Search:
    filter_ = {"Name": name, "Operator": operator, **({"Value": value} if value is not None else {})}
    return {"Filters": [filter_]}, matches


FILTERS: list[Search] = [
    _filter("ModelApprovalStatus", "Equals", "Approved", lambda entry: entry.status == "Approved"),
    _filter("ModelApprovalStatus", "In", f"Rejected,{PENDING}", lambda entry: entry.status in ("Rejected", PENDING)),
    _filter("ModelPackageVersion", "GreaterThan", "1", lambda entry: entry.version > 1),
    _filter("ModelPackageVersion", "LessThanOrEqualTo", "2", lambda entry: entry.version <= 2),
    _filter("ModelPackageDescription", "Exists", None, lambda entry: entry.description is not None),
    _filter("ModelPackageDescription", "NotEquals", "x", lambda entry: entry.description != "x"),
    _filter("CustomerMetadataProperties.score.of", "Equals", "9", lambda entry: entry.score == "9"),
    _filter("CustomerMetadataProperties", "NotExists", None, lambda entry: entry.score is None),
    _filter("CustomerMetadataProperties.score.of", "In", "9,10", lambda entry: entry.score in ("9", "10")),
    _filter("CustomerMetadataProperties.score.of", "Exists", None, lambda entry: entry.score is not None),
    _filter("ModelPackageGroupName", "Equals", "a-b", lambda entry: entry.group == "a-b"),
    _filter("ModelPackageName", "Equals", "a/2", lambda entry: entry.name == "a/2"),
    _filter("ModelPackageDescription", "Contains", "x", lambda entry: "x" in (entry.description or "")),
    _filter("CreationTime", "Equals", "1970-01-12T13:46:42", lambda entry: entry.created == 1_000_002),
    _filter("Tags.team", "Equals", "risk", lambda entry: entry.team == "risk"),
    _filter("Tags.team", "NotExists", None, lambda entry: entry.team is None),
    _filter("CreationTime", "GreaterThanOrEqualTo", "1970-01-12T13:46:42", lambda entry: entry.created >= 1_000_002),
    _filter("CreationTime", "LessThan", "1970-01-12T13:46:43Z", lambda entry: entry.created < 1_000_003),
]


def _combined(parts: list[Search], combination: str) -> Search:
    """Combine expressions: those with one filter as filters, the rest as subexpressions; And is the default."""
    single = [
        filter_["Filters"][0] for filter_, _ in parts if set(filter_) == {"Filters"} and len(filter_["Filters"]) == 1
    ]
    others = [filter_ for filter_, _ in parts if not (set(filter_) == {"Filters"} and len(filter_["Filters"]) == 1)]
    members = {"Filters": single, "SubExpressions": others, "Operator": combination}
    expression = {member: given for member, given in members.items() if given}
    combine = {"": all, "And": all, "Or": any}[combination]
    return expression, lambda entry: combine(matches(entry) for _, matches in parts)


expressions = st.recursive(
    st.sampled_from(FILTERS),
    lambda inner: st.builds(_combined, st.lists(inner, min_size=1, max_size=3), st.sampled_from(["", "And", "Or"])),
    max_leaves=10,
)


@settings(deadline=None, max_examples=120)
@given(
    drawn=entries_of_versions,
    filter_=expressions,
    few=st.sampled_from([0, 500]),
    counted=st.sampled_from([1, 10_000]),
    sort=st.sampled_from(["LastModifiedTime", "CreationTime", "ModelPackageVersion"]),
)
def test_expressions_agree_with_a_naive_evaluator(
    drawn: Any, filter_: Search, few: int, counted: int, sort: str
) -> None:
    """Whether Search reads the few rows of an index, the order of the response, or all rows."""
    registry, entries = registry_of(drawn)
    expression, matches = filter_
    if len({one["Name"] for one in contains_filters(expression)}) < len(contains_filters(expression)):
        expression, matches = FILTERS[0]  # only one Contains filter is allowed per property
    with patch.object(planner, "FEW", few), patch.object(search, "MAX_HITS_COUNTED", counted):
        found = find(registry, SearchExpression=expression, SortBy=sort)
    assert sorted(found) == sorted(entry.name for entry in entries if matches(entry))
    registry.close()


def contains_filters(expression: dict[str, Any]) -> list[dict[str, str]]:
    """Return the Contains filters at any depth of an expression."""
    here = [one for one in expression.get("Filters", ()) if one["Operator"] == "Contains"]
    return here + [one for inner in expression.get("SubExpressions", ()) for one in contains_filters(inner)]


@settings(deadline=None, max_examples=60)
@given(
    changes=st.lists(
        st.tuples(
            st.integers(1, 4),
            st.sampled_from(["approve", "reject", "score", "forget", "stage", "delete", "nothing"]),
            st.sampled_from(["9", "10", "x" * 256]),
        ),
        max_size=12,
    )
)
def test_the_index_agrees_with_the_records(changes: list[tuple[int, str, str]]) -> None:
    registry, _ = registry_of([("a", PENDING, None, "9", 1)] * 3 + [("b", PENDING, None, None, 1)])
    arns = [
        f"arn:aws:sagemaker:{CALLER.region}:{CALLER.account}:model-package/{name}" for name in ("a/1", "a/2", "b/1")
    ]
    for position, what, value in changes:
        arn = arns[position % len(arns)]
        edits: dict[str, dict[str, Any]] = {
            "approve": {"ModelApprovalStatus": "Approved"},
            "reject": {"ModelApprovalStatus": "Rejected"},
            "score": {"CustomerMetadataProperties": {"score": value}},
            "forget": {"CustomerMetadataPropertiesToRemove": ["score", "score.of"]},
            "stage": {"ModelLifeCycle": {"Stage": value[:60], "StageStatus": "Approved"}},
            "nothing": {},
        }
        with suppress(ValidationException):  # it may be deleted
            if what == "delete":
                registry.call("DeleteModelPackage", {"ModelPackageName": arn}, CALLER)
            else:
                registry.call("UpdateModelPackage", {"ModelPackageArn": arn, **edits[what]}, CALLER)
    with registry._rows.reading() as rows:
        stored = {tuple(row.values()) for row in rows.find(TERMS, [], limit=1000)}
        expected = {
            key for table in index.INDEXED for row in rows.find(table, [], limit=1000) for key in index.keys(table, row)
        }
    assert stored == expected
    assert stored
    registry.close()


def test_text_that_is_escaped_in_json_is_found() -> None:
    registry, _ = registry_of([])
    message = 'said "yes" \\ ünder 100 %'
    for text in (message, "nothing"):
        request = {"ModelPackageGroupName": "a", "ModelPackageDescription": text}
        registry.call("CreateModelPackage", request, CALLER)
    for operator_, value in (("Equals", message), ("Contains", '"yes" \\ ü'), ("Contains", "\\")):
        filter_ = filters({"Name": "ModelPackageDescription", "Operator": operator_, "Value": value})
        assert find(registry, SearchExpression=filter_) == ["a/1"]
    registry.close()


def test_hits_are_counted_on_the_first_page_only() -> None:
    registry, _ = registry_of([("a", "Approved", "x", None, 1)] * 5)
    query = {
        "Resource": "ModelPackage",
        "MaxResults": 2,
        "SearchExpression": filters({"Name": "ModelPackageDescription", "Operator": "Exists"}),
    }
    first = registry.call("Search", query, CALLER)
    registry.call("CreateModelPackage", {"ModelPackageGroupName": "a", "ModelPackageDescription": "x"}, CALLER)
    second = registry.call("Search", {**query, "NextToken": first["NextToken"]}, CALLER)
    assert first["TotalHits"] == second["TotalHits"] == {"Value": 5, "Relation": "EqualTo"}
    assert registry.call("Search", query, CALLER)["TotalHits"]["Value"] == 6
    registry.close()


def test_every_operator_of_the_service_is_supported() -> None:
    assert set(OPERATORS) == set(model.enum("Operator"))
    assert set(COMBINATIONS) == set(model.enum("BooleanOperator"))
    assert set(search.DIRECTIONS) == set(model.enum("SearchSortOrder"))


@pytest.mark.parametrize("operation", ["Search", "GetSearchSuggestions"])
def test_other_resources_are_left_to_moto(empty: LocalRegistry, operation: str) -> None:
    for resource in set(model.enum("ResourceType")) - set(search.RESOURCES):
        with pytest.raises(NotHandled):
            empty.call(operation, {"Resource": resource}, CALLER)
    assert "enum value set" in error_of(empty, operation, Resource="Colour")
    with pytest.raises(ValidationException, match="'resource' failed to satisfy constraint: Member must not be null"):
        empty.call(operation, {}, CALLER)


STATUS = {"Name": "ModelApprovalStatus", "Value": "Approved"}


def filters(*filter_: dict[str, str]) -> dict[str, Any]:
    return {"Filters": list(filter_)}


def deep(levels: int) -> dict[str, Any]:
    return {"SubExpressions": [deep(levels - 1)]} if levels else filters(STATUS)


def nested(name: str, **filter_: str) -> dict[str, Any]:
    return {"NestedFilters": [{"NestedPropertyName": name, "Filters": [filter_ or STATUS]}]}


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({}, "requires 1 to 20"),
        ({"SubExpressions": [{}]}, "requires 1 to 20"),
        ({"SubExpressions": [{"Operator": "Or"}, filters(STATUS)]}, "this one has 0"),
        ({"Filters": [STATUS] * 20, "SubExpressions": [filters(STATUS)]}, "this one has 21"),
        ({"SubExpressions": [{"Filters": [STATUS] * 17}] * 3}, "this one has 54"),
        (deep(50), "this one has 51"),
        (filters({"Name": "Colour", "Value": "red"}), "Unknown property name: Colour"),
        (filters({"Name": "colour\u0000", "Value": "red"}), "Unknown property name"),
        (filters({"Name": "modelapprovalstatus", "Value": "red"}), "Unknown property name"),
        (filters({"Name": "ModelLifeCycle..Stage", "Value": "QA"}), "Unknown property name"),
        (filters({"Name": "ModelLifeCycle.", "Operator": "Exists"}), "Unknown property name"),
        (filters({"Name": "CustomerMetadataProperties.", "Operator": "Exists"}), "Unknown property name"),
        (filters({"Name": "_Validation", "Operator": "Exists"}), "Unknown property name"),
        (filters({"Name": "ModelLifeCycle", "Value": "QA"}), "Equals is not supported for ModelLifeCycle"),
        (filters({"Name": "Tags", "Operator": "Contains", "Value": "risk"}), "Contains is not supported for Tags"),
        (filters({"Name": "CertifyForMarketplace", "Operator": "LessThan", "Value": "true"}), "LessThan is not"),
        (filters({"Name": "CertifyForMarketplace", "Value": "yes"}), "'yes'"),
        (filters({"Name": "ModelPackageVersion", "Operator": "NotEquals"}), "requires a Value"),
        *[
            (filters({"Name": "ModelPackageVersion", "Operator": "LessThan", "Value": value}), "is not a number")
            for value in ("nan", "inf", "1_0", " 1", "0x1", "", "1e", "\u0661", "1e99999")
            if value
        ],
        *[
            (filters({"Name": "CreationTime", "Operator": "LessThan", "Value": value}), "is not a timestamp")
            for value in (
                "2026-13-01T00:00:00",
                "2026-01-01",
                "0000-01-01T00:00:00",
                "2026-01-01T00:00:60",
                "2026-01-01T00:00:00+01:00",
                "1767225600",
                "2026-01-01 00:00:00",
            )
        ],
        (nested("Colour"), "Unknown property name: Colour"),
        (nested("ModelLifeCycle"), "NestedPropertyName ModelLifeCycle is not a list of structures"),
        (nested("InferenceSpecification.SupportedContentTypes"), "is not a list of structures"),
        (nested("CustomerMetadataProperties"), "is not a list of structures"),
        (nested("Tags.team"), "is not a list of structures"),
        (nested("InferenceSpecification.Containers"), "Unknown property name: ModelApprovalStatus"),
        (
            nested("InferenceSpecification.Containers", Name="InferenceSpecification.Containers.Colour", Value="red"),
            "Unknown property name: InferenceSpecification.Containers.Colour",
        ),
        (
            filters(
                {"Name": "Tags.team", "Operator": "Contains", "Value": "a"},
                {"Name": "Tags.team", "Operator": "Contains", "Value": "b"},
            ),
            "'CONTAINS' operator usage limit of 1 exceeded.",
        ),
        (
            {
                **filters({"Name": "AdditionalInferenceSpecifications.Name", "Operator": "Contains", "Value": "a"}),
                **nested("AdditionalInferenceSpecifications", Name="Name", Operator="Contains", Value="b"),
            },
            "'CONTAINS' operator usage limit of 1 exceeded.",
        ),
    ],
)
def test_an_invalid_expression_is_rejected(empty: LocalRegistry, expression: Any, message: str) -> None:
    assert message in error_of(empty, SearchExpression=expression)


@pytest.mark.parametrize(
    "expression",
    [
        {"Filters": [STATUS] * 20},
        deep(49),
        filters({"Name": "ModelPackageVersion", "Operator": "LessThan", "Value": "1e9999"}),
        filters({"Name": "ModelPackageVersion", "Value": "9" * 1024}),
        filters({"Name": "CreationTime", "Operator": "LessThan", "Value": "9999-12-31T23:59:59.999Z"}),
        filters({"Name": "CreationTime", "Operator": "LessThan", "Value": "0001-01-01T00:00:00"}),
        filters({"Name": "ModelApprovalStatus", "Operator": "Exists", "Value": "ignored"}),
        filters({"Name": "Tags", "Operator": "NotExists"}),
        filters(
            {"Name": "Tags.a", "Operator": "Contains", "Value": "x"},
            {"Name": "Tags.b", "Operator": "Contains", "Value": "x"},
        ),
        nested("Tags", Name="Key", Value="team"),
        nested("AdditionalInferenceSpecifications.Containers", Name="Environment.A.B", Value="1"),
    ],
)
def test_an_expression_at_a_limit_is_accepted(empty: LocalRegistry, expression: Any) -> None:
    assert find(empty, SearchExpression=expression) == []


@settings(deadline=None, max_examples=80)
@given(
    name=st.sampled_from(sorted(model.members(model.named("ModelPackage")))) | st.text(min_size=1),
    operator=st.sampled_from(sorted(OPERATORS)),
    value=st.none() | st.text(min_size=1) | st.sampled_from(["1", "true", "2026-01-01T00:00:00"]),
)
def test_any_filter_is_answered_or_rejected(empty: LocalRegistry, name: str, operator: str, value: str | None) -> None:
    filter_ = {"Name": name, "Operator": operator, **({"Value": value} if value is not None else {})}
    try:
        assert find(empty, SearchExpression=filters(filter_), SortBy=name) == []
    except ValidationException as error:
        assert error.message  # noqa: PT017


@pytest.mark.parametrize("name", ["Tags", "ModelLifeCycle", "CustomerMetadataProperties", "InferenceSpecification"])
def test_results_are_not_sorted_by_structures(empty: LocalRegistry, name: str) -> None:
    assert f"SortBy {name} is a structure" in error_of(empty, SortBy=name)


@pytest.mark.parametrize("condition", [{}, {"Key": "Tags.a"}, {"Value": "b"}, {"Key": "team", "Value": "b"}])
def test_a_visibility_condition_names_a_tag_and_its_value(empty: LocalRegistry, condition: dict[str, str]) -> None:
    assert "Tags.<key>" in error_of(empty, VisibilityConditions=[condition])
    assert error_of(empty, VisibilityConditions=[{"Key": "Tags.", "Value": "b"}]) == "Unknown property name: Tags."


def test_a_token_stays_within_its_limit_for_any_sort_key() -> None:
    registry, _ = registry_of([])
    texts = [*("x" * 16_000 + last for last in "ba"), "y"]
    for text in texts:
        container = {"Image": "churn:3", "ModelInput": {"DataInputConfig": text}}
        request = {"ModelPackageGroupName": "a", "InferenceSpecification": {"Containers": [container]}}
        registry.call("CreateModelPackage", request, CALLER)
    name = "InferenceSpecification.Containers.ModelInput.DataInputConfig"
    query = {"Resource": "ModelPackage", "SortBy": name, "SortOrder": "Ascending", "MaxResults": 1}
    found = [result["ModelPackage"]["ModelPackageVersion"] for page in pages(registry, query) for result in page]
    assert found == [1, 2, 3]  # texts with the same first characters compare as equal
    registry.close()


def test_hits_are_counted_up_to_a_limit() -> None:
    registry, _ = registry_of([("a", "Approved", None, None, 1)] * 4)
    with patch.object(search, "MAX_HITS_COUNTED", 3):
        page = registry.call("Search", {"Resource": "ModelPackage", "MaxResults": 2}, CALLER)
        assert page["TotalHits"] == {"Value": 3, "Relation": "GreaterThanOrEqualTo"}
        page = registry.call("Search", {"Resource": "ModelPackageGroup"}, CALLER)
        assert page["TotalHits"] == {"Value": 3, "Relation": "EqualTo"}
    registry.close()


def test_accounts_and_regions_are_searched_separately() -> None:
    registry, _ = registry_of([("a", "Approved", None, None, 1)])
    for caller in (OTHER, Caller(region="eu-west-1")):
        for resource in search.RESOURCES:
            assert registry.call("Search", {"Resource": resource}, caller)["TotalHits"]["Value"] == 0
            suggested = registry.call("GetSearchSuggestions", {"Resource": resource}, caller)
            assert suggested == {"PropertyNameSuggestions": []}
    registry.close()


def test_suggestions_are_bounded_and_sorted() -> None:
    registry, _ = registry_of([])
    for number in range(2):
        tags = [{"Key": f"{number}-{key:02}", "Value": ""} for key in range(40)]
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": f"g{number}", "Tags": tags}, CALLER)
    suggested = registry.call("GetSearchSuggestions", {"Resource": "ModelPackageGroup"}, CALLER)
    names = [suggestion["PropertyName"] for suggestion in suggested["PropertyNameSuggestions"]]
    assert names == [*[f"Tags.0-{key:02}" for key in range(40)], *[f"Tags.1-{key:02}" for key in range(10)]]
    registry.close()


@pytest.mark.parametrize(
    ("hint", "names"),
    [("", ["Tags.team"]), ("T", ["Tags.team"]), ("Tags.", ["Tags.team"]), ("Tags.te", ["Tags.team"])]
    + [(hint, []) for hint in ("t", "?1", "xags.", "Tags.x", "Tags.teams", "team", "Tagged.team")],
)
def test_suggestions_begin_with_the_hint(hint: str, names: list[str]) -> None:
    registry, _ = registry_of([])
    tags = [{"Key": "team", "Value": "growth"}]
    registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": "churn", "Tags": tags}, CALLER)
    query = {"PropertyNameQuery": {"PropertyNameHint": hint}}
    for resource in ("ModelPackage", "ModelPackageGroup"):
        request = {"Resource": resource, "SuggestionQuery": query}
        suggested = registry.call("GetSearchSuggestions", request, CALLER)["PropertyNameSuggestions"]
        assert suggested == [{"PropertyName": name} for name in names]
    registry.close()


def share(rows: SQLiteRows, group: str, actions: list[str], resource: str) -> None:
    """Share a group of CALLER with OTHER."""
    arn = f"arn:aws:sagemaker:{CALLER.region}:{CALLER.account}:"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": OTHER.account},
        "Action": [f"sagemaker:{action}" for action in actions],
        "Resource": [f"{arn}model-package-group/{group}", f"{arn}model-package/{resource}"],
    }
    policy = orjson.dumps({"Version": "2012-10-17", "Statement": [statement]}).decode()
    key = dict(zip(POLICIES.key, (CALLER.region, CALLER.account, group), strict=True))
    with rows.writing() as writing:
        writing.insert(POLICIES, key | {"rev": 0, "record": {"ResourcePolicy": policy}})


def test_shared_groups_and_versions_are_found_only_across_accounts() -> None:
    rows = SQLiteRows(None)
    with LocalRegistry(rows) as registry:
        for name in ("a", "b", "c"):
            registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": name}, CALLER)
            for _ in range(3):
                registry.call("CreateModelPackage", {"ModelPackageGroupName": name}, CALLER)
        share(rows, "a", ["DescribeModelPackageGroup", "DescribeModelPackage"], "a/*")
        share(rows, "b", ["DescribeModelPackageGroup", "DescribeModelPackage"], "b/2")
        share(rows, "c", ["DescribeModelPackage"], "c/*")

        def found(caller: Caller, resource: str, option: str) -> list[str]:
            query = {"Resource": resource, "SortBy": f"{resource}Arn", "SortOrder": "Ascending", "MaxResults": 2}
            query["CrossAccountFilterOption"] = option
            return [result[resource][f"{resource}Name"] for page in pages(registry, query, caller) for result in page]

        assert found(OTHER, "ModelPackageGroup", "CrossAccount") == ["a", "b"]
        assert found(OTHER, "ModelPackage", "CrossAccount") == ["a/1", "a/2", "a/3", "b/2"]
        assert found(OTHER, "ModelPackage", "SameAccount") == []
        assert found(CALLER, "ModelPackage", "CrossAccount") == []
        assert found(CALLER, "ModelPackageGroup", "SameAccount") == ["a", "b", "c"]


UNDER_VALIDATION = {
    "ModelPackageGroupName": "a",
    "ModelPackageDescription": 'a "quoted" one',
    "SkipModelValidation": "None",
    "InferenceSpecification": {
        "Containers": [{"Image": "churn:1"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
    "ValidationSpecification": {
        "ValidationRole": "arn:aws:iam::123456789012:role/reviewer",
        "ValidationProfiles": [
            {
                "ProfileName": "csv",
                "TransformJobDefinition": {
                    "TransformInput": {
                        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://churn/in"}}
                    },
                    "TransformOutput": {"S3OutputPath": "s3://churn/out"},
                    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
                },
            }
        ],
    },
}


def texts_in(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text of a record with its filter path."""
    if isinstance(value, str):
        yield path, value
    for name, inner in value.items() if isinstance(value, dict) else ():
        yield from texts_in(inner, f"{path}.{name}" if path else name)
    for inner in value if isinstance(value, list) else ():
        yield from texts_in(inner, path)


@pytest.mark.parametrize("seconds", [0, 5, 60], ids=["NotStarted", "InProgress", "Failed"])
def test_a_version_under_validation_is_found_by_each_of_its_texts(seconds: int) -> None:
    now = 1_000_000.0
    options = BackendOptions(settings=Settings(validation=Validation(seconds=10, failing=("csv",))))
    registry = LocalRegistry(SQLiteRows(None), clock=lambda: now, options=options)
    registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": "a"}, CALLER)
    registry.call("CreateModelPackage", UNDER_VALIDATION, CALLER)
    now += seconds
    answer = registry.call("Search", {"Resource": "ModelPackage"}, CALLER)
    shown = dict(texts_in(answer["Results"][0]["ModelPackage"]))
    assert len([path for path in shown if path.startswith("ModelPackageStatusDetails.")]) == (3 if seconds == 60 else 2)
    missed = [
        (path, operator)
        for path, text in shown.items()
        if text  # the key of an output is empty by default, and a filter needs a value
        for operator in ("Equals", "In", "Contains")
        if not find(registry, SearchExpression=filters({"Name": path, "Operator": operator, "Value": text}))
    ]
    assert missed == []
    registry.close()


def test_a_search_of_every_row_uses_constant_memory() -> None:
    rows = SQLiteRows(None)
    registry = LocalRegistry(rows)

    def peak(begin: int, end: int) -> int:
        """Return the peak memory, in bytes, of a search over `end` packages."""
        with rows.writing() as transaction:
            for number in range(begin, end):
                row = {"account": CALLER.account, "region": CALLER.region, "name": f"u{number}", "version": 0}
                row |= {"type": "Unversioned", "created": number, "modified": number, "approval": "", "rev": 0}
                transaction.insert(PACKAGES, {**row, "record": {"ModelPackageName": f"u{number}"}})
        tracemalloc.start()
        try:
            assert find(registry, SortBy="ModelPackageName", SortOrder="Ascending", MaxResults=1) == ["u0"]
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few = peak(0, 1_000)
    assert peak(1_000, 10_000) < 1.5 * few
    registry.close()


COLUMNS = {"ModelPackage": ("ModelPackageVersion", "ModelPackageGroupName", "ModelApprovalStatus")}
COLUMNS["ModelPackageGroup"] = ("ModelPackageGroupName",)
"""Members that are columns: with an index match, Search sorts by them without reading records."""

NO_FILTERING: dict[str, Any] = {"VisibilityConditions": [{"Key": "Tags.nobody", "Value": "has"}]}


@settings(deadline=None, max_examples=40)
@given(
    drawn=entries_of_versions,
    alone=st.lists(st.sampled_from(["a", "aa", "c", "Z"]), max_size=4, unique=True),
    size=st.integers(1, 7),
    filter_=st.sampled_from([None, ("ModelApprovalStatus", "Equals"), ("Tags.team", "Exists")]),
)
def test_sorting_by_a_key_column_equals_sorting_records(
    drawn: Any, alone: list[str], size: int, filter_: tuple[str, str] | None
) -> None:
    registry, _ = registry_of(drawn)
    for name in alone:
        registry.call("CreateModelPackage", {"ModelPackageName": name, "Tags": [{"Key": "team", "Value": "x"}]}, CALLER)
    for resource, names in COLUMNS.items():
        for name, order in product(names, ("Ascending", "Descending")):
            query: dict[str, Any] = {"Resource": resource, "SortBy": name, "SortOrder": order, "MaxResults": size}
            if filter_ is not None and (resource == "ModelPackage" or filter_[1] == "Exists"):
                query["SearchExpression"] = filters({"Name": filter_[0], "Operator": filter_[1], "Value": "Approved"})
            assert list(pages(registry, query)) == list(pages(registry, {**query, **NO_FILTERING}))
    registry.close()


@pytest.mark.parametrize("resource", COLUMNS)
def test_sorting_by_a_key_column_reads_only_the_records_of_the_page(resource: str) -> None:
    rows = SQLiteRows(None)
    registry = LocalRegistry(rows)
    for group in ("a", "b", "c"):
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": group}, CALLER)
        for _ in range(4):
            registry.call("CreateModelPackage", {"ModelPackageGroupName": group}, CALLER)
    for name, order in product(COLUMNS[resource], ("Ascending", "Descending")):
        read: list[str] = []
        rows._writer.set_trace_callback(read.append)
        query = {"Resource": resource, "SortBy": name, "SortOrder": order, "MaxResults": 1}
        answer = registry.call("Search", query, CALLER)
        rows._writer.set_trace_callback(None)
        assert answer["TotalHits"]["Value"] == (12 if resource == "ModelPackage" else 3)
        assert not [statement for statement in read if "record" in statement and "LIMIT" in statement]
    registry.close()


@pytest.mark.parametrize("value", ["1", None, [1], 1.5])
def test_a_forged_token_for_a_search_by_keys_is_rejected(value: Any) -> None:
    registry, _ = registry_of([("a", PENDING, None, None, 1)] * 3)
    params = {"Resource": "ModelPackage", "SortBy": "ModelPackageVersion"}
    call = RequestContext("Search", CALLER, None, 0, Settings(), None, None)  # type: ignore[arg-type] - no registry
    token = token_of(query_of(call, params), (True, value, CALLER.account, CALLER.region, "a", value, 3))
    assert "NextToken is not valid" in error_of(registry, **params | {"NextToken": token})
    registry.close()

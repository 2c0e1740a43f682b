"""No name, filter, token, tag, property or account becomes part of an SQL statement."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from safety.fixtures_data import OTHER_ACCOUNT, OTHER_GROUP
from safety.hostile import Client, operation_model
from safety.hostile_texts import SQL
from safety.invariants import READS, Answer, CheckedRegistry, checked_registry, log_in, populate
from sagemaker_registry.backends.service.operations import OPERATIONS

ROOT = Path(__file__).parents[2]
ARN = "arn:aws:sagemaker:us-east-1:123456789012"


class RecordingConnection:
    """A connection that records the text of every statement."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.texts: set[str] = set()

    def execute(self, text: str, *values: Any) -> Any:
        self.texts.add(text)
        return self._connection.execute(text, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.fixture
def checked() -> Iterator[CheckedRegistry]:
    with checked_registry() as found:
        found.rows._writer = RecordingConnection(found.rows._writer)  # type: ignore[assignment]
        yield found
        recorder: Any = found.rows._writer
        assert recorder.texts, "no statement was recorded"
        assert [text for text in recorder.texts if any(injected in text for injected in (*SQL, "churn", "alice"))] == []
        assert words_in(recorder.texts) - NAMES - KEYWORDS == set(), "a statement contains a word of a request"
        assert {text.split()[0] for text in recorder.texts} <= {
            *("SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT", "ROLLBACK"),
        }


def words_in(texts: Iterable[str]) -> set[str]:
    """Return the words, numbers and literals of statements."""
    return {word for text in texts for word in re.findall(r"'[^']*'|\"[^\"]*\"|\w+", text)}


NAMES = {
    word
    for word in re.findall(r"\w+", (ROOT / "backends" / "store" / "sqlite" / "schema.sql").read_text(encoding="utf-8"))
    if word.isidentifier()
}
"""Tables and columns, and the words they are created with."""
KEYWORDS = {
    *(
        "0",
        "1",
        "AND",
        "AS",
        "ASC",
        "BEGIN",
        "BY",
        "COMMIT",
        "CONFLICT",
        "DEFERRED",
        "DELETE",
        "DESC",
        "DISTINCT",
        "DO",
        "FROM",
    ),
    *("GROUP", "IMMEDIATE", "IN", "INSERT", "INTO", "IS", "LIMIT", "NOT", "NOTHING", "NULL", "OR", "ORDER"),
    *("RETURNING", "ROLLBACK", "SELECT", "SET", "UPDATE", "VALUES", "WHERE", "count", "counted", "instr", "max", "min"),
}


def texts_of(shape: Any, path: tuple[str, ...] = (), depth: int = 0) -> Iterator[tuple[str, ...]]:
    """Yield the position of every text in a request: the names of nested members, with `[]` for list items."""
    match shape.type_name:
        case "structure" if depth < 4:
            for name, member in shape.members.items():
                yield from texts_of(member, (*path, name), depth + 1)
        case "list" if depth < 4:
            yield from texts_of(shape.member, (*path, "[]"), depth + 1)
        case "string":
            yield path


def request_with(path: tuple[str, ...], text: str, required: dict[str, Any]) -> dict[str, Any]:
    """Return a request with a text at a position, and the members required next to it."""
    value: Any = text
    for at, name in reversed(list(enumerate(path))):
        value = [value] if name == "[]" else {**SIBLINGS.get(path[:at][-2:-1], {}), name: value}
    return {**required, **value}


SIBLINGS: dict[tuple[str, ...], dict[str, str]] = {
    ("Filters",): {"Name": "ModelPackageName", "Operator": "Contains", "Value": "churn"},
    ("VisibilityConditions",): {"Key": "ModelPackageName", "Value": "churn"},
}
"""Members that list items need in addition to the hostile one, so that they are not rejected without it."""
REQUIRED: dict[str, dict[str, Any]] = {
    "ListModelPackages": {"ModelPackageGroupName": "churn"},
    "Search": {"Resource": "ModelPackage"},
    "GetSearchSuggestions": {"Resource": "ModelPackage"},
    "AddTags": {"ResourceArn": f"{ARN}:model-package-group/churn", "Tags": [{"Key": "a", "Value": "b"}]},
    "DeleteTags": {"ResourceArn": f"{ARN}:model-package-group/churn", "TagKeys": ["absent"]},
}


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_sql_in_any_text_of_an_operation_is_not_executed(checked: CheckedRegistry, operation: str) -> None:
    paths = list(texts_of(operation_model(operation).input_shape))
    every = len(SQL) if operation.startswith(READS) else 2  # operations that write have hundreds of positions
    for number, path in enumerate(path for path in paths for _ in range(every)):
        text = SQL[number % len(SQL)]
        params = request_with(path, text, REQUIRED.get(operation, {}))
        answer = checked.call(operation, json.dumps(params).encode())
        if operation.startswith(READS) and answer.status == 200:
            found = [value for value in answer.json.values() if isinstance(value, list)]
            assert found == [[]], (path, text)
    checked.record_state()
    assert checked.call("DescribeModelPackageGroup", b'{"ModelPackageGroupName": "churn"}').status == 200


@pytest.mark.parametrize("injected", SQL)
def test_sql_in_a_filter_finds_nothing(checked: CheckedRegistry, injected: str) -> None:
    """A search for the text finds nothing; if it became SQL, the search would find everything."""
    for operator in ("Equals", "Contains", "In"):
        for name in ("ModelPackageName", "Tags.team", f"CustomerMetadataProperties.{injected}", injected):
            sought = {"Filters": [{"Name": name, "Operator": operator, "Value": injected}]}
            params = {"Resource": "ModelPackage", "SearchExpression": sought}
            answer = checked.call("Search", json.dumps(params).encode())
            assert answer.status == 400 or answer.json["Results"] == [], (name, operator)
    for sort in ("SortBy", "SortOrder", "NextToken"):
        for operation in ("ListModelPackages", "ListModelPackageGroups", "Search"):
            params = {**REQUIRED.get(operation, {}), sort: injected}
            assert checked.call(operation, json.dumps(params).encode()).status == 400


@pytest.mark.parametrize("injected", SQL)
def test_sql_in_the_scope_of_a_signature_is_not_executed(checked: CheckedRegistry, injected: str) -> None:
    """An access key without an account number belongs to the default account; an invalid region is rejected."""
    for account, region in ((injected, "us-east-1"), ("123456789012", injected), (injected, injected)):
        answer = checked.call("ListModelPackageGroups", b"{}", account=account, region=region)
        assert answer.status == 400 or names_in(answer) == ["churn", "empty", "fraud"]
        described = checked.call(
            "DescribeModelPackageGroup",
            json.dumps({"ModelPackageGroupName": OTHER_GROUP}).encode(),
            account=account,
            region=region,
            HTTP_X_MOTO_ACCOUNT_ID=OTHER_ACCOUNT,
        )
        assert described.status == 400
    created = checked.call("CreateModelPackageGroup", b'{"ModelPackageGroupName": "mine"}', account=injected)
    assert created.status == 200
    assert names_in(checked.call("ListModelPackageGroups", b"{}", account=OTHER_ACCOUNT)) == [OTHER_GROUP]


def names_in(answer: Answer) -> list[str]:
    return sorted(one["ModelPackageGroupName"] for one in answer.json["ModelPackageGroupSummaryList"])


@pytest.mark.parametrize("injected", SQL)
def test_sql_in_an_extension_or_a_page_is_not_executed(checked: CheckedRegistry, injected: str) -> None:
    log_in(checked)
    text = quote(injected, safe="")
    for name in ("history", "versions", "events", "events/deliveries", "export", "history/verify"):
        for asked in ("group", "actor", "operation", "order", "next_token", "approval", "sink", "since", "groups"):
            checked.assign_positions()
            answer = checked.extension("GET", f"/_registry/{name}?{asked}={text}")
            if answer.status == 200:
                assert not [value for value in answer.json.values() if isinstance(value, list) and value], (name, asked)
    for path in ("", "groups", "history", "compare", f"groups/{text}", f"groups/churn/{text}"):
        query = urlencode(
            [(name, injected) for name in ("q", "sort", "group", "actor", "page", "v", "status", "metric")]
        )
        assert checked.page("GET", f"/console/{path}?{query}").status < 500


@pytest.mark.sized(ci=300, nightly=20_000, release=100_000)
def test_no_request_of_any_kind_becomes_part_of_a_statement(
    checked: CheckedRegistry, rounds: Iterator[int], rng: Random, figures: dict[str, Any]
) -> None:
    client = Client(rng)
    for number in rounds:
        if number % 500 == 0:
            populate(checked)
        checked.call(*client.request())
    recorder: Any = checked.rows._writer
    figures |= {
        "requests": number + 1,
        "statements": len(recorder.texts),
        "words in them": len(words_in(recorder.texts)),
    }


def test_statements_are_built_in_few_places() -> None:
    """Ruff's rule S608 is enabled: statements are built in few places, from constant names only."""
    made = {
        path.relative_to(ROOT).as_posix(): len(re.findall(r"noqa: S608", path.read_text(encoding="utf-8")))
        for folder in ("backends", "client", "emulator")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {path for path, count in made.items() if count} == {
        "backends/store/sql.py",
        "client/archive/sqlite.py",  # tables of the export, which are constants
    }

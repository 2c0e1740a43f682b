"""Text stays text: no name, filter, token, tag, property or account becomes SQL, whatever is in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from safety.fixtures_data import STRANGER, STRANGERS
from safety.hostile import Client, operation_model
from safety.hostile_texts import SQL
from safety.invariants import READS, Answer, Witness, furnish, log_in, watched
from sagemaker_registry.backends.service.operations import OPERATIONS

ROOT = Path(__file__).parents[2]
ARN = "arn:aws:sagemaker:us-east-1:123456789012"


class Heard:
    """A connection that notes the text of every statement."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.texts: set[str] = set()

    def execute(self, text: str, *values: Any) -> Any:
        self.texts.add(text)
        return self._connection.execute(text, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.fixture
def witness() -> Iterator[Witness]:
    with watched() as found:
        found.rows._writer = Heard(found.rows._writer)  # type: ignore[assignment]
        yield found
        heard: Any = found.rows._writer
        assert heard.texts, "no statement came by where they are listened to"
        assert [text for text in heard.texts if any(injected in text for injected in (*SQL, "churn", "alice"))] == []
        assert words_in(heard.texts) - NAMES - KEYWORDS == set(), "a statement has a word that is not ours"
        assert {text.split()[0] for text in heard.texts} <= {
            *("SELECT", "INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT", "ROLLBACK"),
        }


def words_in(texts: Iterable[str]) -> set[str]:
    """Return the words, numbers and literals that statements are made of."""
    return {word for text in texts for word in re.findall(r"'[^']*'|\"[^\"]*\"|\w+", text)}


NAMES = {
    word
    for word in re.findall(r"\w+", (ROOT / "backends" / "store" / "sqlite" / "schema.sql").read_text(encoding="utf-8"))
    if word.isidentifier()
}
"""Tables and columns, and the words they are made with."""
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
    """Yield where a request has text: the names of members on the way, `[]` for a list's."""
    match shape.type_name:
        case "structure" if depth < 4:
            for name, member in shape.members.items():
                yield from texts_of(member, (*path, name), depth + 1)
        case "list" if depth < 4:
            yield from texts_of(shape.member, (*path, "[]"), depth + 1)
        case "string":
            yield path


def request_with(path: tuple[str, ...], text: str, required: dict[str, Any]) -> dict[str, Any]:
    """Return a request with a text at a place; what has to stand beside it there does."""
    value: Any = text
    for at, name in reversed(list(enumerate(path))):
        value = [value] if name == "[]" else {**BESIDE.get(path[:at][-2:-1], {}), name: value}
    return {**required, **value}


BESIDE: dict[tuple[str, ...], dict[str, str]] = {
    ("Filters",): {"Name": "ModelPackageName", "Operator": "Contains", "Value": "churn"},
    ("VisibilityConditions",): {"Key": "ModelPackageName", "Value": "churn"},
}
"""What a list's elements need beside the member that is hostile, so that they are not refused for what they lack."""
REQUIRED: dict[str, dict[str, Any]] = {
    "ListModelPackages": {"ModelPackageGroupName": "churn"},
    "Search": {"Resource": "ModelPackage"},
    "GetSearchSuggestions": {"Resource": "ModelPackage"},
    "AddTags": {"ResourceArn": f"{ARN}:model-package-group/churn", "Tags": [{"Key": "a", "Value": "b"}]},
    "DeleteTags": {"ResourceArn": f"{ARN}:model-package-group/churn", "TagKeys": ["absent"]},
}


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_sql_in_any_text_of_an_operation_is_text(witness: Witness, operation: str) -> None:
    paths = list(texts_of(operation_model(operation).input_shape))
    every = len(SQL) if operation.startswith(READS) else 2  # of operations that write, which have hundreds of places
    for number, path in enumerate(path for path in paths for _ in range(every)):
        text = SQL[number % len(SQL)]
        params = request_with(path, text, REQUIRED.get(operation, {}))
        answer = witness.call(operation, json.dumps(params).encode())
        if operation.startswith(READS) and answer.status == 200:
            found = [value for value in answer.json.values() if isinstance(value, list)]
            assert found == [[]], (path, text)
    witness.see()
    assert witness.call("DescribeModelPackageGroup", b'{"ModelPackageGroupName": "churn"}').status == 200


@pytest.mark.parametrize("injected", SQL)
def test_sql_in_a_filter_finds_nothing(witness: Witness, injected: str) -> None:
    """A search for it is a search for that text: nothing has it, and everything would be found if it were SQL."""
    for operator in ("Equals", "Contains", "In"):
        for name in ("ModelPackageName", "Tags.team", f"CustomerMetadataProperties.{injected}", injected):
            sought = {"Filters": [{"Name": name, "Operator": operator, "Value": injected}]}
            params = {"Resource": "ModelPackage", "SearchExpression": sought}
            answer = witness.call("Search", json.dumps(params).encode())
            assert answer.status == 400 or answer.json["Results"] == [], (name, operator)
    for sort in ("SortBy", "SortOrder", "NextToken"):
        for operation in ("ListModelPackages", "ListModelPackageGroups", "Search"):
            params = {**REQUIRED.get(operation, {}), sort: injected}
            assert witness.call(operation, json.dumps(params).encode()).status == 400


@pytest.mark.parametrize("injected", SQL)
def test_sql_in_the_signature_s_scope_is_nobody_s_account(witness: Witness, injected: str) -> None:
    """Who has no account's number for a key is in the default account, as ever; a region that is none is refused."""
    for account, region in ((injected, "us-east-1"), ("123456789012", injected), (injected, injected)):
        answer = witness.call("ListModelPackageGroups", b"{}", account=account, region=region)
        assert answer.status == 400 or names_in(answer) == ["churn", "empty", "fraud"]
        described = witness.call(
            "DescribeModelPackageGroup",
            json.dumps({"ModelPackageGroupName": STRANGERS}).encode(),
            account=account,
            region=region,
            HTTP_X_MOTO_ACCOUNT_ID=STRANGER,
        )
        assert described.status == 400
    created = witness.call("CreateModelPackageGroup", b'{"ModelPackageGroupName": "mine"}', account=injected)
    assert created.status == 200
    assert names_in(witness.call("ListModelPackageGroups", b"{}", account=STRANGER)) == [STRANGERS]


def names_in(answer: Answer) -> list[str]:
    return sorted(one["ModelPackageGroupName"] for one in answer.json["ModelPackageGroupSummaryList"])


@pytest.mark.parametrize("injected", SQL)
def test_sql_in_a_control_or_a_page_is_text(witness: Witness, injected: str) -> None:
    log_in(witness)
    text = quote(injected, safe="")
    for name in ("history", "versions", "events", "events/deliveries", "export", "history/verify"):
        for asked in ("group", "actor", "operation", "order", "next_token", "approval", "sink", "since", "groups"):
            witness.assign_positions()
            answer = witness.extension("GET", f"/_registry/{name}?{asked}={text}")
            if answer.status == 200:
                assert not [value for value in answer.json.values() if isinstance(value, list) and value], (name, asked)
    for path in ("", "groups", "history", "compare", f"groups/{text}", f"groups/churn/{text}"):
        query = urlencode(
            [(name, injected) for name in ("q", "sort", "group", "actor", "page", "v", "status", "metric")]
        )
        assert witness.page("GET", f"/console/{path}?{query}").status < 500


@pytest.mark.sized(ci=300, nightly=20_000, release=100_000)
def test_no_request_of_any_kind_becomes_part_of_a_statement(
    witness: Witness, rounds: Iterator[int], rng: Random, figures: dict[str, Any]
) -> None:
    client = Client(rng)
    for number in rounds:
        if number % 500 == 0:
            furnish(witness)
        witness.call(*client.request())
    heard: Any = witness.rows._writer
    figures |= {"requests": number + 1, "statements": len(heard.texts), "words in them": len(words_in(heard.texts))}


def test_statements_are_made_where_they_can_be_read() -> None:
    """Ruff's S608 is on: the places where a statement is put together are few, and of names that are ours."""
    made = {
        path.relative_to(ROOT).as_posix(): len(re.findall(r"noqa: S608", path.read_text(encoding="utf-8")))
        for folder in ("backends", "client", "emulator")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert {path for path, count in made.items() if count} == {
        "backends/store/sql.py",
        "client/archive/sqlite.py",  # of its own tables, which are constants
    }

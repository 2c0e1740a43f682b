"""Search terms such as `Name>=0.9` and `!Name`, translated to filters of SageMaker's Search."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, Self

from ...backends.views import METADATA, parse_number
from .requests import PAGE, given

OPERATORS = {
    "!=": "NotEquals",
    ">=": "GreaterThanOrEqualTo",
    "<=": "LessThanOrEqualTo",
    "=": "Equals",
    ">": "GreaterThan",
    "<": "LessThan",
    "~": "Contains",
}
COMPARISONS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
"""Numeric comparisons of metadata, which the client evaluates because Search treats metadata as text."""

WRITTEN = re.compile(
    rf"(?P<name>[^=!<>~\s][^=!<>~]*)(?P<operator>{'|'.join(map(re.escape, OPERATORS))})(?P<value>.+)", re.DOTALL
)
ALONE = re.compile(r"(?P<absent>!?)(?P<name>[^=!<>~\s][^=!<>~]*)")


@dataclass(frozen=True, slots=True)
class Terms:
    """Filters for Search, and metadata comparisons (key, operator, number) that the client evaluates."""

    filters: list[dict[str, str]]
    numbers: list[tuple[str, str, Decimal]]

    @classmethod
    def parse(cls, terms: Iterable[str]) -> Self:
        """Parse terms; raise ValueError with the syntax for an invalid term."""
        filters: list[dict[str, str]] = []
        numbers: list[tuple[str, str, Decimal]] = []
        for term in terms:
            if found := WRITTEN.fullmatch(term):
                name, sign, value = found.group("name", "operator", "value")
                if name.startswith(f"{METADATA}.") and sign in COMPARISONS:
                    filters.append({"Name": name, "Operator": "Exists"})
                    number = parse_number(value)
                    if number is None:
                        raise ValueError(f"{term!r} compares metadata with {value!r}, which is not a number")
                    numbers.append((name.removeprefix(f"{METADATA}."), sign, number))
                else:
                    filters.append({"Name": name, "Operator": OPERATORS[sign], "Value": value})
            elif found := ALONE.fullmatch(term):
                filters.append({"Name": found["name"], "Operator": "NotExists" if found["absent"] else "Exists"})
            else:
                raise ValueError(
                    f"invalid search term {term!r}: expected Name=value (or != >= <= > <, or ~ for contains), "
                    "Name if the property must exist, or !Name if it must not"
                )
        return cls(filters, numbers)

    def match(self, record: Mapping[str, Any]) -> bool:
        """Return whether the metadata of a record meets the numeric comparisons; other text never does."""
        metadata: Mapping[str, str] = record.get(METADATA, {})
        return all(_compares(metadata.get(key, ""), sign, number) for key, sign, number in self.numbers)


def search(
    client: Any,
    resource: Literal["ModelPackage", "ModelPackageGroup"],
    terms: Terms,
    sort: str | None,
    *,
    ascending: bool,
) -> Iterator[dict[str, Any]]:
    query = given(
        SearchExpression=terms.filters and {"Filters": terms.filters},
        SortBy=sort,
        SortOrder="Ascending" if ascending else "Descending",
    )
    for page in client.get_paginator("search").paginate(
        Resource=resource, PaginationConfig={"PageSize": PAGE}, **query
    ):
        yield from (found[resource] for found in page["Results"])


def _compares(text: str, sign: str, number: Decimal) -> bool:
    value = parse_number(text)
    return value is not None and COMPARISONS[sign](value, number)

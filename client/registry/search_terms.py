"""Searches by terms, `Name>=0.9` or `!Name`, as the filters of SageMaker's Search."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, Self

from ...backends.views import METADATA
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
"""What Search does with numbers only: for metadata, which are text to it, it is done here."""

WRITTEN = re.compile(
    rf"(?P<name>[^=!<>~\s][^=!<>~]*)(?P<operator>{'|'.join(map(re.escape, OPERATORS))})(?P<value>.+)", re.DOTALL
)
ALONE = re.compile(r"(?P<absent>!?)(?P<name>[^=!<>~\s][^=!<>~]*)")


@dataclass(frozen=True, slots=True)
class Terms:
    """The filters of a Search, and the metadata keys, operators and numbers that are compared here instead."""

    filters: list[dict[str, str]]
    numbers: list[tuple[str, str, Decimal]]

    @classmethod
    def parse(cls, terms: Iterable[str]) -> Self:
        """Parse terms; raise ValueError, which shows their syntax, for an invalid one."""
        filters: list[dict[str, str]] = []
        numbers: list[tuple[str, str, Decimal]] = []
        for term in terms:
            if found := WRITTEN.fullmatch(term):
                name, sign, value = found.group("name", "operator", "value")
                if name.startswith(f"{METADATA}.") and sign in COMPARISONS:
                    filters.append({"Name": name, "Operator": "Exists"})
                    number = _finite(value)
                    if number is None:
                        raise ValueError(f"{term!r} compares metadata with {value!r}, which is no number")
                    numbers.append((name.removeprefix(f"{METADATA}."), sign, number))
                else:
                    filters.append({"Name": name, "Operator": OPERATORS[sign], "Value": value})
            elif found := ALONE.fullmatch(term):
                filters.append({"Name": found["name"], "Operator": "NotExists" if found["absent"] else "Exists"})
            else:
                raise ValueError(
                    f"{term!r} is no term to search by: write Name=value, or with != >= <= > < or ~ (contains), "
                    "Name alone if it is to be there, !Name if it is not"
                )
        return cls(filters, numbers)

    def hold(self, record: Mapping[str, Any]) -> bool:
        """Whether a version that Search has found has the numbers in its metadata, too; text that is none has not."""
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
    value = _finite(text)
    return value is not None and COMPARISONS[sign](value, number)


def _finite(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None

"""Answers of two registries made comparable, and in what they differ then: what `verify` looks with.

Taken out is what differs between any two registries: accounts, regions, identities, moments, digests of images, tokens,
and the random beginning of every name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

PLACEHOLDERS = {
    "CreatedBy": "<identity>",
    "LastModifiedBy": "<identity>",
    "ImageDigest": "<digest>",
    "NextToken": "<token>",
}
WITHOUT_ORDER = {"Tags": "Key"}
"""Lists whose order means nothing, and what their entries are sorted by."""
JSON_TEXTS = frozenset({"ModelCardContent", "ResourcePolicy"})
"""Members that are JSON: how it is laid out means nothing."""
LABELS = ("ModelPackageArn", "ModelPackageGroupArn", "Name", "Key")
"""Members that say which entry of a list is which."""

BEFORE_ITS_CREATION = "<time before its creation>"


@dataclass(frozen=True, slots=True)
class Difference:
    """A value in which two answers differ, None where it is absent; of an order, what the entries are in order."""

    path: str
    left: Any
    right: Any


@dataclass(frozen=True, slots=True)
class Place:
    """The values specific to one registry: its prefix of names, the region, and an ARN once one is known."""

    prefix: str
    region: str
    arn: str = ""

    def comparable(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        compared: dict[str, Any] = self._seen({name: answer[name] for name in answer if name != "ResponseMetadata"})
        return compared

    def refusal(self, code: str, sentence: str, status: int) -> dict[str, Any]:
        """Return a refusal without what is this registry's own; a sentence may name the account or region alone."""
        words = re.sub(rf"\b{re.escape(self.region)}\b", "<region>", self._text(sentence))
        if self._account:
            words = words.replace(self._account, "<account>")
        return {"Error": {"Code": code, "Message": words, "HTTPStatusCode": status}}

    def _seen(self, value: Any, name: str = "") -> Any:
        if name in PLACEHOLDERS and value:
            return PLACEHOLDERS[name]
        if isinstance(value, Mapping):
            return self._record(value)
        if isinstance(value, list):
            seen = [self._seen(entry) for entry in value]
            return sorted(seen, key=lambda entry: str(entry[WITHOUT_ORDER[name]])) if name in WITHOUT_ORDER else seen
        if isinstance(value, datetime):
            return "<time>"
        if isinstance(value, str):
            return self._seen(_parsed(value)) if name in JSON_TEXTS else self._text(value)
        return value

    def _record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        seen = {self._text(name): self._seen(value, name) for name, value in record.items()}
        if "CreationTime" in record and record.get("LastModifiedTime", record["CreationTime"]) < record["CreationTime"]:
            seen["LastModifiedTime"] = BEFORE_ITS_CREATION
        return seen

    def _text(self, text: str) -> str:
        if self._account:
            text = re.sub(
                rf"arn:{self.arn.split(':')[1]}:(\w+):({re.escape(self.region)}|):{self._account}:",
                lambda found: f"arn:<partition>:{found[1]}:{found[2] and '<region>'}:<account>:",
                text,
            )
        return text.replace(self.prefix, "<prefix>")

    @property
    def _account(self) -> str:
        return self.arn.split(":")[4] if self.arn else ""


def _parsed(text: str) -> Any:
    """Return a text parsed as JSON, or itself, in a list so that it is not parsed again."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [text]


def differences(left: Any, right: Any, path: str = "") -> Iterator[Difference]:
    """Yield every value in which two comparable answers differ; a refusal and an answer differ as a whole."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        if ("Error" in left) is not ("Error" in right):
            yield Difference(path or "(answer)", _summary(left), _summary(right))
            return
        for name in {**left, **right}:
            yield from differences(left.get(name), right.get(name), f"{path}.{name}" if path else name)
    elif isinstance(left, list) and isinstance(right, list):
        yield from _of_lists(left, right, path)
    elif left != right:
        yield Difference(path, left, right)


def _of_lists(left: Sequence[Any], right: Sequence[Any], path: str) -> Iterator[Difference]:
    """Compare entries by label where all have one of their own, else by position."""
    labels = [_label(entry) for entry in left], [_label(entry) for entry in right]
    if any(None in names or len(set(names)) < len(names) for names in labels):
        for index, (one, other) in enumerate(zip_longest(left, right)):
            yield from differences(one, other, f"{path}[{index}]")
        return
    if labels[0] != labels[1]:
        order = sorted(map(str, labels[0])) == sorted(map(str, labels[1]))
        yield Difference(f"order of {path}" if order else f"entries of {path}", *labels)
    of_right = dict(zip(labels[1], right, strict=True))
    for name, entry in zip(labels[0], left, strict=True):
        if name in of_right:
            yield from differences(entry, of_right[name], f"{path}[{name}]")


def _label(entry: Any) -> str | None:
    """Return the end of an entry's ARN, its name or its key; for results of Search, that of the record inside."""
    if not isinstance(entry, Mapping):
        return None
    if len(entry) == 1 and isinstance(inner := next(iter(entry.values())), Mapping):
        return _label(inner)
    name = next((str(entry[label]) for label in LABELS if label in entry), None)
    return name and name.rpartition(":")[2].removeprefix("model-package/").removeprefix("model-package-group/")


def _summary(answer: Mapping[str, Any]) -> str:
    error = answer.get("Error")
    return f"{error['Code']}: {error['Message']}" if error else "answers"

"""Replace values that always differ between two registries, such as accounts and times, and compare responses."""

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
"""Lists whose order has no meaning, and the member to sort their entries by."""
JSON_TEXTS = frozenset({"ModelCardContent", "ResourcePolicy"})
"""Members that contain JSON, whose layout has no meaning."""
LABELS = ("ModelPackageArn", "ModelPackageGroupArn", "Name", "Key")
"""Members that identify an entry of a list."""

BEFORE_ITS_CREATION = "<time before its creation>"


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that differs between two responses (None if absent), or the labels of a list whose order differs."""

    path: str
    left: Any
    right: Any


@dataclass(frozen=True, slots=True)
class Place:
    """The values specific to one registry: the prefix of its names, its region, and an ARN as soon as one is known."""

    prefix: str
    region: str
    arn: str = ""

    def comparable(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        compared: dict[str, Any] = self._seen({name: answer[name] for name in answer if name != "ResponseMetadata"})
        return compared

    def refusal(self, code: str, sentence: str, status: int) -> dict[str, Any]:
        """Return an error without values specific to this registry, such as its account and region."""
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
    """Return the parsed JSON, or the text if it is not JSON, in a list so that it is not parsed again."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [text]


def differences(left: Any, right: Any, path: str = "") -> Iterator[Difference]:
    """Yield the values that differ between two comparable responses; an error and a response differ as a whole."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        if ("Error" in left) is not ("Error" in right):
            yield Difference(path or "(response)", _summary(left), _summary(right))
            return
        for name in {**left, **right}:
            yield from differences(left.get(name), right.get(name), f"{path}.{name}" if path else name)
    elif isinstance(left, list) and isinstance(right, list):
        yield from _of_lists(left, right, path)
    elif left != right:
        yield Difference(path, left, right)


def _of_lists(left: Sequence[Any], right: Sequence[Any], path: str) -> Iterator[Difference]:
    """Compare entries by label if all have a unique one, otherwise by position."""
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
    """Return the end of an entry's ARN, its name, or its key; for Search results, that of the inner record."""
    if not isinstance(entry, Mapping):
        return None
    if len(entry) == 1 and isinstance(inner := next(iter(entry.values())), Mapping):
        return _label(inner)
    name = next((str(entry[label]) for label in LABELS if label in entry), None)
    return name and name.rpartition(":")[2].removeprefix("model-package/").removeprefix("model-package-group/")


def _summary(answer: Mapping[str, Any]) -> str:
    error = answer.get("Error")
    return f"{error['Code']}: {error['Message']}" if error else "success"

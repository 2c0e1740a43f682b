"""Replace the images, ARNs, buckets, and accounts in a version by those of another registry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

NAMES = "NAMES"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of name: its form, and patterns of its places in a text (NAMES stands for the mapped names)."""

    form: str
    in_words: str
    places: tuple[str, ...]
    shape: str | None = None
    """Only values with this shape in the service model are searched; None means all texts."""


_NOT_LONGER = r"(?![\w.-]*\w)"
_S3_HOST = r"s3(?:[.-][a-z0-9]+)*\.amazonaws\.com(?:\.cn)?"

KINDS: dict[str, Kind] = {
    # In the order they are applied, from the specific to the general: each kind changes the result of the previous one.
    # Within a kind, all names are replaced at once, so that two can be swapped, and the longest match wins.
    "image": Kind(r'[^\s"\\]+', "the prefix of an image", (rf"(?P<before>\A){NAMES}",), "ContainerImage"),
    "arn": Kind(r'arn:[^\s"\\]+', "the prefix of an ARN", (rf"(?P<before>(?<![\w-])){NAMES}",)),
    "bucket": Kind(
        r"[a-zA-Z0-9][\w.-]{1,253}[a-zA-Z0-9]",
        "a bucket name",
        (
            rf"(?P<before>(?<!\w)s3://){NAMES}{_NOT_LONGER}",
            rf"(?P<before>https?://{_S3_HOST}/){NAMES}{_NOT_LONGER}",
            rf"(?P<before>https?://){NAMES}(?=\.{_S3_HOST}{_NOT_LONGER})",
        ),
    ),
    "account": Kind(
        r"[0-9]{12}",
        "an account ID of 12 digits",
        (
            rf"(?P<before>(?<![\w-])arn:[\w-]*:[\w-]*:[\w-]*:){NAMES}(?=:)",
            rf"(?P<before>(?<![\w.-])){NAMES}(?=\.dkr[.-]ecr)",
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Mappings:
    """Names to replace by those of the other registry, for each kind of name.

    Names are replaced in all texts of a structure, at any depth: prefixes of ARNs and images, accounts in ARNs and ECR
    hosts, and buckets in s3:// and https:// URLs of S3. Keys of maps are not changed.

    >>> Mappings.from_names(account={"111111111111": "222222222222"}).of_text("arn:aws:iam::111111111111:role/churn")
    'arn:aws:iam::222222222222:role/churn'
    """

    names: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    @classmethod
    def from_names(cls, **names: Mapping[str, str]) -> Self:
        """Return mappings of the kinds `image`, `arn`, `bucket`, and `account`.

        Raises:
            ValueError: a name does not have the form of its kind.
        """
        for kind, mapped in names.items():
            for name in (*mapped, *mapped.values()):
                if not re.fullmatch(KINDS[kind].form, name):
                    raise ValueError(f"--map-{kind}: {name!r} is not {KINDS[kind].in_words}; expected FROM=TO")
        return cls(tuple((kind, tuple(names[kind].items())) for kind in KINDS if names.get(kind)))

    def __call__(self, value: Any, shape: Any = None) -> Any:
        """Return a value, whose shape in the service model is `shape`, with all names replaced."""
        if isinstance(value, str):
            return self.of_text(value, getattr(shape, "name", None))
        if isinstance(value, Mapping):
            return {name: self(inner, _member(shape, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [self(inner, getattr(shape, "member", None)) for inner in value]
        return value

    def of_text(self, text: str, shape: str | None = None) -> str:
        for kind, pairs in self.names:
            if KINDS[kind].shape in (None, shape):
                text = _rewritten(text, KINDS[kind].places, dict(pairs))
        return text


def pairs(kind: str, texts: Iterable[str]) -> dict[str, str]:
    """Parse the values of an option, each FROM=TO.

    Raises:
        ValueError: a value does not have this form, or maps a name to a second one.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, other = text.partition("=")
        if not (name and equals and other):
            raise ValueError(f"--map-{kind}: invalid value {text!r}; expected FROM=TO")
        if found.setdefault(name, other) != other:
            raise ValueError(f"--map-{kind}: {name} is mapped twice, to {found[name]} and to {other}")
    return found


def _rewritten(text: str, places: Iterable[str], names: Mapping[str, str]) -> str:
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    for place in places:
        found = place.replace(NAMES, f"(?P<name>{longest_first})")
        text = re.sub(found, lambda match: match["before"] + names[match["name"]], text)
    return text


def _member(shape: Any, name: str) -> Any:
    """Return the shape of a member of a structure or of a value of a map; None if the model does not define it."""
    if hasattr(shape, "members"):
        return shape.members.get(name)
    return getattr(shape, "value", None)

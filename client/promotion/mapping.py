"""How what a version names in one registry is named in another: its images, ARNs, buckets and accounts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

NAMES = "NAMES"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of name: its form, and where in a text it is looked for (NAMES stands for the names that are mapped)."""

    form: str
    in_words: str
    places: tuple[str, ...]
    shape: str | None = None
    """Only values the service model gives this shape are read; None: every text, whatever it is in."""


_NOT_LONGER = r"(?![\w.-]*\w)"
_S3_HOST = r"s3(?:[.-][a-z0-9]+)*\.amazonaws\.com(?:\.cn)?"

KINDS: dict[str, Kind] = {
    # In the order they are applied: each reads what those above have made, so the particular comes before the general.
    # Within a kind all names are mapped at once (two may be swapped), and the longest that fits wins.
    "image": Kind(r'[^\s"\\]+', "the beginning of an image", (rf"(?P<before>\A){NAMES}",), "ContainerImage"),
    "arn": Kind(r'arn:[^\s"\\]+', "the beginning of an ARN", (rf"(?P<before>(?<![\w-])){NAMES}",)),
    "bucket": Kind(
        r"[a-zA-Z0-9][\w.-]{1,253}[a-zA-Z0-9]",
        "a bucket",
        (
            rf"(?P<before>(?<!\w)s3://){NAMES}{_NOT_LONGER}",
            rf"(?P<before>https?://{_S3_HOST}/){NAMES}{_NOT_LONGER}",
            rf"(?P<before>https?://){NAMES}(?=\.{_S3_HOST}{_NOT_LONGER})",
        ),
    ),
    "account": Kind(
        r"[0-9]{12}",
        "an account of 12 digits",
        (
            rf"(?P<before>(?<![\w-])arn:[\w-]*:[\w-]*:[\w-]*:){NAMES}(?=:)",
            rf"(?P<before>(?<![\w.-])){NAMES}(?=\.dkr[.-]ecr)",
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Mappings:
    """What is called otherwise in the other registry: for each kind, the names there by the names here.

    Every text in a structure is rewritten, at any depth: ARNs and images by how they begin, an account within ARNs and
    hosts of ECR, a bucket within s3:// and https:// addresses of S3. Keys of maps stay as they are.

    >>> Mappings.from_names(account={"111111111111": "222222222222"}).of_text("arn:aws:iam::111111111111:role/churn")
    'arn:aws:iam::222222222222:role/churn'
    """

    names: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    @classmethod
    def from_names(cls, **names: Mapping[str, str]) -> Self:
        """Return mappings of the kinds `image`, `arn`, `bucket` and `account`.

        Raises:
            ValueError: a name that is not of its kind.
        """
        for kind, mapped in names.items():
            for name in (*mapped, *mapped.values()):
                if not re.fullmatch(KINDS[kind].form, name):
                    raise ValueError(f"{name!r} is not {KINDS[kind].in_words}: give --map-{kind} as FROM=TO")
        return cls(tuple((kind, tuple(names[kind].items())) for kind in KINDS if names.get(kind)))

    def __call__(self, value: Any, shape: Any = None) -> Any:
        """Return a value, of that shape of the service model, as it is called in the other registry."""
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
    """Return the names of a kind as somebody typed them, each FROM=TO.

    Raises:
        ValueError: one is not of that form, or has two meanings.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, other = text.partition("=")
        if not (name and equals and other):
            raise ValueError(f"--map-{kind} {text}: give it as FROM=TO")
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
    """Return the shape of a member of a structure, or of a value of a map; None if the model does not know it."""
    if hasattr(shape, "members"):
        return shape.members.get(name)
    return getattr(shape, "value", None)

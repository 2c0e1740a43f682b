"""What hostile and clumsy clients send: requests made by shape, of texts that break things elsewhere.

Everything is drawn from one `random.Random`, so a run can be repeated; botocore's model says what a request is, and its
patterns which of the texts are valid where.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any, Final

from botocore.model import OperationModel
from botocore.session import Session

from safety.hostile_texts import FLOATS, NUMBERS, ODD, PATHS, PLAUSIBLE, SQL, WRONG, XSS
from sagemaker_registry.backends.service import constraints
from sagemaker_registry.backends.service.operations import OPERATIONS

Value = Any


@cache
def operation_model(operation: str) -> OperationModel:
    """Return an operation as botocore itself has it, whatever we make of it."""
    return _service().operation_model(operation)


@cache
def _service() -> Any:
    return Session().get_service_model("sagemaker")


@cache
def valid_texts(shape: Any) -> tuple[str, ...]:
    """Return those texts that a string's constraints allow, and what is as short and as long as they allow."""
    limits = shape.metadata
    if "enum" in limits:
        return tuple(limits["enum"])
    lengths = {limits.get("min", 0), min(limits.get("max", 300), 20_000)}
    edges = [letter * length for letter in ("a", "1", "/") for length in lengths]
    return tuple(text for text in (*PLAUSIBLE, *edges) if _is_valid(shape, text))


@cache
def edge_texts(shape: Any) -> tuple[str, ...]:
    """Return texts that are a character too short or too long, or of the right length and of the wrong kind."""
    limits = shape.metadata
    low, high = limits.get("min", 0), limits.get("max", 300)
    texts = ["a" * max(low - 1, 0), "a" * (high + 1), "é" * high, "🦀" * high, " " * low, "a" * (high - 1) + "\n"]
    return (*texts, *(text + "\n" for text in valid_texts(shape)[:5]))


def _is_valid(shape: Any, text: str) -> bool:
    limits = shape.metadata
    if not limits.get("min", 0) <= len(text) <= limits.get("max", 1_000_000):
        return False
    return "pattern" not in limits or constraints.pattern(limits["pattern"]).fullmatch(text) is not None


@dataclass
class Client:
    """Draws requests. What an answer has named (ARNs, tokens) is `seen`, and used in later ones.

    Args:
        rng: where chance comes from.
    """

    rng: Random
    seen: list[str] = field(default_factory=list)

    def request(self) -> tuple[str, bytes]:
        """Return an operation and a body for it: half of them valid by shape, or nearly."""
        operation = self.rng.choice(sorted(OPERATIONS))
        shape = operation_model(operation).input_shape
        kind = self.rng.random()
        if kind < 0.40:
            return operation, dump(self.valid(shape))
        if kind < 0.70:
            return operation, dump(self.broken(self.valid(shape)))
        if kind < 0.85:
            return operation, self.mangled(dump(self.valid(shape)))
        if kind < 0.95:
            return operation, dump(self.anything(shape))
        return operation, dump(self.junk())

    def note(self, answer: Any) -> None:
        """Remember what an answer names."""
        for value in _texts(answer):
            if value.startswith("arn:") or len(value) > 40:
                self.seen.append(value)
        del self.seen[:-40]

    def valid(self, shape: Any, depth: int = 0) -> Value:
        """Return a value the shape allows, mostly: what depends on two members is nobody's to know."""
        match shape.type_name:
            case "structure":
                chance = (0.35, 0.6, 0.5, 0.3)[min(depth, 3)]
                wanted = [
                    name
                    for name, member in shape.members.items()
                    if name in shape.required_members
                    or (depth < 7 and self.rng.random() < chance * (0.15 if member.type_name == "structure" else 1))
                ]
                return {name: self.named(name, shape.members[name], depth + 1) for name in wanted}
            case "list":
                low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 3)
                count = self.rng.choice([low, 1, 1, 2, high]) if depth < 5 else low
                return [self.valid(shape.member, depth + 1) for _ in range(max(low, min(count, high, 12)))]
            case "map":
                count = self.rng.choice([0, 1, 2])
                return {self.text(shape.key): self.valid(shape.value, depth + 1) for _ in range(count)}
            case "boolean":
                return self.rng.random() < 0.5
            case "integer" | "long":
                low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 100)
                return self.rng.choice([low, high, self.rng.randint(low, high)])
            case "float" | "double":
                return self.rng.choice([0, 0.5, 100])
            case "timestamp":
                return self.rng.choice([0, 1764000000, 1764000000.5, 4102444800])
            case _:
                return self.text(shape)

    def named(self, name: str, shape: Any, depth: int) -> Value:
        """Return a valid value of a member: where it names something, mostly something that is there, and ours."""
        if name == "Resource" and self.rng.random() < 0.7:  # of the two dozen kinds that are searched
            return self.rng.choice(["ModelPackage", "ModelPackageGroup"])
        if shape.type_name == "string" and "enum" not in shape.metadata and self.rng.random() < 0.6:
            known = [text for text in (*self.seen[-8:], *PLAUSIBLE[:14]) if _is_valid(shape, text)]
            if known and name.endswith(("Name", "Arn", "Token", "Contains")):
                return self.rng.choice(known)
        return self.valid(shape, depth)

    def text(self, shape: Any) -> str:
        return self.rng.choice(valid_texts(shape))

    def broken(self, value: Value) -> Value:
        """Return a value with one thing wrong in it, anywhere."""
        places = list(_places(value))
        if not places:
            return self.wrong()
        container, key = self.rng.choice(places)
        change = self.rng.choice(CHANGES)
        change(self, container, key)
        return value

    def wrong(self) -> Value:
        """Return a value of any JSON type: wrong for most shapes."""
        return copy.deepcopy(self.rng.choice(WRONG))

    def hostile(self) -> str:
        return self.rng.choice(self.rng.choice((XSS, SQL, PATHS, ODD)))

    def anything(self, shape: Any, depth: int = 0) -> Value:
        """Return a value of the right type, with anything in it."""
        match shape.type_name:
            case "structure":
                chosen = [name for name in shape.members if self.rng.random() < 0.4 and depth < 5]
                return {name: self.anything(shape.members[name], depth + 1) for name in chosen}
            case "list":
                return [self.anything(shape.member, depth + 1) for _ in range(self.rng.choice([0, 1, 2, 60]))][:60]
            case "map":
                return {self.hostile(): self.anything(shape.value, depth + 1) for _ in range(self.rng.randint(0, 3))}
            case "integer" | "long":
                return self.rng.choice(NUMBERS)
            case "float" | "double" | "timestamp":
                return self.rng.choice((*NUMBERS, *FLOATS))
            case "boolean":
                return self.rng.random() < 0.5
            case _:
                return self.rng.choice([self.hostile(), self.text(shape), self.rng.choice(edge_texts(shape))])

    def junk(self, depth: int = 0) -> Value:
        """Return JSON of no shape."""
        if depth > 4 or self.rng.random() < 0.3:
            return self.rng.choice([self.wrong(), self.hostile(), self.rng.choice(NUMBERS), self.rng.choice(FLOATS)])
        if self.rng.random() < 0.5:
            return [self.junk(depth + 1) for _ in range(self.rng.randint(0, 4))]
        return {self.hostile(): self.junk(depth + 1) for _ in range(self.rng.randint(0, 4))}

    def mangled(self, body: bytes) -> bytes:
        """Return a body that is not quite the JSON it was."""
        return self.rng.choice(MANGLINGS)(self, body)

    def garbled(self, sent: bytes) -> bytes:
        """Return bytes that are not quite what they were, whatever they are."""
        return self.rng.choice(MANGLINGS[:-1])(self, sent)

    def at(self, body: bytes) -> int:
        return self.rng.randrange(len(body) + 1)


def _add_unknown(client: Client, container: Any, key: Any) -> None:
    if isinstance(container, dict):
        container[client.hostile()] = client.wrong()
    else:
        container.append(client.wrong())


def _replace(client: Client, container: Any, key: Any) -> None:
    container[key] = client.wrong()


def _poison(client: Client, container: Any, key: Any) -> None:
    container[key] = client.hostile()


def _lose(client: Client, container: Any, key: Any) -> None:
    del container[key]


def _null(client: Client, container: Any, key: Any) -> None:
    container[key] = None


def _repeat(client: Client, container: Any, key: Any) -> None:
    container[key] = [container[key]] * client.rng.choice([1, 2, 51, 200])


def _rename(client: Client, container: Any, key: Any) -> None:
    value = container[key]
    if isinstance(container, dict):
        container[client.rng.choice([key.lower(), key + " ", key + "\0", "__" + key, key[:-1]])] = container.pop(key)
    else:
        container.insert(0, value)


def _stretch(client: Client, container: Any, key: Any) -> None:
    value = container[key]
    container[key] = value * 300 if isinstance(value, str) else client.rng.choice(NUMBERS)


def _sink(client: Client, container: Any, key: Any) -> None:
    for _ in range(client.rng.choice([1, 3, 62, 63, 70])):
        container[key] = {key: container[key]} if isinstance(key, str) else [container[key]]


CHANGES: Final[tuple[Callable[[Client, Any, Any], None], ...]] = (
    _add_unknown, _replace, _replace, _poison, _poison, _poison, _lose, _lose, _null, _repeat, _rename, _stretch, _sink,
)  # fmt: skip

SCRAPS: Final = (
    b"\x00", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"NaN", b"-Infinity", b"1e400", b"-0", b"01",
    b"\\ud800", b"\\udc00\\ud800", b"\\u0000", b"\\", b'"', b"'", b"{", b"}", b"[", b"]", b",", b":", b"//x\n", b"/**/",
    b"0x1F", b"True", b"undefined", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"9" * 400, b"\n" * 50, b"\x1b[2J",
)  # fmt: skip


def _deep(client: Client, body: bytes) -> bytes:
    depth = client.rng.choice([60, 63, 64, 65, 100, 1000, 5000])
    opened, closed = client.rng.choice([(b"[", b"]"), (b'{"a":', b"}")])
    return opened * depth + (b"1" if opened != b"[" else b"") + closed * depth


def _spliced(client: Client, body: bytes) -> bytes:
    at = client.at(body)
    return body[:at] + client.rng.choice(SCRAPS) + body[at:]


def _twice_the_key(client: Client, body: bytes) -> bytes:
    """Send every member twice, the second time with another value."""
    members = json.loads(body)
    if not isinstance(members, dict) or not members:
        return b'{"MaxResults": 1, "MaxResults": 2}'
    name = client.rng.choice(list(members))
    return b"{" + dump(name) + b": " + dump(client.wrong()) + b", " + body[1:]


MANGLINGS: Final[tuple[Callable[[Client, bytes], bytes], ...]] = (
    lambda client, body: body[: client.at(body)],
    lambda client, body: body[client.at(body) :],
    lambda client, body: b"\xef\xbb\xbf" + body,
    lambda client, body: body.decode(errors="replace").encode(client.rng.choice(["utf-16", "utf-32", "utf-16-be"])),
    lambda client, body: body + client.rng.choice([body, b" ", b"\0", b"\n\n", b"garbage", b"}"]),
    lambda client, body: client.rng.randbytes(client.rng.randint(0, 200)),
    lambda client, body: b"[" + body + b"]",
    lambda client, body: b" " * client.rng.choice([1, 1000, 100_000]) + body,
    lambda client, body: body.replace(b'"', client.rng.choice([b"'", b"", b'\\"', b'""']), 2),
    lambda client, body: bytes(
        byte ^ (1 << client.rng.randrange(8)) if client.rng.random() < 0.02 else byte for byte in body
    ),
    _deep,
    _spliced,
    _spliced,
    _spliced,
    _twice_the_key,
)


def dump(value: Value) -> bytes:
    """Write JSON as a careless client does: NaN and lone surrogates too."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _places(value: Value) -> Iterator[tuple[Any, Any]]:
    """Yield where every value inside is: its container, and its key there."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


def _texts(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)

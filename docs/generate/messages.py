"""Collector of the error messages that the product raises, from the syntax tree."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Final

from sagemaker_registry.emulator.responses import CODES

ROOT: Final = Path(__file__).parents[2]
FLOORS: Final = ("backends", "emulator", "client")
NOT_THE_PRODUCT: Final = ("backends/contract/",)
"""The contract suite: its messages are those of failed tests."""

SIGNATURES: Final = "emulator/responses.py"
"""The file with the messages of requests that are not signed as they should be."""

VALUE: Final = "{}"

ROOTS: Final = frozenset(
    {
        "AuthenticationFailed",
        "BackendUnavailable",
        "LookupError",
        "Mismatch",
        "RegistryError",
        "Undelivered",
        "UsageError",
        "ValueError",
    }
)
"""Base classes of errors whose messages users read. Other errors are mistakes of the calling code."""
FUNCTIONS: Final = frozenset({"fail", "failed", "_failed"})
"""Functions that take a message: of the command line, and of approval rules."""

Assigned = dict[str, list[ast.expr]]


@dataclass(frozen=True, order=True)
class Message:
    """A message: the file and line, the class or function that takes it, and the text with `{}` for values."""

    file: str
    line: int
    raised_as: str
    text: str


@cache
def collected() -> tuple[Message, ...]:
    """Return every message; one that only passes on the text of another is left out."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in _sources()}
    names = FUNCTIONS | _error_classes(trees.values())
    found = {
        message for path, tree in trees.items() for message in _messages(path.relative_to(ROOT).as_posix(), tree, names)
    }
    return tuple(sorted({message for message in found if message.text not in CODES} | set(_of_signatures())))


def _of_signatures() -> Iterator[Message]:
    """Yield the messages of requests that are not signed as they should be, which are in a table."""
    for by_protocol in CODES.values():
        for code, _, text in by_protocol.values():
            if text:
                yield Message(SIGNATURES, 0, code, text)


def _sources() -> Iterator[Path]:
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            if not path.relative_to(ROOT).as_posix().startswith(NOT_THE_PRODUCT):
                yield path


def _error_classes(trees: object) -> frozenset[str]:
    """Return the names of the classes below ROOTS, of the product and of Python."""
    bases: dict[str, set[str]] = {}
    for tree in trees:  # type: ignore[attr-defined]
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases.setdefault(node.name, set()).update(ast.unparse(base).rpartition(".")[2] for base in node.bases)
    found = set(ROOTS)
    while more := {name for name, above in bases.items() if above & found} - found:
        found |= more
    return frozenset(found - {name for name in found if name in vars(builtins)} | {"ValueError", "BadParameter"})


def _messages(file: str, tree: ast.Module, names: frozenset[str]) -> Iterator[Message]:
    constants = _assigned(tree.body)
    for scope, node in _calls(tree):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = _message_argument(node) if name in names else None
        if given is None:
            continue
        for text in dict.fromkeys(_texts(given, constants | _assigned(list(ast.walk(scope))))):
            if text.replace(VALUE, "").strip(" .:;,"):
                yield Message(file, node.lineno, name, text)


def _calls(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    """Yield each call with the innermost function around it."""

    def walk(scope: ast.AST, node: ast.AST) -> Iterator[tuple[ast.AST, ast.Call]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                yield scope, child
            yield from walk(child if isinstance(child, ast.FunctionDef) else scope, child)

    yield from walk(tree, tree)


def _message_argument(call: ast.Call) -> ast.expr | None:
    """Return the first argument that is text; else the first argument."""
    texts: list[ast.expr] = [one for one in call.args if isinstance(one, ast.JoinedStr | ast.BinOp | ast.IfExp)]
    texts += [one for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    sentences = [one for one in texts if any(" " in text for text in _texts(one, {}))]
    return next(iter([*sentences, *call.args]), None)


def _assigned(nodes: list[ast.AST] | list[ast.stmt]) -> Assigned:
    """Return what is assigned to each name."""
    found: Assigned = {}
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
    return found


def _texts(node: ast.expr, known: Assigned, depth: int = 3) -> list[str]:
    """Return the texts that an expression can have; `{}` for what is not known."""
    match node:
        case ast.Constant(value=str() as text):
            return [text.replace("{", "{{").replace("}", "}}").replace("{{}}", VALUE)]
        case ast.JoinedStr():
            return _joined([_texts(part, known, 0) for part in node.values])
        case ast.BinOp(op=ast.Add()):
            return _joined([_texts(node.left, known, depth), _texts(node.right, known, depth)])
        case ast.Call(func=ast.Attribute(value=ast.Name() as template, attr="format")):
            return _texts(template, known, depth)
        case ast.IfExp():
            return [*_texts(node.body, known, depth), *_texts(node.orelse, known, depth)]
        case ast.Name() if depth and node.id in known:
            return [text for value in known[node.id] for text in _texts(value, known, depth - 1)]
        case _:
            return [VALUE]


def _joined(parts: list[list[str]]) -> list[str]:
    return ["".join(one) for one in product(*parts)]

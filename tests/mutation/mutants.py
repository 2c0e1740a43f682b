"""Single-change mutants of a module: a comparison, a boolean operator, a `not`, a branch or an integer is changed."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

OPERATORS = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "in": "not in",
    "not in": "in",
    "is": "is not",
    "is not": "is",
    "and": "or",
    "or": "and",
}
_OPERATOR = re.compile(r"not\s+in|is\s+not|<=|>=|==|!=|<|>|\b(?:in|is|and|or)\b")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change to a source file.

    `code` is the changed line without indentation, and `number` counts equal changes to equal lines of a function, so a
    mutant keeps its identity while other lines of the file change.
    """

    function: str
    code: str
    change: str
    number: int
    line: int
    start: int
    end: int
    text: str

    @property
    def key(self) -> tuple[str, str, str, int]:
        return self.function, self.code, self.change, self.number

    def apply(self, source: str) -> str:
        """Return the source with the change."""
        return source[: self.start] + self.text + source[self.end :]


def mutants_of(source: str) -> list[Mutant]:
    """Return the mutants of a module, in the order of its lines.

    Annotations are not changed, as they have no effect at run time, nor are integers in subscripts of types.
    """
    offsets = _Offsets(source)
    lines = source.splitlines()
    seen: Counter[tuple[str, str, str]] = Counter()
    found = []
    changes = sorted(_changes(ast.parse(source), "", offsets, source))
    for start, end, function, change, text in changes:
        line = source.count("\n", 0, start)
        code = lines[line].strip()
        seen[function, code, change] += 1
        found.append(Mutant(function, code, change, seen[function, code, change], line + 1, start, end, text))
    return found


class _Offsets:
    """Converts the positions of the syntax tree, which count bytes of UTF-8, to indexes of characters."""

    def __init__(self, source: str) -> None:
        self.lines = source.splitlines(keepends=True)
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))

    def of(self, line: int | None, column: int | None) -> int:
        assert line is not None
        assert column is not None
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())


def _changes(node: ast.AST, function: str, offsets: _Offsets, source: str) -> Iterator[tuple[int, int, str, str, str]]:
    """Yield the start, end, function, description and new text of each change below a node of the syntax tree."""

    def span(part: ast.expr) -> tuple[int, int]:
        return offsets.of(part.lineno, part.col_offset), offsets.of(part.end_lineno, part.end_col_offset)

    def between(left: ast.expr, right: ast.expr) -> tuple[int, int, str, str, str]:
        start, end = span(left)[1], span(right)[0]
        found = _OPERATOR.search(re.sub(r"#.*", lambda comment: " " * len(comment[0]), source[start:end]))
        assert found is not None, source[start:end]
        operator = " ".join(found[0].split())
        new = OPERATORS[operator]
        return start + found.start(), start + found.end(), function, f"{operator} to {new}", new

    def inverted(test: ast.expr) -> tuple[int, int, str, str, str]:
        start, end = span(test)
        return start, end, function, "inverted", f"(not ({source[start:end]}))"

    match node:
        case ast.FunctionDef() | ast.ClassDef():
            function = f"{function}.{node.name}".lstrip(".")
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return
        case ast.Compare():
            terms = [node.left, *node.comparators]
            yield from (between(left, right) for left, right in pairwise(terms))
        case ast.BoolOp():
            yield from (between(left, right) for left, right in pairwise(node.values))
        case ast.UnaryOp(op=ast.Not()):
            start = span(node)[0]
            yield start, start + len("not "), function, "not removed", ""
        case ast.Constant() if type(node.value) is int:
            yield *span(node), function, f"{node.value} to {node.value + 1}", str(node.value + 1)
    if isinstance(node, ast.If | ast.IfExp | ast.While) and isinstance(
        node.test, ast.Name | ast.Attribute | ast.Call | ast.NamedExpr
    ):
        yield inverted(node.test)
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _changes(child, function, offsets, source)

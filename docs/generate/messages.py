"""Collector of the error messages that the product shows, from the syntax tree.

A message is the text that an error class or a function of `message_sources` takes. Names are followed to the values
assigned to them, parameters to the arguments of the callers in the same module, and calls to the values that functions
of the same module return or yield. A name in braces stands for what is known only at run time.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path
from typing import Final

from sagemaker_registry.emulator.responses import CODES

from . import message_sources as sources

ROOT: Final = Path(__file__).parents[2]
FLOORS: Final = ("backends", "emulator", "client")
DEPTH: Final = 6
"""Steps from a message to its text: names, parameters and calls."""
SENTENCE: Final = 3
"""Number of words from which a text inside of another one is a message of its own."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, order=True)
class Message:
    """A message: the file and line, the class or function that takes it, and the text with `{name}` for values."""

    file: str
    line: int
    raised_as: str
    text: str

    @property
    def pattern(self) -> str:
        """The text with `{}` for each value."""
        return without_names(self.text)


@dataclass(frozen=True, order=True)
class Opaque:
    """A place where a message is passed on whose text cannot be collected there."""

    file: str
    function: str
    source: str


@dataclass
class _Module:
    file: str
    tree: ast.Module
    functions: dict[str, Definition] = field(default_factory=dict)
    calls: dict[str, list[tuple[Definition | None, ast.Call]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.functions = {node.name: node for node in ast.walk(self.tree) if isinstance(node, Definition)}
        for scope, call in self.every_call():
            self.calls.setdefault(_name(call.func), []).append((scope, call))
        self.constants = _assigned(self.tree.body)

    def every_call(self) -> Iterator[tuple[Definition | None, ast.Call]]:
        """Yield each call with the innermost function around it."""

        def walk(scope: Definition | None, node: ast.AST) -> Iterator[tuple[Definition | None, ast.Call]]:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.Call):
                    yield scope, child
                yield from walk(child if isinstance(child, Definition) else scope, child)

        yield from walk(None, self.tree)


def without_names(text: str) -> str:
    """Return the text of a message with `{}` for each value."""
    return re.sub(r"\{[a-z0-9_]*\}", "{}", text)


def collected() -> tuple[Message, ...]:
    """Return every message, sorted by place."""
    return _found()[0]


def opaque() -> tuple[Opaque, ...]:
    """Return the places that pass on a message whose text cannot be collected there."""
    return _found()[1]


def unknown_errors() -> list[str]:
    """Return the errors that are raised, but neither take messages for users nor are listed in NOT_SHOWN."""
    known = _error_classes() | sources.NOT_SHOWN.keys() | sources.TAKERS.keys()
    known |= {name for module in _modules() for name in module.functions}
    found = {
        f"{module.file}: {raised}"
        for module in _modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Raise) and node.exc is not None
        for raised in _raised(node.exc)
        if raised not in known and not _is_made_before(module, raised)
    }
    return sorted(found)


def _raised(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.IfExp():
            yield from (*_raised(node.body), *_raised(node.orelse))
        case ast.Call():
            yield from _raised(node.func)
        case _:
            yield _name(node)


def _is_made_before(module: _Module, name: str) -> bool:
    """Return whether a name is that of a caught error or of a variable; the call that made it has the message."""
    return any(
        (isinstance(node, ast.ExceptHandler) and node.name == name)
        or (isinstance(node, ast.Assign) and any(_name(target) == name for target in node.targets))
        or (isinstance(node, ast.For) and _name(node.target) == name)
        for node in ast.walk(module.tree)
    )


@cache
def _found() -> tuple[tuple[Message, ...], tuple[Opaque, ...]]:
    messages: set[Message] = set()
    passed_on: set[Opaque] = set()
    names = _error_classes()
    for module in _modules():
        for line, taker, text, place in _texts_of(module, names):
            if _has_words(text):
                messages.add(Message(module.file, line, taker, text))
            elif text:
                passed_on.add(place)
    messages.update(_of_signatures())
    return tuple(sorted(messages)), tuple(sorted(passed_on))


def _of_signatures() -> Iterator[Message]:
    """Yield the messages of requests that are not signed as they should be, with their codes."""
    for by_protocol in CODES.values():
        for code, _, text in by_protocol.values():
            if text:
                yield Message(sources.SIGNATURES, 0, code, text)


@cache
def _modules() -> tuple[_Module, ...]:
    paths = [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]
    return tuple(
        _Module(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))) for path in paths
    )


@cache
def _error_classes() -> frozenset[str]:
    """Return the classes of errors that users see: those of SHOWN and the classes below them."""
    bases: dict[str, set[str]] = {}
    for module in _modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                bases.setdefault(node.name, set()).update(_name(base) for base in node.bases)
    found = set(sources.SHOWN)
    while more := {name for name, above in bases.items() if above & found} - found:
        found |= more
    return frozenset(found - sources.NOT_SHOWN.keys())


def _texts_of(module: _Module, names: frozenset[str]) -> Iterator[tuple[int, str, str, Opaque]]:
    """Yield line, taker and text of each message of a module, and its place."""
    for scope, call in module.every_call():
        taker = _name(call.func)
        for given in _given(module.file, taker, call, names):
            place = Opaque(module.file, scope.name if scope else "", ast.unparse(call))
            for text in dict.fromkeys(_texts(given, module, scope)):
                yield call.lineno, taker, text.removeprefix(sources.PROGRAM), place
    for name in sources.TABLES.get(module.file, ()):
        for node in module.constants[name]:
            for text in dict.fromkeys(_sentences(node, module)):
                yield node.lineno, name, text, Opaque(module.file, name, text)
    for name, method in _written_messages(module):
        if name in names:
            for value in _returned(method):
                for text in dict.fromkeys(_texts(value, module, method)):
                    yield method.lineno, name, text, Opaque(module.file, name, text)
    for name in sources.SENTENCES.get(module.file, ()):
        function = module.functions[name]
        parts = {id(part) for node in ast.walk(function) if isinstance(node, ast.JoinedStr) for part in node.values}
        for part in ast.walk(function):
            if isinstance(part, ast.Constant | ast.JoinedStr) and id(part) not in parts:
                for text in dict.fromkeys(_texts(part, module, function)):
                    if len(text.split()) >= SENTENCE:
                        yield part.lineno, name, text, Opaque(module.file, name, text)


def _given(file: str, taker: str, call: ast.Call, names: frozenset[str]) -> Iterator[ast.expr]:
    """Yield the arguments of a call that are messages."""
    if taker in sources.TAKERS:
        where, arguments = sources.TAKERS[taker]
        if file.startswith(where):
            yield from (call.args[place] for place in arguments if isinstance(place, int) and place < len(call.args))
            yield from (keyword.value for keyword in call.keywords if keyword.arg in arguments)
            return
    if taker in sources.JUDGMENTS:
        where, verdict, passed = sources.JUDGMENTS[taker]
        if file.startswith(where) and len(call.args) > verdict + 1 and ast.unparse(call.args[verdict]) != passed:
            yield call.args[verdict + 1]
    elif taker == "echo" and any(word.arg == "err" and ast.unparse(word.value) == "True" for word in call.keywords):
        yield from (one for one in call.args[:1] if sources.PROGRAM in ast.unparse(one))
    elif taker in names - sources.TAKERS.keys() and call.args and not _writes_its_message(taker):
        texts: list[ast.expr] = [one for one in call.args if isinstance(one, ast.JoinedStr | ast.BinOp | ast.IfExp)]
        texts += [one for one in call.args if isinstance(one, ast.Constant) and " " in str(one.value)]
        yield next(iter([*texts, *call.args]))


def _texts(node: ast.expr, module: _Module, scope: Definition | None, depth: int = DEPTH) -> list[str]:
    """Return the texts that an expression can have; `{}` for what is not known."""
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.Constant(value=None):
            return []
        case ast.JoinedStr():
            return _joined([_inside(part, module, scope, depth) for part in node.values])
        case ast.BinOp(op=ast.Add()):
            return _joined([_texts(one, module, scope, depth) for one in (node.left, node.right)])
        case ast.IfExp():
            return [*_texts(node.body, module, scope, depth), *_texts(node.orelse, module, scope, depth)]
        case ast.BoolOp(op=ast.Or()):
            return [text for one in node.values for text in _texts(one, module, scope, depth)]
        case ast.Call(func=ast.Attribute(value=ast.Name() as template, attr="format")) if depth:
            return _texts(template, module, scope, depth - 1)
        case ast.Call(func=ast.Name(id="next"), args=[ast.Call() as inner, *_]):
            return _texts(inner, module, scope, depth)
        case _ if depth:
            found = [
                text
                for value, inside in _values(node, module, scope)
                for text in _texts(value, module, inside, depth - 1)
            ]
            return found or [_value(node)]
        case _:
            return [_value(node)]


def _inside(part: ast.expr, module: _Module, scope: Definition | None, depth: int) -> list[str]:
    """Return the texts of a part of an f-string: those of a value only if each of them is a message of its own."""
    if not isinstance(part, ast.FormattedValue):
        return [part.value] if isinstance(part, ast.Constant) and isinstance(part.value, str) else [_value(part)]
    if _name(part.value) in _words() and part.conversion == -1:
        return [_words()[_name(part.value)]]
    found = _texts(part.value, module, scope, depth - 1) if depth and part.conversion == -1 else []
    if isinstance(part.value, ast.Name | ast.BoolOp):  # an empty text means that there is no message
        found = [text for text in found if text]
    is_message = found and all(len(text.split()) >= SENTENCE and text[0] not in " ,;:(" for text in found)
    return found if is_message else [_value(part.value)]


@cache
def _words() -> dict[str, str]:
    """Return the texts of constants in capitals that have the same value in every module."""
    found: dict[str, set[str]] = {}
    for module in _modules():
        for name, values in module.constants.items():
            if name.isupper():
                found.setdefault(name, set()).update(_word(value) for value in values)
    return {name: word for name, words in found.items() if len(words) == 1 for word in words if word}


def _word(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _value(node: ast.AST) -> str:
    """Return the name of a value in braces, for readers."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str() as name)):
            return f"{{{name.strip('_').lower()}}}"
        case ast.Subscript(value=inner) | ast.FormattedValue(value=inner) | ast.Starred(value=inner):
            return _value(inner)
        case ast.Call(args=[inner, *_]) | ast.Call(func=ast.Attribute(value=inner)):
            return _value(inner)
        case ast.BinOp(left=inner) | ast.IfExp(test=inner) | ast.Compare(left=inner):
            return _value(inner)
    return "{value}"


def _values(node: ast.expr, module: _Module, scope: Definition | None) -> Iterator[tuple[ast.expr, Definition | None]]:
    """Yield what a name can be, with the function in which it is evaluated, or what a call can return."""
    if isinstance(node, ast.Call):
        function = module.functions.get(_name(node.func))
        if function is not None:
            yield from ((value, function) for value in _returned(function))
    elif isinstance(node, ast.Name):
        local = _assigned([*ast.walk(scope)]) if scope else {}
        if node.id in local:
            for value in local[node.id]:
                operands = value.values if isinstance(value, ast.BoolOp) else [value]
                yield from ((one, scope) for one in operands if _name(one) != node.id)
        elif scope and node.id in (parameters := [one.arg for one in (*scope.args.posonlyargs, *scope.args.args)]):
            yield from _arguments(module, scope, node.id, parameters)
        else:
            yield from ((value, None) for value in module.constants.get(node.id, ()))


def _arguments(
    module: _Module, function: Definition, name: str, parameters: Sequence[str]
) -> Iterator[tuple[ast.expr, Definition | None]]:
    """Yield what the callers in the same module pass as a parameter."""
    for scope, call in module.calls.get(function.name, ()):
        place = parameters.index(name) - (parameters[0] in ("self", "cls") and isinstance(call.func, ast.Attribute))
        if 0 <= place < len(call.args):
            yield call.args[place], scope
        yield from ((keyword.value, scope) for keyword in call.keywords if keyword.arg == name)


def _returned(function: Definition) -> Iterator[ast.expr]:
    """Yield the values that a function returns or yields."""
    for node in ast.walk(function):
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) and node.value is not None:
            yield node.value


def _sentences(node: ast.expr, module: _Module) -> Iterator[str]:
    """Yield the texts in a table that are sentences, or names of them."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant | ast.Name | ast.JoinedStr):
            yield from (text for text in _texts(part, module, None) if len(text.split()) > 1)


def _assigned(nodes: Sequence[ast.AST]) -> dict[str, list[ast.expr]]:
    """Return what is assigned to each name."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        pairs: list[tuple[ast.expr, ast.expr]] = []
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            pairs = [(node.target, node.value)]
        elif isinstance(node, ast.For):
            pairs = [(node.target, node.iter)]
        for target, value in pairs:
            if isinstance(target, ast.Name):
                found.setdefault(target.id, []).append(value)
            elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                for one, inner in zip(target.elts, value.elts, strict=False):
                    if isinstance(one, ast.Name):
                        found.setdefault(one.id, []).append(inner)
    return found


@cache
def _writes_its_message(name: str) -> bool:
    """Return whether a class of errors has a method `__str__`."""
    return any(name == one for module in _modules() for one, _ in _written_messages(module))


def _written_messages(module: _Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the classes with a method `__str__`, and the method."""
    for node in ast.walk(module.tree):
        for inner in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(node, ast.ClassDef) and isinstance(inner, ast.FunctionDef) and inner.name == "__str__":
                yield node.name, inner


def _joined(parts: list[list[str]]) -> list[str]:
    return ["".join(one) for one in product(*parts)]


def _has_words(text: str) -> bool:
    return any(character.isalpha() for character in without_names(text))


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")

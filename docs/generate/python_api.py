"""The page Python: public names with signatures and docstrings, and the pytest plugin."""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import msgspec.structs

from sagemaker_registry.client.testing import pytest_plugin

from . import types
from .markdown import code, constant_docs, docstring, field_docs, from_google, oneline, prose, table
from .markdown import page as page_of

PACKAGE: Final = "sagemaker_registry"

MODULES: Final = (
    "client",
    "client.registry",
    "client.testing",
    "client.promotion",
    "client.archive",
    "client.backup",
    "client.seeding",
    "client.verification",
    "backends",
    "backends.base",
    "backends.contract",
    "emulator",
)
"""The public modules, in the order of the page."""

WIDTH: Final = 100


@dataclass(frozen=True)
class Fixture:
    name: str
    scope: str
    text: str


def modules() -> Iterator[tuple[ModuleType, list[str]]]:
    """Yield each public module with its names; a name belongs to the first module that exports it."""
    seen: set[str] = set()
    for name in MODULES:
        module = import_module(f"{PACKAGE}.{name}")
        found = [one for one in module.__all__ if f"{_home(getattr(module, one))}.{one}" not in seen]
        seen |= {f"{_home(getattr(module, one))}.{one}" for one in found}
        yield module, found


def page() -> str:
    parts = [_module(module, names) for module, names in modules()]
    return page_of("python", *parts, _plugin())


def _home(thing: object) -> str:
    return str(getattr(thing, "__module__", ""))


def _module(module: ModuleType, names: list[str]) -> str:
    heading = f"## `{module.__name__}`"
    return "\n\n".join([heading, docstring(module), *(_name(module, name) for name in names)])


def _name(module: ModuleType, name: str) -> str:
    thing = getattr(module, name)
    short = module.__name__.removeprefix(f"{PACKAGE}.")
    heading = f"### `{short}.{name}`"
    if inspect.isclass(thing):
        heading = f"### class `{short}.{name}`"  # a function may have the same name in small letters
        return "\n\n".join(filter(None, [heading, *_class(thing)]))
    if callable(thing):
        parts = [heading, code(_signature(thing, name), "py"), docstring(thing), *_unpacked(thing)]
        return "\n\n".join(filter(None, parts))
    text = constant_doc(module, name)
    return "\n\n".join(filter(None, [heading, text, code(f"{name} = {_value(thing)}", "py")]))


def _value(thing: Any) -> str:
    return types.encoded(thing) if isinstance(thing, int | float | str) else f"{type(thing).__name__}(...)"


def constant_doc(module: ModuleType, name: str) -> str:
    """Return the docstring of a constant; a package may import it from one of its modules."""
    for one in (module, *(getattr(module, part, None) for part in dir(module))):
        if isinstance(one, ModuleType) and one.__name__.startswith(module.__name__):
            found = constant_docs(one).get(name)
            if found:
                return from_google(found)
    return ""


def _class(cls: type) -> Iterator[str]:
    if issubclass(cls, BaseException):
        yield code(f"class {cls.__name__}({cls.__mro__[1].__name__})", "py")
    else:
        yield code(_signature(cls, cls.__name__), "py")
    yield docstring(cls) if cls.__doc__ and not _is_generated(cls) else ""
    rows = [[f"`{name}`", f"`{kind}`", prose(text)] for name, kind, text in attributes(cls)]
    if rows:
        yield table(["attribute", "type", "meaning"], rows)
    for name, method in methods(cls):
        yield f"#### `{cls.__name__}.{name}`"
        yield code(_signature(method, name), "py")
        yield docstring(method)


def _is_generated(cls: type) -> bool:
    """Whether the docstring is the one that `dataclass` writes."""
    return (cls.__doc__ or "").startswith(f"{cls.__name__}(")


def attributes(cls: type) -> Iterator[tuple[str, str, str]]:
    """Yield the name, type and docstring of each public field and property."""
    docs = field_docs(cls)
    names = [one.name for one in fields(cls)] if is_dataclass(cls) else []
    if issubclass(cls, msgspec.Struct):
        names = [one.name for one in msgspec.structs.fields(cls)]
    annotations = inspect.get_annotations(cls)
    for name in names:
        if not name.startswith("_"):
            yield name, oneline(str(annotations.get(name, ""))), docs.get(name, "")
    for name, member in vars(cls).items():
        if isinstance(member, property) and not name.startswith("_"):
            kind = inspect.get_annotations(member.fget).get("return", "") if member.fget else ""
            yield name, oneline(str(kind)), oneline((member.__doc__ or "").split("\n\n")[0])


def methods(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods that a class defines, or inherits from this package."""
    seen: set[str] = set()
    for base in cls.__mro__:
        if not base.__module__.startswith(PACKAGE):
            continue
        for name, member in vars(base).items():
            function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
            is_public = not name.startswith("_") and not name.startswith("test_")
            if inspect.isfunction(function) and is_public and name not in seen and function.__doc__:
                seen.add(name)
                yield name, function


def _signature(thing: Any, name: str) -> str:
    try:
        shown = str(inspect.signature(thing))
    except ValueError:
        return name
    shown = shown.replace("(self, ", "(").replace("(self)", "()").replace("(cls, ", "(").replace("(cls)", "()")
    shown = re.sub(r"(: |-> )'([^']+)'", r"\1\2", shown)
    shown = re.sub(r"<(factory|built-in function \w+|function (<lambda>|\w+) at 0x[0-9a-f]+)>", "...", shown)
    shown = re.sub(r"\b(typing|collections\.abc|sagemaker_registry(\.\w+)+)\.(?=[A-Z])", "", shown)
    text = f"{name}{shown.removesuffix(' -> None') if inspect.isclass(thing) else shown}"
    return text if len(text) <= WIDTH else _wrapped(text)


def _wrapped(text: str) -> str:
    """Return a signature with one parameter on each line."""
    name, _, rest = text.partition("(")
    inside, _, returned = rest.rpartition(")")
    parts, depth = [""], 0
    for character in inside:
        depth += (character in "[({") - (character in "])}")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    lines = "".join(f"    {part.strip()},\n" for part in parts)
    return f"{name}(\n{lines}){returned}"


def _plain(annotation: Any) -> str:
    return str(getattr(annotation, "__forward_arg__", annotation))


def _unpacked(function: Any) -> Iterator[str]:
    """Yield the table of the keyword arguments that a function takes as `**options: Unpack[...]`."""
    for annotation in inspect.get_annotations(function).values():
        found = re.fullmatch(r"Unpack\[(\w+)\]", str(annotation))
        if found:
            kind = function.__globals__[found[1]]
            annotations, docs = inspect.get_annotations(kind), field_docs(kind)
            rows = [[f"`{name}`", f"`{_plain(annotations[name])}`", prose(docs.get(name, ""))] for name in annotations]
            yield table(["option", "type", "meaning"], rows)


def fixtures() -> list[Fixture]:
    """Return the public fixtures of the plugin, from its source."""
    found = []
    for node in ast.parse(inspect.getsource(pytest_plugin)).body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        for decorator in node.decorator_list:
            shown = ast.unparse(decorator)
            if shown.startswith("pytest.fixture"):
                scope = re.search(r"scope='(\w+)'", shown)
                found.append(Fixture(node.name, scope[1] if scope else "function", ast.get_docstring(node) or ""))
    return found


def options() -> list[tuple[str, str, str]]:
    """Return the options of the plugin: the option, the ini setting, and the help."""
    return [
        (f"--sagemaker-registry-{name}", f"sagemaker_registry_{name}", text)
        for name, text in pytest_plugin.OPTIONS.items()
    ]


def marker() -> str:
    """Return the line of the marker that the plugin registers."""

    class Config:
        lines: typing.ClassVar[list[str]] = []

        def addinivalue_line(self, name: str, line: str) -> None:
            self.lines.append(line)

    pytest_plugin.pytest_configure(Config())  # type: ignore[arg-type]
    return Config.lines[0]


def _plugin() -> str:
    signature, _, text = marker().partition(": ")
    parts = [
        "## The pytest plugin",
        "The plugin is active when the package is installed. It imports nothing until a test uses one of its fixtures.",
    ]
    for fixture in fixtures():
        scope = "" if fixture.scope == "function" else f"Scope: {fixture.scope}."
        parts += [f"### `{fixture.name}`", from_google(fixture.text), scope]
    served = pytest_plugin.Served
    rows = [
        [f"`{option}`", f"`{ini}`", prose(f"{meaning[:1].upper()}{meaning[1:]}.")] for option, ini, meaning in options()
    ]
    parts += [
        "### `Served`",
        *list(_class(served))[1:],
        "### Marker",
        code(f"@pytest.mark.{signature}", "py"),
        prose(f"{text[:1].upper()}{text[1:]}."),
        "### Options",
        table(["option", "ini setting", "meaning"], rows),
    ]
    return "\n\n".join(filter(None, parts))

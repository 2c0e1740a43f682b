"""The page Settings: registry.toml from the structs of backends/settings.py, and the environment variables."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from msgspec import inspect

from sagemaker_registry.backends import settings
from sagemaker_registry.backends.approval.rule import TAG
from sagemaker_registry.backends.approval.rules import KINDS

from . import commands, examples, types
from .markdown import anchor, code, docstring, field_docs, from_google, link, prose, table
from .markdown import page as page_of

ROOT = Path(__file__).parents[2]
WEBHOOKS: Final = "webhooks"
"""The array of tables that gets a separate section."""
FLOORS = ("backends", "emulator", "client")

READ_BY_CODE: Final[Mapping[str, str]] = {
    "AWS_DEFAULT_REGION": "The region of boto3 clients, and of the console if `AWS_REGION` is not set.",
    "AWS_ENDPOINT_URL": "Makes boto3 and the AWS CLI send all calls to a server. `doctor` reports it if it differs "
    "from the registry of the command.",
    "AWS_ENDPOINT_URL_SAGEMAKER": "Like `AWS_ENDPOINT_URL`, for SageMaker only.",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "Makes boto3 ignore `AWS_ENDPOINT_URL`. `doctor` reports it.",
    "AWS_REGION": "The region that the console opens first; `us-east-1` by default.",
    "MOTO_DISABLE_GLOBAL_CORS": "Set to `true`, unless it has a value, before moto is loaded.",
    "NO_PROXY": "The served pytest fixtures add `127.0.0.1` to it.",
    "SAGEMAKER_REGISTRY_CONFIG": "Also read by `connect()` and `ModelRegistry()`: a `registry.toml` whose rules apply "
    "to the client's calls.",
    "SAGEMAKER_REGISTRY_URL": "Also read by `connect()` and `ModelRegistry()`: the registry if the call names none. "
    "Without it, a file in your data folder.",
}
"""Variables that code reads from the environment, or sets there."""


@dataclass(frozen=True)
class Key:
    """A key of registry.toml; `name` is its path, with NAME for the name of a table, as in `identities.NAME.arn`."""

    name: str
    text: str
    kind: str
    """The type in words."""
    default: str
    """As Markdown; empty if the key is required."""

    @classmethod
    def of(cls, name: str, struct: type, field: inspect.Field) -> Key:
        default = "" if field.required else types.default(field) or "none"
        return cls(name, field_docs(struct).get(field.name, ""), types.described(field.type), default)

    @property
    def heading(self) -> str:
        return f"`{self.name}`"


@dataclass(frozen=True)
class Section:
    """A table of registry.toml."""

    heading: str
    text: str
    keys: tuple[Key, ...]


def sections() -> Iterator[Section]:
    """Yield every table, in the order of the structs."""
    for field in _fields(settings.Settings):
        yield from _sections(field.encode_name, field)


def all_keys() -> list[Key]:
    return [key for section in sections() for key in section.keys]


def _sections(name: str, field: inspect.Field) -> Iterator[Section]:
    struct = _struct(field.type)
    if struct is None:  # tables whose keys depend on `is`
        text = "The kind of the rule, which determines the other keys; see [Rules](profiles-and-rules.md#rules)."
        yield Section(f"`[{name}.NAME]`", "", (Key(f"{name}.NAME.{TAG}", text, _kinds(), ""),))
        return
    shown, prefix = f"[{name}]", f"{name}."
    if isinstance(field.type, inspect.DictType):
        shown, prefix = f"[{name}.NAME]", f"{name}.NAME."
    elif isinstance(field.type, inspect.VarTupleType):
        shown = f"[[{name}]]"
    inner = [(one, _struct(one.type)) for one in _fields(struct)]
    found = [key for one, below in inner for key in _keys(prefix, struct, one, below)]
    yield Section(f"`{shown}`", docstring(struct), tuple(found))
    for one, below in inner:
        if below is not None and one.name == WEBHOOKS:
            yield from _sections(f"{prefix}{one.encode_name}", one)


def _keys(prefix: str, struct: type, field: inspect.Field, below: type | None) -> Iterator[Key]:
    name = f"{prefix}{field.encode_name}"
    if below is None:
        yield Key.of(name, struct, field)
    elif field.name != WEBHOOKS:
        yield Key.of(name, struct, field)
        for one in _fields(below):
            yield Key.of(f"{name}.{one.encode_name}", below, one)


def _fields(struct: type) -> tuple[inspect.Field, ...]:
    found = inspect.type_info(struct)
    if not isinstance(found, inspect.StructType):
        raise TypeError(f"{struct} is not a struct")
    return found.fields


def _struct(kind: inspect.Type) -> type | None:
    """Return the struct of a table, or of each table in an array or in a table of tables."""
    match kind:
        case inspect.StructType():
            return kind.cls
        case inspect.Metadata():
            return _struct(kind.type)
        case inspect.DictType():
            return _struct(kind.value_type)
        case inspect.VarTupleType():
            return _struct(kind.item_type)
        case _:
            return None


def _kinds() -> str:
    *most, last = (f"`{types.encoded(kind)}`" for kind in KINDS)
    return f"{', '.join(most)} or {last}"


def environment() -> dict[str, str]:
    """Return what each environment variable is for, as Markdown; of the options' own, the help of the option."""
    by_option = commands.environment()
    found = {}
    for name in sorted(by_option.keys() | READ_BY_CODE.keys()):
        places = by_option.get(name, [])
        if len(places) > 3:
            places = [f"`{places[0].split()[-1].strip('`')}` of {len(places)} commands"]
        found[name] = " ".join(filter(None, [f"Sets {', '.join(places)}." if places else "", READ_BY_CODE.get(name)]))
    return found


@cache
def variables_read() -> frozenset[str]:
    """Return the names of the variables that code reads from the environment, or sets there, from the syntax tree."""
    found: set[str] = set()
    for floor in FLOORS:
        for path in (ROOT / floor).rglob("*.py"):
            found |= _variables(ast.parse(path.read_text(encoding="utf-8")))
    return frozenset(found)


def _variables(tree: ast.Module) -> set[str]:
    constants = {
        target.id: _texts(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    looped = {
        generator.target.id: constants.get(generator.iter.id, set())
        for node in ast.walk(tree)
        if isinstance(node, ast.DictComp | ast.ListComp)
        for generator in node.generators
        if isinstance(generator.target, ast.Name) and isinstance(generator.iter, ast.Name)
    }
    known = constants | looped
    found: set[str] = set()
    for node in ast.walk(tree):
        name: ast.expr | None = None
        if isinstance(node, ast.Subscript) and _is_environment(node.value):
            name = node.slice
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            is_read = _is_environment(node.func.value) or node.func.attr == "getenv"
            name = node.args[0] if node.args and is_read else None
        if name is not None:
            found |= known.get(name.id, set()) if isinstance(name, ast.Name) else _texts(name)
    return found


def _is_environment(node: ast.expr) -> bool:
    """Whether an expression is `os.environ`."""
    return isinstance(node, ast.Attribute) and node.attr == "environ" and ast.unparse(node) == "os.environ"


def _texts(node: ast.expr) -> set[str]:
    """Return a constant text, or those of a tuple."""
    if isinstance(node, ast.Tuple):
        return {text for one in node.elts for text in _texts(one)}
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def page() -> str:
    found = list(sections())
    contents = "\n".join(f"- {link(section.heading)}: {_list(section)}" for section in found)
    return page_of("settings", contents, *map(_section, found), _environment())


def _list(section: Section) -> str:
    prefix = section.heading.strip("`[]") + "."
    return ", ".join(f"[`{key.name.removeprefix(prefix)}`](#{anchor(key.heading)})" for key in section.keys)


def _section(section: Section) -> str:
    return "\n\n".join(filter(None, [f"## {section.heading}", section.text, *map(_key, section.keys)]))


def _key(key: Key) -> str:
    example = examples.of_settings()[key.name]
    rows = [["Type", key.kind], ["Default", key.default or "required"]]
    return "\n\n".join(
        [
            f"### {key.heading}",
            from_google(key.text),
            table(["", ""], rows),
            code(example.valid, 'toml title="registry.toml"'),
            invalid(example),
        ]
    )


def invalid(example: examples.Example) -> str:
    """Return the invalid text of an example, and its error message."""
    *_, last = example.invalid.splitlines()
    short = example.invalid.count("\n") == 1 or example.invalid.splitlines()[:-1] == example.valid.splitlines()[:-1]
    shown = f"Error for `{last}`:" if short else f"Error for an invalid value:\n\n{code(example.invalid)}"
    return f"{shown}\n\n{code(example.error)}"


def _environment() -> str:
    rows = [[f"`{name}`", prose(text)] for name, text in environment().items()]
    return "\n\n".join(
        [
            "## Environment variables",
            "Boto3 also reads the other `AWS_...` variables, such as `AWS_PROFILE`. `watch` sets the variables "
            f"listed in {link('`watch`', 'commands.md')} for the command that it runs.",
            table(["variable", "meaning"], rows),
        ]
    )

"""Generate the page Commands from click."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from inspect import cleandoc, getsource
from typing import Any, Final

import click

from sagemaker_registry.client.cli import main
from sagemaker_registry.client.commands import output
from sagemaker_registry.examples import quickstart

from .markdown import code, link, oneline, prose, sentence, table
from .markdown import page as page_of

PROGRAM: Final = "sagemaker-registry"
QUICKSTART: Final = "quickstart"
"""The command that passes its arguments on to an example, which parses them by itself."""

EXIT_CODES: Final[Mapping[int, str]] = {
    0: "Success.",
    output.NO: "The answer is no: nothing is approved, a version was rejected, a check failed, registries differ, or a "
    "question was answered with no.",
    output.ERROR: "An error, or wrong usage. The message on stderr says what to change.",
    output.TIMED_OUT: "The time limit of `wait` or `control ready` passed.",
    output.INCOMPLETE: "`approve` recorded the approval, but the rules require more before the version is approved.",
    output.INTERRUPTED: "Interrupted with Ctrl-C.",
}

_EXAMPLES = re.compile(r"^[\b\s]*Examples:\n", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """A command with its full name, such as `credentials add`."""

    name: str
    command: click.Command

    @property
    def heading(self) -> str:
        return f"`{self.name}`" if self.name else f"`{PROGRAM}`"

    @property
    def context(self) -> click.Context:
        return click.Context(self.command, info_name=f"{PROGRAM} {self.name}".strip())

    @property
    def text(self) -> str:
        """The help, without the examples."""
        return _EXAMPLES.split(cleandoc(self.command.help or ""))[0].replace("\b", "").strip()

    @property
    def examples(self) -> str:
        parts = _EXAMPLES.split(cleandoc(self.command.help or ""))
        if len(parts) == 1 and self.name == QUICKSTART:
            parts = _keyword("epilog").split("examples:")
        return cleandoc(parts[1]) if len(parts) > 1 else ""

    @property
    def options(self) -> list[click.Option]:
        return [one for one in self.command.params if isinstance(one, click.Option) and not one.hidden]


def entries() -> Iterator[Entry]:
    """Yield every command and subcommand, groups before their subcommands."""
    yield from _entries("", main)


def _entries(name: str, command: click.Command) -> Iterator[Entry]:
    yield Entry(name, command)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None and not found.hidden:
                yield from _entries(f"{name} {child}".strip(), found)


def environment() -> dict[str, list[str]]:
    """Return the environment variables of options and arguments, each with the place where it is read, as Markdown."""
    found: dict[str, list[str]] = {}
    for entry in entries():
        for parameter in entry.command.params:
            names = [parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar or []
            for name in names:
                shown = parameter.opts[0] if isinstance(parameter, click.Option) else (parameter.name or "").upper()
                found.setdefault(name, []).append(f"`{entry.name} {shown}`")
    return found


def page() -> str:
    found = list(entries())
    top, below = found[0], found[1:]
    return page_of("commands", _contents(below), _section(top, "##"), *map(_section, below), exit_codes())


def exit_codes() -> str:
    rows = [[f"`{code}`", meaning] for code, meaning in EXIT_CODES.items()]
    return "\n\n".join(["## Exit codes", table(["code", "meaning"], rows)])


def _contents(found: list[Entry]) -> str:
    rows = [[link(entry.heading), prose(sentence(entry.text))] for entry in found]
    return table(["command", "purpose"], rows)


def _section(entry: Entry, level: str = "") -> str:
    marks = level or ("##" if " " not in entry.name else "###")
    usage = entry.command.get_usage(entry.context).removeprefix("Usage: ")
    parts = [f"{marks} {entry.heading}", *map(prose, entry.text.split("\n\n")), code(oneline(usage), "text")]
    rows = _quickstart_options() if entry.name == QUICKSTART else [_option(option) for option in entry.options]
    if rows:
        parts.append(table(["option", "value", "default", "meaning"], rows))
    if entry.examples:
        parts += ["Examples:", code(entry.examples, "text")]
    return "\n\n".join(parts)


def _option(option: click.Option) -> list[str]:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    variable = f" Environment: [`{option.envvar}`](settings.md#environment-variables)." if option.envvar else ""
    return [names, _value(option), _default(option), f"{prose(_capital(option.help or ''))}{variable}"]


def _quickstart_options() -> list[list[str]]:
    """Return the rows of the options that the example parses by itself, read from its source."""
    found = []
    for name, given in _parser_calls("add_argument"):
        value = "flag" if "action" in given else f"`{given['metavar']}`" if "metavar" in given else "text"
        found.append([f"`{name}`", value, "", prose(f"{_capital(given['help'])}.")])
    return found


def _keyword(name: str) -> str:
    return next(given[name] for _, given in _parser_calls("ArgumentParser"))


def _parser_calls(method: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the first argument and the keywords of each call of a method in the source of the example."""
    for node in ast.walk(ast.parse(getsource(quickstart))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method:
            first = ast.literal_eval(node.args[0]) if node.args else ""
            values = {one.arg or "": one.value for one in node.keywords}
            yield first, {name: _text(value) for name, value in values.items()}


def _text(value: ast.expr) -> str:
    return str(value.value) if isinstance(value, ast.Constant) else ast.unparse(value)


def _value(option: click.Option) -> str:
    if option.is_flag or option.count:
        return "flag"
    kind = option.type
    if isinstance(kind, click.Choice):
        shown = " or ".join(f"`{_plain(choice)}`" for choice in kind.choices)
    elif isinstance(kind, click.IntRange | click.FloatRange):
        shown = f"{'integer' if isinstance(kind, click.IntRange) else 'number'}{_range(kind)}"
    elif option.metavar:
        shown = f"`{option.metavar}`"
    else:
        shown = {"integer": "integer", "float": "number"}.get(kind.name, "text")
    return f"{shown}{', repeatable' if option.multiple else ''}{', required' if option.required else ''}"


def _range(kind: click.IntRange | click.FloatRange) -> str:
    if kind.min is not None and kind.max is not None:
        return f", {kind.min:g} to {kind.max:g}"
    if kind.min is not None:
        return f", {'greater than' if kind.min_open else 'at least'} {kind.min:g}"
    return f", at most {kind.max:g}" if kind.max is not None else ""


def _default(option: click.Option) -> str:
    if option.is_flag or option.required or not option.show_default:
        return ""
    value: Any = option.to_info_dict()["default"]
    if value is None or value == () or callable(value):
        return option.show_default if isinstance(option.show_default, str) else ""
    return f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    return str(value.value if isinstance(value, Enum) else value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

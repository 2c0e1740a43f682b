"""The generated reference: its pages are current and complete, and its examples work."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from inspect import isclass
from pathlib import Path

import click
import msgspec
import pytest
from jsonschema import Draft202012Validator

from docs.generate import PAGES, REFERENCE, commands, examples, extension_api, profiles, python_api, settings
from docs.generate.markdown import INTROS, anchor
from sagemaker_registry.backends.approval.profiles import PROFILES
from sagemaker_registry.backends.approval.rules import KINDS
from sagemaker_registry.backends.local.extensions import EXTENSIONS
from sagemaker_registry.backends.testing import controlled, faults
from sagemaker_registry.client.commands import output
from sagemaker_registry.emulator.api import openapi, schemas
from sagemaker_registry.emulator.routes import EXTENSION_PREFIX

CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (.*)$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#]*)(?:#([^)]*))?\)")
ENTRIES = list(commands.entries())
EXAMPLES = [(entry, line) for entry in ENTRIES for line in entry.examples.splitlines()]


@cache
def text(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def anchors(page: str) -> list[str]:
    """Return the anchors of a page's headings."""
    return [anchor(heading) for heading in HEADING.findall(CODE.sub("", page))]


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_current(name: str) -> None:
    assert text(name) == PAGES[name](), "run `python -m docs.generate`"


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_has_a_short_description(name: str) -> None:
    found = re.match(r"---\ndescription: (.+)\n---\n", text(name))
    assert found
    assert len(found[1]) <= 120


@pytest.mark.parametrize("name", PAGES)
def test_headings_of_a_page_have_different_anchors(name: str) -> None:
    assert [one for one, count in Counter(anchors(text(name))).items() if count > 1] == []


@pytest.mark.parametrize("name", PAGES)
def test_links_between_generated_pages_lead_to_headings(name: str) -> None:
    found = {(page or name, target) for page, target in LINK.findall(CODE.sub("", text(name))) if "://" not in page}
    assert {
        (page, target) for page, target in found if page in PAGES and target and target not in anchors(text(page))
    } == set()


def test_every_introduction_belongs_to_a_page() -> None:
    assert {path.stem for path in INTROS.glob("*.md")} == {Path(name).stem for name in PAGES} | {"events"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name or "main")
def test_every_command_is_documented(entry: commands.Entry) -> None:
    assert entry.text
    assert f"\n## {entry.heading}\n" in text("commands.md") or f"\n### {entry.heading}\n" in text("commands.md")
    for option in entry.options:
        assert option.help, option.opts
        assert f"`{option.opts[0]}`" in text("commands.md")


def test_every_command_has_an_example() -> None:
    assert [entry.name for entry in ENTRIES if not entry.examples] == []


@pytest.mark.parametrize(("entry", "line"), EXAMPLES, ids=[line[:60] for _, line in EXAMPLES])
def test_the_examples_of_commands_use_commands_and_options_that_exist(entry: commands.Entry, line: str) -> None:
    for part in re.split(r"\|\||&&|\||;|\s{3,}", line):
        words = shlex.split(part, comments=True) if commands.PROGRAM in part else []
        if commands.PROGRAM not in words:
            continue
        arguments = words[words.index(commands.PROGRAM) + 1 :]
        command: click.Command = ENTRIES[0].command
        while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
            found = command.get_command(click.Context(command), arguments[0])
            if found is None:
                break
            command = found
            arguments.pop(0)
        if command.name == commands.QUICKSTART:
            continue
        known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
        used = {argument for argument in arguments if argument.startswith("--")}
        if isinstance(command, click.Group):  # `history` takes the options of `history list`
            known |= {name for one in command.commands["list"].params for name in one.opts}
        assert used <= known, line


def test_every_exit_code_is_documented() -> None:
    codes = {
        value for name, value in vars(output).items() if name.isupper() and name[0] != "_" and isinstance(value, int)
    }
    assert commands.EXIT_CODES.keys() == codes | {0}


def test_every_environment_variable_is_documented() -> None:
    assert settings.variables_read() == settings.READ_BY_CODE.keys()
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", text("settings.md"), re.MULTILINE))
    assert documented == settings.variables_read() | commands.environment().keys()


@pytest.mark.parametrize("key", settings.all_keys(), ids=lambda key: key.name)
def test_every_setting_has_a_description_an_example_and_an_error(key: settings.Key) -> None:
    example = examples.of_settings()[key.name]
    assert key.text
    example.settings()
    assert re.match(r"registry\.toml, line \d+: ", example.error)
    assert example.error in text("settings.md")


@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_has_a_description_an_example_and_an_error(kind: str) -> None:
    rule, example = KINDS[kind], examples.of_rules()[kind]
    assert rule.__doc__
    assert all(re.search(rf"`{field.name}\b", rule.__doc__) for field in profiles.parameters(rule))
    assert [table["is"] for table in example.settings().rules.values()] == [kind]
    assert re.match(r"registry\.toml, line \d+: ", example.error)
    assert f"\n### `{kind}`\n" in text("profiles-and-rules.md")


def test_no_example_is_left_over() -> None:
    assert [*examples.of_settings()] == [key.name for key in settings.all_keys()]
    assert examples.of_rules().keys() == KINDS.keys()


def test_every_profile_is_documented() -> None:
    for profile in PROFILES.values():
        assert f"\n### `{profile.name}`\n\n{profile.note}" in text("profiles-and-rules.md")


def test_every_extension_path_is_documented() -> None:
    rows = {**EXTENSIONS, **controlled.EXTENSIONS}
    paths = {path.removeprefix(f"{EXTENSION_PREFIX}/") for path in extension_api.document()["paths"]}
    assert paths == {*rows, *openapi.OWN, "openapi.json", "metrics"}
    assert schemas.RESPONSES.keys() == {*rows, *openapi.OWN}
    for path in paths:
        assert f" {EXTENSION_PREFIX}/{path}\n" in text("extension-api.md")


def test_every_parameter_of_an_extension_is_described() -> None:
    used = {
        (name, parameter)
        for name, row in {**EXTENSIONS, **controlled.EXTENSIONS}.items()
        for parameter in openapi.parameters(name, row.params, {}).get("properties", {})
    }
    assert [one for one in used if not openapi.meaning(*one)] == []
    known = {parameter for _, parameter in used} | {f"{name}:{parameter}" for name, parameter in used}
    assert openapi.PARAMETERS.keys() <= known


def test_every_fault_is_documented() -> None:
    assert extension_api.FAULTS.keys() == faults.KINDS.keys()


def test_every_metric_is_documented() -> None:
    names = [name for name, _, _ in extension_api.metrics()]
    assert len(names) >= 3
    assert all(f"| `{name}` |" in text("extension-api.md") for name in names)


def test_the_event_on_the_page_has_the_shape_of_an_envelope() -> None:
    (shown,) = re.findall(r"```json title=\"event.json\"\n(.*?)```", text("extension-api.md"), re.DOTALL)
    found = extension_api.document()
    schema = {"$ref": "#/components/schemas/Envelope", "components": found["components"]}
    Draft202012Validator(schema).validate(json.loads(shown))


def public() -> Iterator[tuple[str, str]]:
    for name in python_api.MODULES:
        for one in import_module(f"{python_api.PACKAGE}.{name}").__all__:
            yield name, one


@pytest.mark.parametrize(("module", "name"), [*public()])
def test_every_public_name_is_documented(module: str, name: str) -> None:
    thing = getattr(import_module(f"{python_api.PACKAGE}.{module}"), name)
    headings = re.findall(rf"^### (?:class )?`([\w.]+)\.{name}`$", text("python.md"), re.MULTILINE)
    assert headings
    if module in headings:
        for method, _ in python_api.methods(thing) if isclass(thing) else ():
            assert f"\n#### `{name}.{method}`\n" in text("python.md")


def test_every_fixture_option_and_marker_of_the_plugin_is_documented(pytestconfig: pytest.Config) -> None:
    names = {fixture.name for fixture in python_api.fixtures()}
    assert len(names) >= 4
    assert all(fixture.text and f"\n### `{fixture.name}`\n" in text("python.md") for fixture in python_api.fixtures())
    for option, setting, _ in python_api.options():
        assert f"| `{option}` | `{setting}` |" in text("python.md")
        pytestconfig.getini(setting)
        pytestconfig.getoption(option)


def test_everything_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    """Print how much the reference covers; the tests above fail if anything is missing."""
    counted: dict[str, Iterable[object]] = {
        "commands": ENTRIES,
        "options": [option for entry in ENTRIES for option in entry.options],
        "exit codes": commands.EXIT_CODES,
        "settings": settings.all_keys(),
        "environment variables": settings.environment(),
        "profiles": PROFILES,
        "rules": KINDS,
        "extension paths": extension_api.document()["paths"],
        "faults": faults.KINDS,
        "metrics": extension_api.metrics(),
        "public names": set(public()),
        "fixtures": python_api.fixtures(),
    }
    totals = {name: len([*found]) for name, found in counted.items()}
    with capsys.disabled():
        print("\nreference: " + ", ".join(f"{count} {name}" for name, count in totals.items()))
    assert all(totals.values())


def test_objects_of_different_types_have_different_names() -> None:
    """A type of the same name would take the place of the first in the document."""
    types = [found.response for found in schemas.RESPONSES.values()]
    found = extension_api.document()["components"]["schemas"]
    for one in types:
        _, alone = msgspec.json.schema_components([one], ref_template=openapi.REFERENCE + "{name}")
        assert msgspec.json.decode(msgspec.json.encode(alone)).items() <= found.items()

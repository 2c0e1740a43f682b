"""Documentation that fails: tables match the code, commands and options exist, links lead somewhere."""

from __future__ import annotations

import doctest
import re
import shlex
from importlib import import_module
from pathlib import Path

import click
import pytest
import yaml

from sagemaker_registry.backends.service.operations import OPERATIONS
from sagemaker_registry.client.cli import main
from sagemaker_registry.client.commands import COMMANDS
from sagemaker_registry.client.commands import command as command_of
from support.blocks import parse

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for folder in ("", "docs", "benchmarks", "examples", "tests")
    for path in sorted((ROOT / folder).glob("*.md" if not folder else "**/*.md"))
    if not {"node_modules", "_intro"} & set(path.parts)
}
SHELL = [
    (page, line)
    for page, text in PAGES.items()
    for block in parse(text)
    if block.language in {"console", "sh"}
    for line in block.code.replace("\\\n", "").splitlines()
    if block.language == "sh" or line.startswith("$ ")
]
SHIPPED = {
    f"sagemaker_registry.{'.'.join(path.relative_to(ROOT).with_suffix('').parts)}": path
    for folder in ("backends", "client", "emulator")
    for path in sorted((ROOT / folder).rglob("*.py"))
}


def source_of(name: str) -> str:
    return SHIPPED[name].read_text(encoding="utf-8")


WITH_EXAMPLES = [name for name in SHIPPED if ">>> " in source_of(name)]


def test_the_readme_is_short() -> None:
    code = [line for block in parse(README) for line in block.code.splitlines() if line.strip()]
    words = re.sub(r"<!--.*?-->|^```.*?^```$", "", README, flags=re.DOTALL | re.MULTILINE).split()
    assert len(code) <= 20
    assert len(words) <= 600


def test_commands_in_the_documentation_exist() -> None:
    used = [
        (page, found[0])
        for page, line in SHELL
        if (found := re.search(r"sagemaker-registry (?!-)[^|&;>]*", line)) and "docker" not in line and "'" not in line
    ]
    assert len({page for page, _ in used}) > 10
    for page, line in used:
        _, name, *arguments = shlex.split(line, comments=True)
        command = command_of(name)
        while isinstance(command, click.Group) and arguments and arguments[0] in command.commands:
            command = command.commands[arguments.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
        if not isinstance(command, click.Group):  # history, which passes its options on
            assert {one for one in arguments if re.match("--?[a-z]", one)} <= options | {"--help"}, f"{page}: {line}"


def test_the_compose_file_starts_two_servers_on_one_database() -> None:
    services = yaml.safe_load((ROOT / "examples" / "compose.yaml").read_text(encoding="utf-8"))["services"]
    servers = [service for service in services.values() if service["image"] == "sagemaker-registry"]
    known = {option: parameter for parameter in command_of("serve").params for option in parameter.opts}
    assert len(servers) == 2
    assert len({server["ports"][0] for server in servers}) == 2
    for server in servers:
        name, *arguments = server["command"]
        assert name == "serve"
        assert {argument for argument in arguments if argument.startswith("--")} <= known.keys()
        (url,) = [value for variable, value in server["environment"].items() if variable == known["--backend"].envvar]
        assert url.startswith("postgresql://registry:")
        assert url.endswith("@database/registry")


def test_the_table_of_operations_is_what_the_registry_answers() -> None:
    table = PAGES["docs/explanation/fidelity.md"].split("## Operations")[1]
    assert re.findall(r"^\| (\w+) \|", table, re.MULTILINE)[1:] == list(OPERATIONS)


@pytest.mark.parametrize("command", [main, *map(command_of, COMMANDS)], ids=lambda command: command.name)
def test_help_says_what_it_does_and_shows_examples(command: click.Command) -> None:
    assert command.help
    assert "Examples:" in command.help or "examples" in command.help
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_row_loads_the_command_of_its_name(name: str) -> None:
    assert command_of(name).name == name


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_docstrings_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    printed: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for found in doctest.DocTestFinder().find(import_module(name)):
        runner.run(found, out=printed.append)
    assert runner.failures == 0, "".join(printed)
    assert runner.tries == len(re.findall(r"^ *>>> (?!.*\+SKIP)", source_of(name), re.MULTILINE)), (
        "an example did not run"
    )
    assert "+SKIP" not in source_of(name)


def test_examples_of_docstrings_are_found() -> None:
    assert {"sagemaker_registry.client.connection", "sagemaker_registry.client.registry.queries"} <= {*WITH_EXAMPLES}
    assert len(WITH_EXAMPLES) >= 6


def test_the_two_commands_are_what_ci_runs() -> None:
    """CI takes the test command from the README, so that the README cannot become outdated."""
    commands = [line for page, line in SHELL if page == "README.md" and line.startswith("python3 -m venv")]
    assert len(commands) == 2
    assert "-m pytest" in commands[1]
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_into_the_project_leads_somewhere(page: str) -> None:
    text = re.sub(r"^( *)```.*?^\1```$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    for path, anchor in re.findall(r"\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]*))?\)", text):
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), path
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{path}#{anchor}"


def anchors(text: str) -> set[str]:
    """Return the anchors that a forge gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}

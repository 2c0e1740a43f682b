"""Documentation that fails: README blocks run, tables match the code, commands and options exist."""

from __future__ import annotations

import doctest
import re
import shlex
from importlib import import_module
from pathlib import Path

import click
import msgspec
import pytest
import yaml

from sagemaker_registry.backends.config import load
from sagemaker_registry.backends.service.operations import OPERATIONS
from sagemaker_registry.backends.settings import Settings
from sagemaker_registry.client.cli import main
from sagemaker_registry.client.commands import MODULE_OF, MODULES
from sagemaker_registry.client.commands import command as command_of
from support.server import Emulator

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("block", PYTHON, ids=range(len(PYTHON)))
def test_python_blocks_run(
    block: str, emulator: Emulator, account: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    assert capsys.readouterr().out.startswith("[")


def test_commands_in_the_readme_exist() -> None:
    lines = [line for block in SHELL for line in block.splitlines() if "sagemaker-registry " in line]
    used = [line[line.index("sagemaker-registry ") :] for line in lines if not line.startswith("docker")]
    assert used
    for line in used:
        _, name, *arguments = shlex.split(line, comments=True)
        command = command_of(name)
        while isinstance(command, click.Group) and arguments and arguments[0] in command.commands:
            command = command.commands[arguments.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {argument for argument in arguments if argument.startswith("-")} <= options, line


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


def test_every_option_of_serve_is_in_the_readme() -> None:
    for parameter in command_of("serve").params:
        assert re.search(rf"\| `{parameter.opts[0]}[ `]", README)
        if isinstance(parameter, click.Option) and parameter.show_default:
            assert f"`{parameter.default}`" in README


def test_the_settings_shown_are_all_there_are_with_their_defaults(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    file = tmp_path / "registry.toml"
    file.write_text(shown, encoding="utf-8")
    assert load(file) == Settings()
    tables = [table for table in msgspec.structs.asdict(Settings()).values() if isinstance(table, msgspec.Struct)]
    switches = [name for table in tables for name in msgspec.structs.asdict(table)]
    assert re.findall(r"^(\w+) =", shown, re.MULTILINE) == switches


def test_the_table_of_operations_is_what_the_registry_answers() -> None:
    table = README.split("## What is answered")[1].split("##")[0]
    assert re.findall(r"^\| (\w+) \|", table, re.MULTILINE)[1:] == list(OPERATIONS)


@pytest.mark.parametrize("command", [main, *map(command_of, MODULE_OF)], ids=lambda command: command.name)
def test_help_says_what_it_does_and_shows_examples(command: click.Command) -> None:
    assert command.help
    assert "Examples:" in command.help or "examples" in command.help
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option))


@pytest.mark.parametrize(("module", "names"), MODULES.items())
def test_the_commands_of_a_module_are_where_the_command_looks_for_them(module: str, names: tuple[str, ...]) -> None:
    loaded = import_module(f"sagemaker_registry.client.commands.{module}")
    assert tuple(command.name for command in loaded.ALL) == names


@pytest.mark.parametrize(
    "name", ["sagemaker_registry.client.connection", "sagemaker_registry.client.registry.registry"]
)
def test_docstrings_run(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def test_the_two_commands_are_what_ci_runs() -> None:
    """CI takes the test command from the README, so that the README cannot rot."""
    commands = [line for block in SHELL for line in block.splitlines() if line.startswith("python3 -m venv")]
    assert len(commands) == 2
    assert "-m pytest" in commands[1]
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_link_into_the_project_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", README):
        assert (ROOT / target).exists(), target

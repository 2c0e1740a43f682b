"""The `doctor`, `completion`, and `credentials` commands."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from ...backends.text import printable
from .output import JSON, NO, REGION, URL, Choice, SuggestingGroup, credentials_option, errors_reported, print_json

COLORS = {"ok": "green", "warning": "yellow", "failed": "red"}
PROGRAM = "sagemaker-registry"
COMPLETE_VARIABLE = "_SAGEMAKER_REGISTRY_COMPLETE"


@click.command()
@URL
@REGION
@JSON
def doctor(url: str | None, region: str | None, as_json: bool) -> None:
    """Find problems in the installation and the registry.

    Checks the installed packages, the environment, and the registry. Changes nothing and shows no secrets. Exits with
    code 1 if a check fails.

    \b
    Examples:
      sagemaker-registry doctor --url http://127.0.0.1:8080
      sagemaker-registry doctor --url sqlite:///registry.db --json
    """
    from ...backends.diagnosis import Check
    from ..doctor import examine

    found: list[Check] = []
    for check in examine(url, region=region):
        found.append(check)
        if not as_json:
            verdict = click.style(f"{check.verdict:8}", fg=COLORS[check.verdict])
            click.echo(f"{verdict} {check.name:12} {printable(' '.join(check.sentence.split()))}")
            if check.advice:
                click.echo(f"{'':22}{check.advice}")
    if as_json:
        print_json([asdict(check) for check in found])
    if any(check.verdict == "failed" for check in found):
        sys.exit(NO)


@click.command()
@click.argument("shell", type=Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Set up completion of commands, groups, and versions.

    Prints a completion script for SHELL. The script reads groups and versions from the registry of --url or
    SAGEMAKER_REGISTRY_URL, and offers none if the registry does not respond within one second.

    \b
    Examples:
      sagemaker-registry completion bash > ~/.local/share/bash-completion/completions/sagemaker-registry
      sagemaker-registry completion zsh > "${fpath[1]}/_sagemaker-registry"
      sagemaker-registry completion fish > ~/.config/fish/completions/sagemaker-registry.fish
    """
    kind = get_completion_class(shell)
    if kind is None:  # click has had all three since 8.0
        raise click.UsageError(f"the installed version of click has no completion for {shell}; upgrade click")
    program = click.get_current_context().find_root().command
    click.echo(kind(program, {}, PROGRAM, COMPLETE_VARIABLE).source())


@click.group(cls=SuggestingGroup)
def credentials() -> None:
    """Create access keys for people and jobs.

    A server that is started with --credentials accepts only requests signed with a key of that file. The file has the
    format of ~/.aws/credentials, with one profile for each person or job. Only its owner can read it.

    \b
    Examples:
      sagemaker-registry credentials add alice --file keys.ini
      sagemaker-registry serve --credentials keys.ini
    """


@credentials.command()
@click.argument("name")
@credentials_option("--file", required=True, help="Credentials file; created if it does not exist.")
@JSON
def add(name: str, file: Path, as_json: bool) -> None:
    """Create an access key for NAME and append it to the file.

    Prints the key as shell commands, or as JSON. A running server reads the file again only when it is restarted.

    \b
    Examples:
      sagemaker-registry credentials add alice --file keys.ini
      sagemaker-registry credentials add ci --file keys.ini --json
    """
    from ...backends.credentials import KEY, SECRET
    from ...backends.credentials import add as write

    with errors_reported():
        made = write(file, name)
    if as_json:
        print_json({"profile": made.profile, KEY: made.access_key, SECRET: made.secret})
        return
    click.echo(f"Created an access key for {name} in {file}. To sign requests as {name}:", err=True)
    click.echo(f"export {KEY.upper()}={made.access_key}")
    click.echo(f"export {SECRET.upper()}={made.secret}")
    click.echo(f"To verify signatures, start the server with: serve --credentials {file}", err=True)

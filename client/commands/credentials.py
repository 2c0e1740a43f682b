"""The commands about access keys: `credentials add`, for servers whose requests must be signed."""

from __future__ import annotations

from pathlib import Path

import click

from .output import REFUSED, end, print_json


@click.group()
def credentials() -> None:
    """Access keys of a server that verifies signatures.

    They are kept in a file of AWS's own format, as ~/.aws/credentials: a profile for each person or job, readable by
    its owner alone.

    \b
    Examples:
      sagemaker-registry credentials add alice --file keys.ini
      sagemaker-registry serve --credentials keys.ini
    """


@credentials.command()
@click.argument("name")
@click.option(
    "--file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="SAGEMAKER_REGISTRY_CREDENTIALS",
    show_envvar=True,
    metavar="FILE",
    help="The credentials file; it is made if there is none.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the keys as JSON, for programs.")
def add(name: str, file: Path, as_json: bool) -> None:
    """Make an access key for NAME, and write it at the end of the file.

    The secret is random. A server that runs reads the file when it starts the next time.

    \b
    Examples:
      sagemaker-registry credentials add alice --file keys.ini
      sagemaker-registry credentials add ci --file keys.ini --json
    """
    from ...backends.credentials import KEY, SECRET
    from ...backends.credentials import add as write
    from ...backends.errors import BackendUnavailable

    try:
        made = write(file, name)
    except BackendUnavailable as error:
        end(str(error), REFUSED)
    if as_json:
        print_json({"profile": made.profile, KEY: made.access_key, SECRET: made.secret})
        return
    click.echo(f"{name} has a key in {file}. Whoever is {name} signs with:", err=True)
    click.echo(f"export {KEY.upper()}={made.access_key}")
    click.echo(f"export {SECRET.upper()}={made.secret}")
    click.echo(f"The server verifies it when it is started with: serve --credentials {file}", err=True)

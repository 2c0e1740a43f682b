"""Options, output, error handling, and exit codes shared by the commands."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import click

NO, ERROR, TIMED_OUT, INTERRUPTED = 1, 2, 3, 130
"""Exit codes: 1 no (nothing approved, rejected, or different), 2 an error or wrong usage, 3 timed out, 130 Ctrl-C."""

STATUSES = click.Choice(["Approved", "Rejected", "PendingManualApproval"])
URL = click.option(
    "--url",
    envvar="SAGEMAKER_REGISTRY_URL",
    show_envvar=True,
    metavar="URL",
    help="Registry to use, such as http://127.0.0.1:8080 or sqlite:///FILE. Default: the file in your data folder.",
)
REGION = click.option(
    "--region", metavar="REGION", help="AWS region. Default: the region of your AWS configuration, or us-east-1."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
YES = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")

Command = Callable[..., Any]


class SuggestingGroup(click.Group):
    """A group that suggests the closest command for a mistyped one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and self.get_command(ctx, name) is None:
            close = get_close_matches(name, self.list_commands(ctx), 1)
            suggestion = f" Did you mean {close[0]}?" if close else ""
            raise click.UsageError(f'there is no command "{name}".{suggestion}', ctx)
        return super().resolve_command(ctx, args)


def credentials_option(name: str, **more: Any) -> Callable[[Command], Command]:
    """Return the option for the file of access keys."""
    path, variable = click.Path(dir_okay=False, path_type=Path), "SAGEMAKER_REGISTRY_CREDENTIALS"
    return click.option(name, type=path, envvar=variable, show_envvar=True, metavar="FILE", **more)


def on_registry(command: Command) -> Command:
    """Add --url, --region, and --json to a command, open the registry for it, and report errors."""

    @URL
    @REGION
    @JSON
    @wraps(command)
    def run(url: str | None, region: str | None, **arguments: Any) -> None:
        from ..registry.registry import ModelRegistry

        with errors_reported(), ModelRegistry(url, **region_option(region)) as registry:
            command(registry, **arguments)

    return run


def region_option(region: str | None) -> dict[str, Any]:
    """Return the boto3 client options for --region."""
    return {"region_name": region} if region else {}


def print_rows(rows: Iterable[dict[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows as JSON or as a table, which has a heading only on a terminal."""
    found = list(rows)
    if as_json:
        print_json(found)
        return
    cells = [[_cell(row[column]) for column in columns] for row in found]
    widths = [max([len(column), *(len(line[place]) for line in cells)]) for place, column in enumerate(columns)]
    if sys.stdout.isatty():
        click.secho(_line([column.upper() for column in columns], widths), bold=True)
    for line in cells:
        click.echo(_line(line, widths))


def print_result(value: Any, text: str, *, as_json: bool) -> None:
    """Print a value as JSON, or the text that describes it."""
    print_json(value) if as_json else click.echo(text)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, default=lambda moment: moment.isoformat()))


def is_group(name: str) -> bool:
    """Return whether a name or an ARN is that of a group, not that of a version."""
    return ":model-package-group/" in name or (":model-package/" not in name and "/" not in name)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 policy, 2 policies."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def confirm(question: str, unattended: str, declined: str, *, err: bool = True) -> None:
    """Ask on a terminal; exit if the answer is no, or if there is no terminal."""
    if not sys.stdin.isatty():
        fail(unattended)
    if not click.confirm(question, err=err):
        fail(declined, NO)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else " ".join(str(value).split())


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


@contextmanager
def errors_reported() -> Iterator[None]:
    """Print errors that the user can correct as one sentence, and exit with code 2."""
    from ...backends.errors import BackendUnavailable

    try:
        yield
    except (BackendUnavailable, ValueError) as error:
        fail(str(error))
    except Exception as error:
        from botocore.exceptions import BotoCoreError, ClientError  # slow to import, and not needed by every command

        if isinstance(error, ClientError):
            fail(f"{error.response['Error']['Code']}: {error.response['Error']['Message']}")
        if isinstance(error, BotoCoreError):
            fail(str(error))
        raise


def fail(message: str, code: int = ERROR) -> NoReturn:
    """Print a message on stderr and exit."""
    click.echo(f"sagemaker-registry: {message}", err=True)
    sys.exit(code)

"""Options, output, error handling, and exit codes shared by the commands."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ...backends.text import printable
from . import may_create

if TYPE_CHECKING:
    from ..registry import ModelRegistry

NO, ERROR, TIMED_OUT, INCOMPLETE, INTERRUPTED = 1, 2, 3, 6, 130
"""Exit codes: 1 no (nothing approved, rejected, or different), 2 an error or wrong usage, 3 timed out, 6 approved, but
more approvals are required, 130 Ctrl-C."""

_MISSING = (
    re.compile(r":model-package(?:-group)?/(?P<group>[^/\s]+)\S* does not exist"),
    re.compile(r"There is no history of (?P<group>[^/:\s]+)"),
    re.compile(r"Model package (?P<group>[^/\s]+)\S* not found"),  # moto
)
_MOST_NAMES = 1000
"""Most names of groups among which a suggestion is sought."""


class Choice(click.Choice):  # type: ignore[type-arg] # generic only since click 8.2
    """A choice that suggests the closest value for a mistyped one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            values = {str(choice).lower(): choice for choice in self.choices}
            close = get_close_matches(str(value).lower(), values, 1)
            if not close:
                raise
            self.fail(f"{error.message} Did you mean {values[close[0]]}?", param, ctx)


STATUSES = Choice(["Approved", "Rejected", "PendingManualApproval"])
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
    """Add --url, --region, and --json to a command, open the registry for it, and report errors.

    A missing file is an error and is not created, unless the command's row in the table allows it.
    """

    @URL
    @REGION
    @JSON
    @wraps(command)
    def run(url: str | None, region: str | None, **arguments: Any) -> None:
        from ..registry.registry import ModelRegistry

        with errors_reported():
            if not may_create(click.get_current_context()):
                require_file(url)
            with ModelRegistry(url, **region_option(region)) as registry, names_suggested(registry):
                command(registry, **arguments)

    return run


def require_file(url: str | None) -> None:
    """Exit if the URL names a file that does not exist, which opening it would create."""
    from ...backends.urls import database_file, default_url

    file = database_file(url or default_url())
    if file is not None and not file.exists():
        serve = f"sagemaker-registry serve --backend {url}" if url else "sagemaker-registry serve"
        fail(f"there is no registry at {file}; check the URL, or create one with `{serve}`")


def require_existing(registry: ModelRegistry, name: str) -> None:
    """Raise the registry's error if a group or version does not exist, and has no history either."""
    from ..extensions import offers

    if offers(registry.boto3, "history") and next(registry.history(name), None) is not None:
        return
    if is_group(name):
        registry.boto3.describe_model_package_group(ModelPackageGroupName=name)
    else:
        registry.get(name)


@contextmanager
def names_suggested(registry: ModelRegistry) -> Iterator[None]:
    """Add a similar name of a group to the error for one that does not exist."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        message = error.response["Error"]["Message"]
        missing = next((match["group"] for one in _MISSING if (match := one.search(message))), None)
        if missing is None:
            raise
        names = [group.name for group in islice(registry.groups(), _MOST_NAMES)]
        close = get_close_matches(missing, names, 1)
        if missing in names and ":model-package/" in message and "/" not in message.partition(":model-package/")[2]:
            fail(f"{missing} is a group; add the number of a version, such as {missing}/1")
        if missing in names or not close:
            raise
        fail(f"{_described(error)} Did you mean {close[0]}?")


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
    print_json(value) if as_json else click.echo(printable(text, keep="\n"))


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
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else printable(" ".join(str(value).split()))


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
            fail(_described(error))
        if isinstance(error, BotoCoreError):
            fail(str(error))
        raise


def _described(error: Any) -> str:
    return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"


def fail(message: str, code: int = ERROR) -> NoReturn:
    """Print a message on stderr and exit."""
    click.echo(f"sagemaker-registry: {printable(message, keep=chr(10))}", err=True)
    sys.exit(code)

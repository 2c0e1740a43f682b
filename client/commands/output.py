"""How every command reads a registry and speaks: tables, JSON, one sentence for a refusal, exit codes.

Tables on a terminal and in pipes; `--json` for programs. Exit codes: 0 done, 1 no (nothing approved, rejected), 2 a
refusal or wrong usage, 3 timed out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, NoReturn

import click

NO, REFUSED, TIMED_OUT = 1, 2, 3

Command = Callable[..., Any]


def on_registry(command: Command) -> Command:
    """Give a command a registry, opened by --url, and turn refusals into one sentence and exit code 2."""

    @click.option("--url", envvar="SAGEMAKER_REGISTRY_URL", show_envvar=True, help="The registry, as for connect().")
    @click.option("--region", help="The AWS region; us-east-1 unless the environment says otherwise.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
    @wraps(command)
    def run(url: str | None, region: str | None, **arguments: Any) -> None:
        from ..registry.registry import ModelRegistry

        boto: dict[str, Any] = {"region_name": region} if region else {}
        with refusals(), ModelRegistry(url, **boto) as registry:
            command(registry, **arguments)

    return run


def print_rows(rows: Iterable[dict[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print rows as they come: JSON, or a table with a heading on a terminal only."""
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


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, default=lambda moment: moment.isoformat()))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:%Y-%m-%d %H:%M:%S}" if hasattr(value, "strftime") else " ".join(str(value).split())


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


@contextmanager
def refusals() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    from ...backends.errors import BackendUnavailable

    try:
        yield
    except ClientError as error:
        end(f"{error.response['Error']['Code']}: {error.response['Error']['Message']}", REFUSED)
    except (BotoCoreError, BackendUnavailable, ValueError) as error:
        end(str(error), REFUSED)


def end(sentence: str, code: int) -> NoReturn:
    click.echo(f"sagemaker-registry: {sentence}", err=True)
    sys.exit(code)

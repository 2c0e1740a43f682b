"""The `sagemaker-registry` command; each subcommand imports what it needs when it runs, so that `--help` is fast."""

from __future__ import annotations

from typing import Any

import click

from . import commands
from .commands.output import INTERRUPTED, SuggestingGroup, fail

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Commands(SuggestingGroup):
    """A group that imports a command when it is run or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(commands.COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return commands.command(cmd_name) if cmd_name in commands.COMMANDS else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C exits with 130, as a shell expects, because 1 is the answer no."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            fail("interrupted", INTERRUPTED)


@click.group(cls=Commands, context_settings=SETTINGS)
@click.version_option(package_name="sagemaker-registry", message="%(prog)s %(version)s")
def main() -> None:
    """Review, approve, and promote model versions with the SageMaker Model Registry API, locally or on AWS.

    \b
    Examples:
      sagemaker-registry quickstart    # from training to deployment, in one minute
      sagemaker-registry serve         # on http://127.0.0.1:8080, stored in a file in your data folder
      sagemaker-registry pending --url http://127.0.0.1:8080
      sagemaker-registry approve churn/3 --reason "ticket 42" --url http://127.0.0.1:8080
    """


if __name__ == "__main__":
    main(prog_name="sagemaker-registry")

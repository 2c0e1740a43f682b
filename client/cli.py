"""The command `sagemaker-registry`, for people at a terminal and for scripts.

Heavy imports happen inside the commands: `--help` answers at once.
"""

from __future__ import annotations

import click

from . import commands

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Commands(click.Group):
    """The commands, each loaded when it is typed, or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(commands.COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return commands.command(cmd_name) if cmd_name in commands.COMMANDS else None


@click.group(cls=Commands, context_settings=SETTINGS)
@click.version_option(package_name="sagemaker-registry", message="%(prog)s %(version)s")
def main() -> None:
    """The Amazon SageMaker Model Registry on your machine.

    \b
    Examples:
      sagemaker-registry quickstart           a model from training to deployment, in one minute
      sagemaker-registry serve                a registry on http://127.0.0.1:8080, kept in ./registry.db
      sagemaker-registry pending --url http://127.0.0.1:8080           versions waiting for a decision
      sagemaker-registry approve churn/3 --reason "ticket 42" --url http://127.0.0.1:8080
    """


if __name__ == "__main__":
    main(prog_name="sagemaker-registry")

"""The table of the subcommands of `sagemaker-registry`, each with its function and its access to the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from typing import Final

import click


class Access(Enum):
    """What a command does to the registry of its URL."""

    NO_REGISTRY = "opens no registry"
    READS = "only reads; a missing file is an error"
    CHANGES = "changes what exists; a missing file is an error"
    CREATES = "may create the file of the registry"


@dataclass(frozen=True, slots=True)
class Row:
    """A command: its function, as `module:function`, and its access to the registry."""

    function: str
    access: Access


COMMANDS: Final[Mapping[str, Row]] = {
    "serve": Row("serve:serve", Access.CREATES),
    "quickstart": Row("serve:quickstart", Access.CREATES),
    "groups": Row("review:groups", Access.READS),
    "versions": Row("review:versions", Access.READS),
    "pending": Row("review:pending", Access.READS),
    "show": Row("review:show", Access.READS),
    "approve": Row("review:approve", Access.CHANGES),
    "reject": Row("review:reject", Access.CHANGES),
    "latest": Row("review:latest", Access.READS),
    "wait": Row("review:wait", Access.READS),
    "diff": Row("review:diff", Access.READS),
    "explain": Row("review:explain", Access.READS),
    "register": Row("register:register", Access.CREATES),
    "search": Row("register:search", Access.READS),
    "delete": Row("register:delete", Access.CHANGES),
    "history": Row("history:history", Access.READS),
    "as-of": Row("history:as_of", Access.READS),
    "events": Row("events:events", Access.READS),
    "watch": Row("events:watch", Access.READS),
    "deliveries": Row("events:deliveries", Access.READS),
    "replay": Row("events:replay", Access.CHANGES),
    "export": Row("archive:export", Access.READS),
    "import": Row("archive:import_", Access.CREATES),
    "backup": Row("archive:backup", Access.READS),
    "plan": Row("promotion:plan", Access.READS),
    "apply": Row("promotion:apply", Access.CREATES),
    "verify": Row("verify:verify", Access.CREATES),
    "doctor": Row("admin:doctor", Access.READS),
    "completion": Row("admin:completion", Access.NO_REGISTRY),
    "credentials": Row("admin:credentials", Access.NO_REGISTRY),
    "seed": Row("testing:seed", Access.CREATES),
    "control": Row("testing:control_group", Access.CHANGES),
}


def command(name: str) -> click.Command:
    module, _, function = COMMANDS[name].function.partition(":")
    found: click.Command = getattr(import_module(f"{__name__}.{module}"), function)
    return found


def may_create(context: click.Context) -> bool:
    """Return whether the command of a context, or the command that it is a subcommand of, may create a registry."""
    while context.parent is not None and context.parent.parent is not None:
        context = context.parent
    row = COMMANDS.get(context.info_name or "")
    return row is not None and row.access is Access.CREATES

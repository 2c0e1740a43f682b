"""The subcommands of `sagemaker-registry`, by name, and the function that imports them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

COMMANDS: Final[Mapping[str, str]] = {
    # name: module:function
    "serve": "serve:serve",
    "quickstart": "serve:quickstart",
    "groups": "review:groups",
    "versions": "review:versions",
    "pending": "review:pending",
    "show": "review:show",
    "approve": "review:approve",
    "reject": "review:reject",
    "latest": "review:latest",
    "wait": "review:wait",
    "diff": "review:diff",
    "explain": "review:explain",
    "register": "register:register",
    "search": "register:search",
    "delete": "register:delete",
    "history": "history:history",
    "as-of": "history:as_of",
    "events": "events:events",
    "watch": "events:watch",
    "deliveries": "events:deliveries",
    "replay": "events:replay",
    "export": "archive:export",
    "import": "archive:import_",
    "backup": "archive:backup",
    "plan": "promotion:plan",
    "apply": "promotion:apply",
    "verify": "verify:verify",
    "doctor": "admin:doctor",
    "completion": "admin:completion",
    "credentials": "admin:credentials",
    "seed": "testing:seed",
    "control": "testing:control_group",
}


def command(name: str) -> click.Command:
    module, _, function = COMMANDS[name].partition(":")
    found: click.Command = getattr(import_module(f"{__name__}.{module}"), function)
    return found

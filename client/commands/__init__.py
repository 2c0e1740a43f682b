"""What can be typed after `sagemaker-registry`: one module for each kind of task, loaded when it is typed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

MODULES: Final[Mapping[str, tuple[str, ...]]] = {
    "serve": ("serve", "quickstart"),
    "review": ("groups", "versions", "pending", "show", "approve", "reject", "latest", "wait", "diff"),
    "explanation": ("explain",),
    "register": ("register", "search", "delete"),
    "history": ("history", "as-of"),
    "events": ("events", "watch", "deliveries", "replay"),
    "archive": ("export", "import"),
    "backup": ("backup",),
    "promotion": ("plan", "apply"),
    "verify": ("verify",),
    "admin": ("doctor", "completion"),
    "testing": ("seed", "control"),
    "credentials": ("credentials",),
}
"""The commands of each module, whose `ALL` has them in the same order."""

MODULE_OF: Final = {name: module for module, names in MODULES.items() for name in names}


def command(name: str) -> click.Command:
    """Return a command by its name."""
    module = import_module(f"{__name__}.{MODULE_OF[name]}")
    found: click.Command = module.ALL[MODULES[MODULE_OF[name]].index(name)]
    return found

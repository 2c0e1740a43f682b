"""The path and target prefixes that the server routes by."""

from __future__ import annotations

from typing import Final

CONSOLE_PREFIX: Final = "/console"

MOTO = "/moto-api/"
RESET = f"{MOTO}reset"

TARGET_PREFIX: Final = "SageMaker."

EXTENSION_PREFIX: Final = "/_registry"
"""The prefix of the extension API."""


def is_console(path: str) -> bool:
    return path == CONSOLE_PREFIX or path.startswith(f"{CONSOLE_PREFIX}/")

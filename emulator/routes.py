"""Every path prefix and target prefix that the server routes by."""

from __future__ import annotations

from typing import Final

CONSOLE_PREFIX: Final = "/console"

MOTO = "/moto-api/"
RESET = f"{MOTO}reset"

TARGET_PREFIX: Final = "SageMaker."

EXTENSION_PREFIX: Final = "/_registry"
"""Of the server's own paths."""


def is_console(path: str) -> bool:
    return path == CONSOLE_PREFIX or path.startswith(f"{CONSOLE_PREFIX}/")

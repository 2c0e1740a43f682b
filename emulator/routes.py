"""The path and target prefixes that the server routes by, and its marks in the environment of a request."""

from __future__ import annotations

from typing import Final

CONSOLE_PREFIX: Final = "/console"

MOTO = "/moto-api/"
RESET = f"{MOTO}reset"

TARGET_PREFIX: Final = "SageMaker."

MAY_RESET: Final = "sagemaker_registry.may_reset"
"""The key in the environment of a WSGI request that may reset moto."""

ALLOWED: Final = "sagemaker_registry.allowed"
"""The key in the environment of a WSGI request that the registry has allowed already."""

EXTENSION_PREFIX: Final = "/_registry"
"""The prefix of the extension API."""


def is_moto_api(path: str) -> bool:
    """Return whether a path belongs to moto's own API, which resets, records and replays."""
    return f"/{path.lstrip('/')}/".startswith(MOTO)


def is_console(path: str) -> bool:
    return path == CONSOLE_PREFIX or path.startswith(f"{CONSOLE_PREFIX}/")

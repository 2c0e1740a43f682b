"""Generator of the reference: pages in Markdown, made from the code that they describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from . import commands, errors, extension_api, profiles, python_api, settings

REFERENCE = Path(__file__).parents[1] / "reference"

PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands.page,
    "settings.md": settings.page,
    "profiles-and-rules.md": profiles.page,
    "extension-api.md": extension_api.page,
    "python.md": python_api.page,
    "errors.md": errors.page,
}
"""The function that generates each page in docs/reference."""

"""The pages of the console: the PAGE of each module, in the order of the menu."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from ..page import Page

MODULES: Final = (
    *("inbox", "groups", "compare", "history", "health"),
    *("group", "version", "decision", "keys", "login", "link"),
)
PAGES: Final[tuple[Page, ...]] = tuple(import_module(f".{name}", __name__).PAGE for name in MODULES)

"""A backend on the network: AWS JSON 1.1 over HTTP, and every other AWS call beside it."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "/_registry"
"""Of the server's own paths."""

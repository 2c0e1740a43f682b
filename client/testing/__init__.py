"""Test control of a registry: reset, snapshots, clock, faults and recorded requests."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .control import Control, Fault, connect
    from .recorded_requests import Call, Calls

__all__ = ["Call", "Calls", "Control", "Fault", "connect"]


def __getattr__(name: str) -> Any:
    if name not in __all__:  # imported lazily: pytest imports this package in every run, for the plugin
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "recorded_requests" if name in ("Call", "Calls") else "control"
    return getattr(import_module(f"{__name__}.{module}"), name)

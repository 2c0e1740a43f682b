"""Test control of a registry: reset, snapshots, the clock, faults, and the log of requests."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .control import Control, Fault, connect
    from .recorded_requests import Call, Calls

__all__ = ["Call", "Calls", "Control", "Fault", "connect"]


def __getattr__(name: str) -> Any:
    if name not in __all__:  # loaded at their first use: pytest loads this package in every run, for the plugin
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "recorded_requests" if name in ("Call", "Calls") else "control"
    return getattr(import_module(f"{__name__}.{module}"), name)

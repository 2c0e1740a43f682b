"""Clients for any registry: `connect` returns a stock boto3 client, `ModelRegistry` wraps one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .connection import connect

if TYPE_CHECKING:
    from .registry.registry import ModelRegistry

__all__ = ["ModelRegistry", "connect"]


def __getattr__(name: str) -> Any:
    if name == "ModelRegistry":  # imported lazily, so that `--help` of the command stays fast
        from .registry.registry import ModelRegistry

        return ModelRegistry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

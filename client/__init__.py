"""One client for every registry: a stock boto3 `sagemaker` client, or `ModelRegistry`, on whatever a URL names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .connection import connect

if TYPE_CHECKING:
    from .registry.registry import ModelRegistry

__all__ = ["ModelRegistry", "connect"]


def __getattr__(name: str) -> Any:
    if name == "ModelRegistry":  # loaded at its first use: a command's `--help` needs none of it
        from .registry.registry import ModelRegistry

        return ModelRegistry
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

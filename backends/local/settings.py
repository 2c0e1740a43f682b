"""What a registry may be set to do otherwise: the switches of `registry.toml`, each with AWS's behaviour as default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """The switches of a registry."""

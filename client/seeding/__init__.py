"""Seeds: files of groups and versions to create in a registry, for tests and demonstrations."""

from __future__ import annotations

from .apply import SeedResult, apply_seed, seeder
from .files import BadSeed
from .parser import Seed, read

__all__ = ["BadSeed", "Seed", "SeedResult", "apply_seed", "read", "seeder"]

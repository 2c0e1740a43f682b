"""Seeds: small files of groups and versions that a registry begins with, for tests and demonstrations."""

from __future__ import annotations

from .apply import Sown, planting, sow
from .files import BadSeed
from .parser import Seed, read

__all__ = ["BadSeed", "Seed", "Sown", "planting", "read", "sow"]

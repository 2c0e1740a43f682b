"""Seeds: small files of groups and versions that a registry begins with, for tests and demonstrations."""

from __future__ import annotations

from .files import BadSeed
from .planting import planting
from .reading import Seed, read
from .sowing import Sown, sow

__all__ = ["BadSeed", "Seed", "Sown", "planting", "read", "sow"]

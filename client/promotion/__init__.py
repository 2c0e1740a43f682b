"""Promotion of versions from one registry to another: make a plan, show it, apply it."""

from .applying import Done, Forgotten, Stale, apply
from .mapping import Mappings, pairs
from .planning import Refused, plan
from .plans import Plan, Same, Skipped, Step, name_of

__all__ = [
    "Done",
    "Forgotten",
    "Mappings",
    "Plan",
    "Refused",
    "Same",
    "Skipped",
    "Stale",
    "Step",
    "apply",
    "name_of",
    "pairs",
    "plan",
]

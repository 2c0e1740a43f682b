"""The high-level client: groups, versions, decisions, history and events as Python objects."""

from ...backends.views import Break, Difference, Explanation, Group, HistoryEntry, Verified, Version
from .registry import ModelRegistry
from .versions import Comparison, NoApprovedVersion, Rejected

__all__ = [
    "Break",
    "Comparison",
    "Difference",
    "Explanation",
    "Group",
    "HistoryEntry",
    "ModelRegistry",
    "NoApprovedVersion",
    "Rejected",
    "Verified",
    "Version",
]

"""The high-level client: a registry's groups, versions, decisions, history and events as Python objects."""

from .explanations import Explanation
from .history import Break, Change, Verified
from .registry import ModelRegistry
from .versions import Comparison, Difference, Group, NoApprovedVersion, Rejected, Version

__all__ = [
    "Break",
    "Change",
    "Comparison",
    "Difference",
    "Explanation",
    "Group",
    "ModelRegistry",
    "NoApprovedVersion",
    "Rejected",
    "Verified",
    "Version",
]

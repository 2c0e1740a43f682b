"""What may be wrong between a user and a registry, looked at one by one: the command `doctor`."""

from ...backends.diagnosis import Check, Verdict
from .checks import examine

__all__ = ["Check", "Verdict", "examine"]

"""What may be wrong between a user and a registry, looked at one by one: the command `doctor`."""

from .checks import Check, Verdict, examine

__all__ = ["Check", "Verdict", "examine"]

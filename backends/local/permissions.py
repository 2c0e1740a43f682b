"""Who may use another account's group: the group's resource policy, evaluated for a caller."""

from __future__ import annotations

from ..base import Caller
from .arns import Arn
from .rows import Reading


def allows(rows: Reading, caller: Caller, operation: str, arn: Arn) -> bool:
    """Whether the policy of the group that `arn` belongs to lets the caller perform the operation on it.

    Args:
        rows: where policies are.
        caller: who asks, of another account than the resource.
        operation: AWS's name, as in `DescribeModelPackage`.
        arn: the group, one of its versions, or all of them (version `*`).
    """
    return False

"""The suite every registry passes, written as a boto3 user would write it; shipped for third-party backends.

A backend's test module subclasses these classes and provides one fixture, `sagemaker`: a stock boto3 client of the
service on an empty registry. `group` and `register` come with the base class. A registry that answers only some of the
operations says which: `answering(client, operations)` makes the tests that need another be skipped.
"""

from .base import answering
from .groups import GroupContract
from .lists import ListContract
from .packages import PackageContract
from .policies import PolicyContract
from .search import SearchContract
from .tags import BatchContract, TagContract
from .updates import UpdateContract

__all__ = [
    "BatchContract",
    "GroupContract",
    "ListContract",
    "PackageContract",
    "PolicyContract",
    "SearchContract",
    "TagContract",
    "UpdateContract",
    "answering",
]

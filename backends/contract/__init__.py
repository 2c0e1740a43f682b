"""The contract tests that every backend must pass, written with boto3; usable for third-party backends."""

# To use them, subclass these classes in a test module and provide the fixture `sagemaker`: a boto3 client of SageMaker
# on an empty registry. If a backend supports only some operations, return `answering(client, operations)`: tests that
# call other operations are then skipped.

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

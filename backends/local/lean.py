"""sqlite-utils without the data libraries it imports wherever it finds them.

It takes numpy and pandas along, only to know the types of values to insert; none of ours is theirs. In the
environments of those who train models they are always there, and would cost a server 0.1 s and 20 MiB (numpy), or half
a second (pandas).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Make imports of these modules fail inside the block, unless they are loaded or another thread might want them."""
    absent = [name for name in names if name not in sys.modules and threading.active_count() == 1]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


with _hidden("numpy", "pandas"):
    from sqlite_utils import Database, Migrations
    from sqlite_utils.db import Table

__all__ = ["Database", "Migrations", "Table"]

"""sqlite-utils, in a server without the data libraries it imports wherever it finds them.

It takes numpy and pandas along, only to know the types of values to insert; none of ours is theirs. In the
environments of those who train models they are always there, and would cost a server 0.1 s and 20 MiB (numpy), or half
a second (pandas). A notebook or a script keeps them: what else it does with sqlite-utils is its own business.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...errors import BackendUnavailable

if TYPE_CHECKING:
    from sqlite_utils import Database, Migrations

_left_out: list[str] = []


def leave_out(*names: str) -> None:
    """Have sqlite-utils load without these libraries, in a process that is a server and nothing else."""
    _left_out.extend(names)


def load() -> tuple[type[Database], type[Migrations]]:
    """Return what we use of sqlite-utils.

    Raises:
        BackendUnavailable: it is not installed.
    """
    try:
        with _hidden(*_left_out):
            from sqlite_utils import Database, Migrations
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            f"an older release made the database, and to bring it up to date needs the package {error.name!r}: "
            "pip install 'sagemaker-registry[server]'"
        ) from error
    return Database, Migrations


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

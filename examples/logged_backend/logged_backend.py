"""An example of a backend by a third party: `logged:URL` is the registry of that URL, with a log line for each call.

Whatever answers `call` can be a registry: served, guarded by rules, behind `connect()` and every command.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from sagemaker_registry.backends import RegistryError, open_backend
from sagemaker_registry.backends.base import Backend, BackendOptions, Caller

log = logging.getLogger(__name__)


def open_registry(url: str, options: BackendOptions) -> LoggedBackend:
    """Open what stands behind `logged:`; the entry point in pyproject.toml names this function."""
    return LoggedBackend(open_backend(url.removeprefix("logged:"), options))


class LoggedBackend(Backend):
    """A Backend in front of another."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner
        self.operations, self.extensions = inner.operations, inner.extensions

    def call(self, operation: str, params: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Pass one operation on and say who asked, how long it took and how it ended; never what was sent."""
        began, ended = time.perf_counter(), "failed"
        try:
            answer = self._inner.call(operation, params, caller)
            ended = "done"
        except RegistryError as error:
            ended = error.code
            raise
        else:
            return answer
        finally:
            log.info("%s by %s: %s in %.1f ms", operation, caller.arn, ended, (time.perf_counter() - began) * 1000)

    def extension(self, name: str, params: Mapping[str, Any], caller: Caller) -> Any:
        """Pass on what is beyond AWS's API."""
        return self._inner.extension(name, params, caller)

    def ping(self) -> None:
        """Ask the other whether it can answer."""
        self._inner.ping()

    def close(self) -> None:
        """Close the other."""
        self._inner.close()

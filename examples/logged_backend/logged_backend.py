"""An example of a third-party backend: `logged:URL` opens the registry at URL and logs each call.

A class with these methods can be served, guarded by rules, and used with `connect()` and every command.
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
    """Open the backend of a `logged:` URL; the entry point in pyproject.toml names this function."""
    return LoggedBackend(open_backend(url.removeprefix("logged:"), options))


class LoggedBackend(Backend):
    """A backend that passes calls to another one and logs them."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner
        self.operations, self.extensions = inner.operations, inner.extensions

    def call(self, operation: str, params: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Pass on an operation and log the caller, the duration, and the result, but not the parameters."""
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
        """Pass on a request of the extension API."""
        return self._inner.extension(name, params, caller)

    def ping(self) -> None:
        """Check that the other backend responds."""
        self._inner.ping()

    def close(self) -> None:
        """Close the other backend."""
        self._inner.close()

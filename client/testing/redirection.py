"""Redirection of AWS clients that were created before a test started, such as those of a module under test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from botocore.client import BaseClient

from ...backends.urls import service_at

if TYPE_CHECKING:
    from collections.abc import Callable

METHOD: Final = "_make_api_call"
"""The method of botocore through which all operations, paginators and waiters of a client send their requests."""


def default_region() -> str | None:
    """Return the region of clients that are created without one, None if they cannot be created."""
    from botocore.exceptions import ProfileNotFound
    from botocore.session import Session

    try:
        region: str | None = Session().get_config_variable("region")
    except ProfileNotFound:  # AWS_PROFILE names a profile of another machine
        return None
    return region


@contextmanager
def clients_redirected(substitute: Callable[[BaseClient], BaseClient]) -> Iterator[None]:
    """Send the requests of clients of AWS endpoints through their substitutes inside the block.

    A client resolves its endpoint and its credentials when it is created, so that later changes of the environment do
    not affect it. Clients of other endpoints are not changed.

    Args:
        substitute: returns a client of the same service, for an endpoint that is not AWS.
    """
    substitutes: dict[BaseClient, BaseClient] = {}
    original = getattr(BaseClient, METHOD)

    def make_api_call(self: BaseClient, operation_name: str, api_params: dict[str, Any]) -> Any:
        service = service_at(self.meta.endpoint_url)
        if service is None or not service.is_aws:
            return original(self, operation_name, api_params)
        if self not in substitutes:
            substitutes[self] = substitute(self)
        return original(substitutes[self], operation_name, api_params)

    with patch.object(BaseClient, METHOD, make_api_call):
        try:
            yield
        finally:
            for one in substitutes.values():
                one.close()

"""A registry with short limits on a real socket, and a bucket, for invalid requests."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from safety.listener import READ_TIMEOUT, Bucket, everything, served
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from sagemaker_registry.emulator.app import create_app


@pytest.fixture(scope="module")
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture(scope="module")
def address(bucket: Bucket) -> Iterator[tuple[str, int]]:
    """Serve a registry with the bucket."""
    with (
        LocalRegistry(SQLiteRows(None)) as backend,
        served(create_app(backend, other_services=bucket), read_timeout=READ_TIMEOUT) as address,
    ):
        yield address


@pytest.fixture
def say(address: tuple[str, int]) -> Callable[..., bytes]:
    """Return a function that sends bytes and returns the whole response."""

    def say(*pieces: bytes) -> bytes:
        with socket.create_connection(address, timeout=60) as connection:
            try:
                for piece in pieces:
                    connection.sendall(piece)
            except ConnectionError:
                pass  # the server has closed the connection; read its response
            return everything(connection)

    return say

"""The pytest plugin: fixtures with a fresh registry for each test, in this process or served.

Imports happen only when a test uses a fixture; other tests are not affected.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from mypy_boto3_sagemaker import SageMakerClient

    from ...emulator.background import Running
    from ..registry.registry import ModelRegistry
    from .control import Control, RecordedRegistry
    from .recorded_requests import Calls

MARKER = "sagemaker_registry"
MEMORY = "sqlite://"
REGION = "us-east-1"
ACCOUNT = "123456789012"

OPTIONS = {
    # suffix of the command-line option and of the ini value: help text
    "backend": f"URL of the registry for tests, as for connect(); default: {MEMORY} (in memory)",
    "region": f"AWS region of the clients for tests; default: {REGION}",
    "config": "path of a registry.toml with rules for the registry",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sagemaker-registry", "a SageMaker Model Registry for tests")
    for name, meaning in OPTIONS.items():
        group.addoption(f"--sagemaker-registry-{name}", default=None, metavar=name.upper(), help=meaning)
        parser.addini(f"sagemaker_registry_{name}", meaning, default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARKER}(*seeds, freeze=None): seed the registry of this test from dicts, or from files relative to the test "
        "file, and stop its clock at a time",
    )


@pytest.fixture
def sagemaker_registry(request: pytest.FixtureRequest) -> Iterator[RecordedRegistry]:
    """A `ModelRegistry` for this test, with recorded requests (`.calls()`).

    The registry is in this process and in memory, unless the option `--sagemaker-registry-backend` selects another
    one. It is empty at the start of the test, except for the seeds of `@pytest.mark.sagemaker_registry`.

    Yields:
        The registry; its boto3 client is `.boto3`.
    """
    from .control import RecordedRegistry

    place = _Place.from_config(request.config)
    with ExitStack() as undo:
        client = place.connect()
        undo.callback(client.close)
        _prepare(request, client)
        undo.callback(place.clean, client)
        yield RecordedRegistry.from_client(client)


@pytest.fixture
def sagemaker_client(sagemaker_registry: ModelRegistry) -> SageMakerClient:
    """A stock boto3 client of the service `sagemaker`, for the same registry as `sagemaker_registry`."""
    return sagemaker_registry.boto3


@pytest.fixture(scope="session")
def _sagemaker_registry_running(request: pytest.FixtureRequest) -> Iterator[Running]:
    """The server of this process; each xdist worker has one."""
    from ...backends.config import load
    from ...emulator.background import running

    config = _option(request.config, "config")
    with running(_option(request.config, "backend") or MEMORY, load(Path(config)) if config else None) as server:
        yield server


@pytest.fixture
def sagemaker_registry_server(
    request: pytest.FixtureRequest, _sagemaker_registry_running: Running, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """A registry served over HTTP, with moto for other AWS services.

    The environment of the test directs all AWS clients to the server, including those of child processes. Clients that
    were created earlier, such as at the import of the code under test, are redirected to the server as well, unless the
    registry is `aws://`. One server runs for the whole session; its state is restored before each test, in
    milliseconds.

    Yields:
        The server: its URL, clients, registry, test control and recorded requests.
    """
    import boto3

    from .redirection import clients_redirected, default_region

    _sagemaker_registry_running.put_back()
    place = _Place.from_config(request.config)
    before = default_region()
    for name, value in place.environment(_sagemaker_registry_running.url).items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it may have the credentials of another account
    served = Served(_sagemaker_registry_running.url, place.account, place.region)
    with ExitStack() as undo:
        undo.callback(_sagemaker_registry_running.reset_other_services)
        undo.callback(served.close)
        if not place.is_aws:  # the server's own clients must reach AWS
            undo.enter_context(clients_redirected(partial(served.substitute, default_region=before)))
        _prepare(request, served.sagemaker)
        undo.callback(place.clean, served.sagemaker)
        yield served


@pytest.fixture
def sagemaker_registry_url(sagemaker_registry_server: Served) -> str:
    """The URL of `sagemaker_registry_server`, which is also in the environment variable AWS_ENDPOINT_URL."""
    return sagemaker_registry_server.url


@dataclass
class Served:
    """A registry that is served for a test.

    Attributes:
        url: The URL of the server.
        account: The account ID of the test.
        region: The AWS region of the test.
    """

    url: str
    account: str
    region: str
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    def client(self, service: str) -> Any:
        """Return a stock boto3 client of a service, such as `sagemaker`, `s3` or `sts`, for the server."""
        if service not in self._clients:
            from ...backends.remote import sessions

            keys = {"aws_access_key_id": self.account, "aws_secret_access_key": "test"}
            self._clients[service] = sessions.session().client(
                service,  # type: ignore[call-overload]
                endpoint_url=self.url,
                region_name=self.region,
                **keys,
            )
        return self._clients[service]

    def substitute(self, client: BaseClient, default_region: str | None = None) -> BaseClient:
        """Return a client of the same service, with the same configuration, for the server.

        Args:
            client: A client of AWS.
            default_region: The region that stands for the region of the test.
        """
        from ...backends.remote import sessions

        region = client.meta.region_name
        keys = {"aws_access_key_id": self.account, "aws_secret_access_key": "test"}
        substitute: BaseClient = sessions.session().client(
            client.meta.service_model.service_name,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=self.region if region == default_region else region,
            config=client.meta.config,
            **keys,
        )
        return substitute

    @property
    def sagemaker(self) -> SageMakerClient:
        """A stock boto3 client of the service `sagemaker`."""
        client: SageMakerClient = self.client("sagemaker")
        return client

    @property
    def registry(self) -> RecordedRegistry:
        """A `ModelRegistry` for the server; its requests are recorded, too."""
        from .control import RecordedRegistry

        return RecordedRegistry.from_client(self.sagemaker)

    @property
    def control(self) -> Control:
        """The test control of the server: snapshots, clock, faults."""
        from .control import Control

        return Control(self.sagemaker)

    def calls(self, operation: str | None = None) -> Calls:
        """Return the recorded requests of this test, for assertions such as `.once(...)` and `.never(...)`.

        Args:
            operation: Only requests of this AWS operation.
        """
        return self.control.calls(operation)

    def close(self) -> None:
        """Close all clients."""
        for client in self._clients.values():
            client.close()


@dataclass(frozen=True)
class _Place:
    """The registry of a test; a persistent one, except AWS, gets a random account, which is deleted afterwards."""

    url: str
    region: str
    config: str
    account: str
    is_aws: bool
    is_emptied: bool

    @classmethod
    def from_config(cls, config: pytest.Config) -> _Place:
        import secrets
        from urllib.parse import urlsplit

        from ...backends.urls import is_memory, scheme_of

        url = _option(config, "backend") or MEMORY
        is_aws = scheme_of(url).is_aws
        is_emptied = not is_aws and not is_memory(url)
        account = str(secrets.randbelow(9 * 10**11) + 10**11) if is_emptied else ACCOUNT
        region = _option(config, "region") or (urlsplit(url).netloc.rpartition("@")[2] if is_aws else "") or REGION
        return cls(url, region, _option(config, "config"), account, is_aws, is_emptied)

    def connect(self) -> SageMakerClient:
        from .control import connect

        keys: dict[str, Any] = {"aws_access_key_id": self.account, "aws_secret_access_key": "test"}
        return connect(self.url, settings=self.config or None, region_name=self.region, **({} if self.is_aws else keys))

    def environment(self, url: str) -> Mapping[str, str | None]:
        """Return environment variables that direct AWS clients to a server; None means unset."""
        by_service = [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_")]
        conflicting = ["AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]
        no_proxy = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1"]))
        return {
            **dict.fromkeys([*by_service, *conflicting]),
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAGEMAKER_REGISTRY_URL": url,
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
        }

    def clean(self, client: SageMakerClient) -> None:
        from ..extensions import offers
        from .control import Control

        if self.is_emptied and offers(client, "reset"):
            Control(client).reset(account=self.account)


def _prepare(request: pytest.FixtureRequest, client: SageMakerClient) -> None:
    """Apply the markers of a test, outermost first."""
    from ..extensions import offers
    from .control import Control

    control = Control(client)
    for mark in reversed(list(request.node.iter_markers(MARKER))):
        unknown = mark.kwargs.keys() - {"freeze"}
        if unknown:
            names = ", ".join(sorted(unknown))
            raise pytest.UsageError(f"@pytest.mark.{MARKER} accepts seeds and freeze=, not {names}=")
        if "freeze" in mark.kwargs:
            if not offers(client, "clock/freeze"):
                pytest.skip("this registry has no clock that can be stopped")
            control.freeze(mark.kwargs["freeze"])
        for seed in mark.args:
            control.seed(request.path.parent / seed if isinstance(seed, str | Path) else seed)
    control.clear_calls()


def _option(config: pytest.Config, name: str) -> str:
    return str(config.getoption(f"--sagemaker-registry-{name}") or config.getini(f"sagemaker_registry_{name}") or "")

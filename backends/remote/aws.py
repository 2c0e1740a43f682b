"""`aws://`: the model registry of AWS, limited to registry operations and allowed accounts and regions."""

from __future__ import annotations

import re
import threading
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import AccessDeniedException, BackendUnavailable, ValidationException
from ..service.operations import ANSWERED
from . import sessions
from .registry import RemoteRegistry

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from ..base import Caller

HOW = "use aws://, aws://eu-west-1 or aws://profile@eu-west-1?account=111122223333"
ATTEMPTS = 3
ONE, MANY = ("endpoint_url", "sts_endpoint_url"), ("account", "region")


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed URL: `aws://[PROFILE@][REGION]`, optionally with a query string.

    account=ID            allow calls only with credentials of this account; repeatable
    region=NAME           allow another region; repeatable; without any region, all are allowed
    endpoint_url=URL      the endpoint of SageMaker, such as a VPC endpoint
    sts_endpoint_url=URL  the endpoint of STS, which identifies the account of the credentials

    AWS_ENDPOINT_URL and similar variables are ignored, so that a leftover setting cannot redirect `aws://`.
    """

    profile: str | None = None
    region: str | None = None
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    endpoint_url: str | None = None
    sts_endpoint_url: str | None = None

    @classmethod
    def from_url(cls, url: str) -> Target:
        """Parse a URL.

        Raises:
            BackendUnavailable: The URL is malformed.
        """
        parts = urlsplit(url)
        given = parse_qs(parts.query, keep_blank_values=True)
        profile, _, region = parts.netloc.rpartition("@")
        if (
            given.keys() - {*ONE, *MANY}
            or any(len(given.get(name, [])) > 1 for name in ONE)
            or parts.path not in ("", "/")
            or not re.fullmatch(r"[a-z0-9-]*", region)
        ):
            raise BackendUnavailable(f"invalid AWS registry URL {url!r}: {HOW}")
        if wrong := [account for account in given.get("account", []) if not re.fullmatch("[0-9]{12}", account)]:
            raise BackendUnavailable(f"{url!r}: invalid account ID {wrong[0]!r}: expected 12 digits")
        regions = tuple(filter(None, [region, *given.get("region", [])]))
        one = {name: given[name][0] for name in ONE if name in given}
        return cls(unquote(profile) or None, region or None, tuple(given.get("account", [])), regions, **one)

    def allows(self, region: str) -> bool:
        return not self.regions or region in self.regions


class AWSRegistry(RemoteRegistry):
    """The registry in AWS; a gateway signs with the credentials of this process, never with those of its callers."""

    name = "AWS"
    operations = ANSWERED

    def __init__(self, url: str, boto: dict[str, Any]) -> None:
        super().__init__(url, boto)
        self._target = Target.from_url(url)
        self._session = sessions.session(self._target.profile)
        self.region = boto.get("region_name") or self._target.region or self._session.region_name
        self._lock, self._owner = threading.Lock(), ""

    def client(self) -> SageMakerClient:
        if self.region is None:
            raise BackendUnavailable(f"{self.url!r}: no region in the URL, the environment or the AWS profile: {HOW}")
        if not self._target.allows(self.region):
            raise BackendUnavailable(
                f"{self.url!r} does not allow region {self.region}; allowed: {', '.join(self._target.regions)}"
            )
        return self._client(self.region)

    def client_for(self, caller: Caller) -> SageMakerClient:
        if not self._target.allows(caller.region):
            raise ValidationException(
                f"This gateway does not forward calls to {caller.region}; allowed: {', '.join(self._target.regions)}."
            )
        return self._client(caller.region)

    def client_key(self, caller: Caller) -> Hashable:
        return caller.region

    def account(self) -> str:
        """Return the account of the credentials, after checking that it is allowed."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._check()
            return self._owned()
        except AccessDeniedException as error:
            raise BackendUnavailable(error.message) from error
        except (BotoCoreError, ClientError) as error:
            raise BackendUnavailable(f"AWS rejected the credentials of {self.url!r}: {error}") from error

    def _check(self) -> None:
        allowed = self._target.accounts
        if allowed and self._owned() not in allowed:
            raise AccessDeniedException(
                f"The credentials belong to account {self._owner}; the registry URL allows only {', '.join(allowed)}."
            )

    def _owned(self) -> str:
        """Return the account of the credentials, cached after one call to STS.

        Raises:
            BotoCoreError, ClientError: The call failed.
        """
        with self._lock:
            if not self._owner:
                keys = {name: value for name, value in self.boto.items() if name.startswith("aws_")}
                place: dict[str, Any] = {"endpoint_url": self._target.sts_endpoint_url, **keys}
                place["region_name"] = self.region or sessions.DEFAULT_REGION
                sts = self._session.client("sts", config=_config({}), **place)
                self._owner = sts.get_caller_identity()["Account"]
            return self._owner

    def _client(self, region: str) -> SageMakerClient:
        given = {name: value for name, value in self.boto.items() if name not in ("config", "region_name")}
        place: dict[str, Any] = {"region_name": region, "endpoint_url": self._target.endpoint_url}
        client = self._session.client("sagemaker", config=_config(self.boto), **place, **given)
        return self.restricted(client, self._check)


def _config(boto: dict[str, Any]) -> Any:
    from botocore.config import Config

    settings: dict[str, Any] = {
        "ignore_configured_endpoint_urls": True,
        "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
    }
    ours = Config(**settings)
    return ours.merge(boto["config"]) if boto.get("config") is not None else ours

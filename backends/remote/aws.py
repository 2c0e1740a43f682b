"""`aws://`: the registry in AWS itself, by boto3's usual credentials; only the registry's calls, only where allowed.

`aws://[PROFILE@][REGION]`, and after a `?`, each as often as needed:

    account=ID            refuse to call unless the credentials belong to one of these accounts
    region=NAME           further regions that may be called; without any, every region may
    endpoint_url=URL      SageMaker's address, such as a VPC endpoint's
    sts_endpoint_url=URL  the same for STS, which is asked whose credentials they are

AWS_ENDPOINT_URL and its like are not looked at: who writes aws:// means AWS, whatever a shell was pointed at before.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import AccessDeniedException, BackendUnavailable, ValidationException
from ..service.operations import ANSWERED
from . import sessions
from .sessions import only, restrict

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_sagemaker import SageMakerClient

    from ..base import Backend, BackendOptions, Caller

HOW = "write aws://, aws://eu-west-1 or aws://profile@eu-west-1?account=111122223333"
ATTEMPTS = 3
ONE, MANY = ("endpoint_url", "sts_endpoint_url"), ("account", "region")


@dataclass(frozen=True, slots=True)
class Target:
    """What an `aws:` URL says."""

    profile: str | None = None
    region: str | None = None
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    endpoint_url: str | None = None
    sts_endpoint_url: str | None = None

    @classmethod
    def of(cls, url: str) -> Target:
        """Read a URL.

        Raises:
            BackendUnavailable: it says something else.
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
            raise BackendUnavailable(f"{url!r} does not name a registry in AWS: {HOW}")
        if wrong := [account for account in given.get("account", []) if not re.fullmatch("[0-9]{12}", account)]:
            raise BackendUnavailable(f"{url!r}: {wrong[0]!r} is not an account id, which has twelve digits")
        regions = tuple(filter(None, [region, *given.get("region", [])]))
        one = {name: given[name][0] for name in ONE if name in given}
        return cls(unquote(profile) or None, region or None, tuple(given.get("account", [])), regions, **one)

    def allows(self, region: str) -> bool:
        """Whether a region may be called."""
        return not self.regions or region in self.regions


def client(url: str, **boto: Any) -> SageMakerClient:
    """Return a stock boto3 client of AWS that makes the registry's calls only.

    Raises:
        BackendUnavailable: the URL, its profile or its region cannot be used.
    """
    return _client_and_account(url, boto)[0]


def open_registry(url: str, options: BackendOptions) -> Backend:
    """Open AWS as a backend: a gateway, which signs with the credentials of this process, never with its callers'.

    Raises:
        BackendUnavailable: the URL cannot be used, or AWS does not take the credentials.
    """
    target = Target.of(url)
    session = sessions.session(target.profile)
    account = _Account(session, target, target.region or session.region_name or sessions.DEFAULT_REGION, {})
    owner = _owner(url, account)

    def of(caller: Caller) -> SageMakerClient:
        if not target.allows(caller.region):
            raise ValidationException(
                f"This gateway does not pass calls on to {caller.region}, but to {', '.join(target.regions)}."
            )
        return _client(session, target, caller.region, account.check, {})

    from ..approval.guard import guarded  # needs what the client for production has not
    from .base import RemoteBackend

    backend = RemoteBackend(of, ANSWERED, "AWS", same=lambda caller: caller.region)
    return guarded(backend, options, "AWS", owner)


def of_client(url: str, options: BackendOptions, **boto: Any) -> Backend:
    """Open AWS behind the rules there are, with the credentials of the client `client(url, **options)`.

    Raises:
        BackendUnavailable: the URL cannot be used, or AWS does not take the credentials.
    """
    from ..approval.guard import guarded  # needs what the client for production has not
    from .base import RemoteBackend

    made, account = _client_and_account(url, boto)
    return guarded(
        RemoteBackend(**only(made), operations=ANSWERED, name="AWS"),
        options,
        "AWS",
        _owner(url, account),
    )


def _client_and_account(url: str, boto: dict[str, Any]) -> tuple[SageMakerClient, _Account]:
    target = Target.of(url)
    session = sessions.session(target.profile)
    region = boto.pop("region_name", None) or target.region or session.region_name
    if region is None:
        raise BackendUnavailable(f"{url!r}: no region is named, here, in the environment or in a profile: {HOW}")
    if not target.allows(region):
        raise BackendUnavailable(f"{url!r} does not allow the region {region}, but {', '.join(target.regions)}")
    account = _Account(session, target, region, boto)
    return _client(session, target, region, account.check, boto), account


def _owner(url: str, account: _Account) -> str:
    """Return the account the credentials belong to, if it is allowed and AWS takes them."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        account.check()
        return account.id()
    except AccessDeniedException as error:
        raise BackendUnavailable(error.message) from error
    except (BotoCoreError, ClientError) as error:
        raise BackendUnavailable(f"AWS does not take the credentials of {url!r}: {error}") from error


class _Account:
    """Whose credentials they are: asked once, before the first call."""

    def __init__(self, session: Session, target: Target, region: str, boto: dict[str, Any]) -> None:
        self._target, self._lock, self._id = target, threading.Lock(), ""
        keys = {name: value for name, value in boto.items() if name.startswith("aws_")}
        place: dict[str, Any] = {"region_name": region, "endpoint_url": target.sts_endpoint_url, **keys}
        self._sts = session.client("sts", config=_config({}), **place)

    def id(self) -> str:
        """Return the account id; ClientError or BotoCoreError if STS does not say."""
        with self._lock:
            self._id = self._id or self._sts.get_caller_identity()["Account"]
            return self._id

    def check(self) -> None:
        """Raise AccessDeniedException unless the credentials belong to an account that is allowed."""
        if self._target.accounts and self.id() not in self._target.accounts:
            raise AccessDeniedException(
                f"The credentials belong to the account {self._id}, and only {', '.join(self._target.accounts)} may be "
                "called: nothing was sent."
            )


def _client(session: Session, target: Target, region: str, check: Any, boto: dict[str, Any]) -> SageMakerClient:
    config = _config(boto)
    given = {name: value for name, value in boto.items() if name != "config"}
    place: dict[str, Any] = {"region_name": region, "endpoint_url": target.endpoint_url}
    return restrict(session.client("sagemaker", config=config, **place, **given), ANSWERED, "AWS", check)


def _config(boto: dict[str, Any]) -> Any:
    from botocore.config import Config

    settings: dict[str, Any] = {
        "ignore_configured_endpoint_urls": True,
        "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
    }
    ours = Config(**settings)
    return ours.merge(boto["config"]) if boto.get("config") is not None else ours

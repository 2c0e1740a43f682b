"""Check the installation, the environment, and a registry for `doctor`, without changes and without showing secrets."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..backends.diagnosis import PATIENCE, UNREACHED, Check, timed
from ..backends.errors import BackendUnavailable
from ..backends.remote import sessions
from ..backends.remote.aws import Target
from ..backends.urls import Scheme, default_url, is_memory, load, scheme_of, without_password
from .connection import URL_VARIABLE, connect
from .extensions import ask

DISTRIBUTION = "sagemaker-registry"
EXTRAS = {
    "server": "to serve a registry, and for sqlite:// URLs",
    "postgres": "for postgresql:// URLs",
    "moto": "for other AWS services next to the registry",
}
LOOPBACK = ("127.0.0.1", "localhost")
ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER")
AWS_KEY = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}")


@dataclass(frozen=True, slots=True)
class Subject:
    url: str
    region: str | None = None
    is_named: bool = True

    @property
    def row(self) -> Scheme:
        return scheme_of(self.url)

    @property
    def shown(self) -> str:
        return without_password(self.url)


Look = Callable[[Subject], Iterator[Check]]


def examine(url: str | None = None, *, region: str | None = None) -> Iterator[Check]:
    """Yield the result of each check as soon as it is known.

    Args:
        url: the URL of the registry; by default SAGEMAKER_REGISTRY_URL, or the file in the user's data folder.
        region: the AWS region; by default that of the environment.
    """
    named = url or os.environ.get(URL_VARIABLE)
    subject = Subject(named or default_url(), region, is_named=bool(named))
    for look in LOOKS:
        yield from look(subject)


def _installation(_: Subject) -> Iterator[Check]:
    yield Check("package", "ok", f"{DISTRIBUTION} {version(DISTRIBUTION)}")
    yield Check("python", "ok", f"Python {platform.python_version()} on {platform.system()} {platform.machine()}")


def _extras(subject: Subject) -> Iterator[Check]:
    needed = {subject.row.extra, "server"} if subject.row.extra else set()
    if subject.row.is_remote:  # boto3 reaches it over the network
        needed -= {"server"}
    for extra, purpose in EXTRAS.items():
        found = {name: _version(name) for name in _distributions(extra)}
        missing = [name for name, there in found.items() if there is None]
        line = f"pip install '{DISTRIBUTION}[{extra}]'"
        if not missing:
            yield Check(extra, "ok", f"[{extra}]: {', '.join(f'{name} {there}' for name, there in found.items())}")
        elif extra in needed:
            yield Check(
                extra, "failed", f"[{extra}]: {', '.join(missing)} not installed, required for {subject.shown}", line
            )
        else:
            yield Check(extra, "ok", f"[{extra}] is not installed; {purpose}: {line}")


def _distributions(extra: str) -> list[str]:
    """Return the distributions that an extra adds, without those of the extras it includes."""
    lines = [line.partition(";") for line in requires(DISTRIBUTION) or ()]
    names = [line for line, _, marker in lines if re.search(rf"extra == ['\"]{extra}['\"]", marker)]
    found = [re.match(r"[A-Za-z0-9._-]+", name) for name in names]
    return [match[0] for match in found if match is not None and match[0] != DISTRIBUTION]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _sqlite(_: Subject) -> Iterator[Check]:
    from ..backends.store.sqlite.diagnosis import library

    yield library()


def _url(subject: Subject) -> Iterator[Check]:
    said = subject.shown
    if not subject.is_named:
        said += f", the default: neither --url nor {URL_VARIABLE} is set"
    elif os.environ.get(URL_VARIABLE, subject.url) != subject.url:
        said += f" ({URL_VARIABLE} is set to another registry)"
    yield Check("url", "ok", said)


def _registry(subject: Subject) -> Iterator[Check]:
    """Run the checks of the store for a database; send a request to any other registry or one in memory."""
    try:
        if is_memory(subject.url) or not subject.row.examination:
            yield from _answering(subject)
            return
        try:
            checks: Iterator[Check] = load(subject.row.examination)(subject.url)
        except ModuleNotFoundError:  # reported by `_extras`
            return
        yield from checks
    except BackendUnavailable as error:
        yield Check("registry", "failed", str(error).replace(subject.url, subject.shown))


def _answering(subject: Subject) -> Iterator[Check]:
    config = Config(connect_timeout=PATIENCE, read_timeout=PATIENCE, retries={"total_max_attempts": 1})
    try:
        client = connect(subject.url, config=config, **({"region_name": subject.region} if subject.region else {}))
    except (BotoCoreError, ValueError) as error:
        yield Check("registry", "failed", without_password(str(error)))
        return
    began = time.monotonic()
    try:
        client.list_model_package_groups(MaxResults=1)
    except (BotoCoreError, ClientError) as error:
        parts, advice = urlsplit(subject.url), UNREACHED
        if subject.row.start and parts.hostname in LOOPBACK:
            advice = subject.row.start.format(port=parts.port or 80)
        yield Check("registry", "failed", without_password(str(error)), advice)
    else:
        yield timed("registry", "it responds", time.monotonic() - began)
        yield from _server(client)
    finally:
        client.close()


def _server(client: Any) -> Iterator[Check]:
    """Compare the version of a server with this one; other registries report no version."""
    try:
        said = ask(client, "info")
        theirs = said.get("version") if isinstance(said, dict) else None
    except (BotoCoreError, ClientError):
        return
    ours = version(DISTRIBUTION)
    if theirs is not None and theirs != ours:
        sentence = f"the server runs {DISTRIBUTION} {theirs}, and this command is {ours}"
        yield Check("server", "warning", sentence, "install the same version on both")
    elif theirs is not None:
        yield Check("server", "ok", f"it runs {DISTRIBUTION} {theirs}, the same version as this command")


def _identity(subject: Subject) -> Iterator[Check]:
    """Name the caller: by the access key for an emulator, by STS for AWS."""
    try:
        yield from (_aws_identity if subject.row.is_aws else _local_identity)(subject)
    except (BotoCoreError, ClientError, BackendUnavailable) as error:
        yield Check("identity", "failed", str(error), "check AWS_PROFILE and your AWS configuration")


def _local_identity(subject: Subject) -> Iterator[Check]:
    session = sessions.local_session()
    region = subject.region or session.region_name
    yield Check("region", "ok", region or f"{sessions.DEFAULT_REGION}, the default")
    key, method = sessions.LOCAL_CREDENTIALS["aws_access_key_id"], "the default: no credentials are configured"
    credentials = session.get_credentials()
    if credentials is not None:
        key, method = credentials.access_key, credentials.method
    account = f"; a local registry uses account {key}" if re.fullmatch("[0-9]{12}", key) else ""
    shown = f"{key[:4]}...{key[-4:]}" if AWS_KEY.fullmatch(key) else key
    yield Check("identity", "ok", f"access key ID {shown} ({method}){account}")


def _aws_identity(subject: Subject) -> Iterator[Check]:
    target = Target.from_url(subject.url)
    session = sessions.session(target.profile)
    region = subject.region or target.region or session.region_name
    if region is None:
        yield Check(
            "region", "failed", "no region is configured", "add it to the URL (aws://eu-west-1), or set AWS_REGION"
        )
        return
    yield Check("region", "ok", region)
    config = Config(  # type: ignore[call-arg]
        connect_timeout=PATIENCE,
        read_timeout=PATIENCE,
        ignore_configured_endpoint_urls=True,  # as aws:// does
    )
    where: dict[str, Any] = {"region_name": region, "endpoint_url": target.sts_endpoint_url}
    caller = session.client("sts", config=config, **where).get_caller_identity()
    yield Check("identity", "ok", f"{caller['Arn']} in account {caller['Account']}")


def _endpoints(subject: Subject) -> Iterator[Check]:
    """Check whether plain boto3 and the AWS CLI use this registry."""
    found = {name: os.environ[name] for name in ENDPOINTS if os.environ.get(name)}
    ignored = os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
    for name, value in found.items():
        shown = without_password(value)
        if ignored:
            yield Check(
                "endpoint", "warning", f"{name} is {shown}, but AWS_IGNORE_CONFIGURED_ENDPOINT_URLS disables it"
            )
        elif value.rstrip("/") != subject.url.rstrip("/"):
            sentence = f"{name} is {shown}: boto3 and the AWS CLI use it instead of {subject.shown}"
            yield Check("endpoint", "warning", sentence, f"unset {name}, or set it to the same URL")
        else:
            yield Check("endpoint", "ok", f"{name} is {shown}")


def _proxies(subject: Subject) -> Iterator[Check]:
    """Check whether requests to this machine, which a proxy cannot reach, or to the registry go through a proxy."""
    parts = urlsplit(subject.url)
    hosts = dict.fromkeys(LOOPBACK, "http") | ({parts.hostname: parts.scheme} if subject.row.is_http else {})
    proxies = getproxies()
    caught = [host for host, scheme in hosts.items() if host and scheme in proxies and not proxy_bypass(host)]
    if caught:
        proxy = without_password(proxies[hosts[caught[-1]]])
        sentence = f"requests to {', '.join(caught)} go through the proxy {proxy}"
        yield Check("proxy", "warning", sentence, f"set NO_PROXY={','.join(caught)}")


LOOKS: tuple[Look, ...] = (_installation, _extras, _sqlite, _url, _registry, _identity, _endpoints, _proxies)

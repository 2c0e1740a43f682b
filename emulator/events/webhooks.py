"""Webhooks: signed POST requests, protected against server-side request forgery."""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
import threading
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from ...backends.errors import BackendUnavailable

# A host name is resolved once, its address is checked, and the connection uses that address, so DNS rebinding has no
# effect. Private addresses require `allow_private`; metadata addresses are never allowed. Redirects are not followed,
# and the proxies of the environment are ignored.

SIGNATURE: Final = "X-Registry-Signature"
EVENT_ID: Final = "X-Registry-Event-Id"
MAX_ANSWER: Final = 64 * 2**10

_CARRYING_IPV4: Final = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")))
"""Networks with an IPv4 address in the last 32 bits: NAT64, public and private, and two obsolete forms."""

_METADATA: Final = frozenset(
    map(ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
"""Metadata services outside link-local addresses: Alibaba, Azure, Oracle; AWS and Google by IPv6."""

Resolve = Callable[..., list[Any]]


class Undelivered(Exception):
    """A delivery failed; with `for_good`, retrying cannot help."""

    def __init__(self, sentence: str, *, for_good: bool = False) -> None:
        super().__init__(sentence)
        self.for_good = for_good


class Address(msgspec.Struct, frozen=True):
    """The parts of a webhook URL; `path` includes the query."""

    is_secure: bool
    host: str
    port: int
    path: str


def address_of(url: str, name: str) -> Address:
    """Parse the URL of a webhook. Errors contain `name` instead of the URL, which may be a secret.

    Raises:
        BackendUnavailable: The URL is invalid.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError as error:
        raise BackendUnavailable(f"{name}: invalid `url`: expected https://HOST/PATH") from error
    is_one = re.fullmatch(r"[0-9A-Za-z._:-]+", host) and re.fullmatch(r"[!-~]*", parts.path + parts.query)
    if parts.scheme not in ("http", "https") or not is_one:
        raise BackendUnavailable(f"{name}: invalid `url`: expected https://HOST/PATH")
    if "@" in parts.netloc:
        raise BackendUnavailable(f"{name}: remove user and password from `url`; requests are signed with `secret`")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    is_secure = parts.scheme == "https"
    return Address(is_secure, host, port or (443 if is_secure else 80), path)


def post(
    where: Address,
    body: bytes,
    *,
    identity: str,
    secret: str = "",
    timeout: float = 5.0,
    allow_private: bool = False,
    resolve: Resolve = socket.getaddrinfo,
    clock: Callable[[], float] = time.time,
) -> None:
    """Post an event as JSON, signed if there is a secret, and return after a response with status 2xx.

    `timeout` limits the whole exchange, in seconds. `allow_private` allows addresses in private networks, and these
    without TLS.

    Raises:
        Undelivered: The address is not allowed, the response has another status, or the time is over.
    """
    from http.client import HTTPException
    from importlib.metadata import version

    from .connections import Connection, SecureConnection

    numeric = destination(where, allow_private=allow_private, resolve=resolve)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"sagemaker-registry/{version('sagemaker-registry')}",
        EVENT_ID: identity,
        **({SIGNATURE: signature(body, secret, int(clock()))} if secret else {}),
    }
    connection = (SecureConnection if where.is_secure else Connection)(where.host, where.port, numeric, timeout)
    in_time = threading.Timer(timeout, connection.cut)  # a socket's timeout restarts with each byte
    in_time.daemon = True
    in_time.start()
    try:
        connection.request("POST", where.path, body, headers)
        answer = connection.getresponse()
        answer.read(MAX_ANSWER)
        if connection.is_cut:  # otherwise a truncated response looks complete
            raise TimeoutError
    except (OSError, HTTPException, ValueError) as error:
        is_late = connection.is_cut or isinstance(error, TimeoutError)
        if is_late:
            raise Undelivered(f"{where.host} did not respond within {timeout:g} s") from error
        raise Undelivered(f"cannot send to {where.host}: {str(error) or type(error).__name__}") from error
    finally:
        in_time.cancel()
        connection.close()
    if 300 <= answer.status < 400:
        raise Undelivered(f"{where.host} returned status {answer.status}; redirects are not followed")
    if not 200 <= answer.status < 300:
        raise Undelivered(f"{where.host} returned status {answer.status}")


def signature(body: bytes, secret: str, at: int) -> str:
    """Return the value of the signature header: `at` in epoch seconds, and the HMAC of `at` and the body.

    Receivers verify it, and ignore event IDs that they have seen, because deliveries can repeat:

        fields = dict(part.split("=") for part in headers["X-Registry-Signature"].split(","))
        expected = hmac.new(secret, fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(expected, fields["v1"])
        assert abs(time.time() - int(fields["t"])) < 300
        event = json.loads(body)
    """
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def destination(where: Address, *, allow_private: bool, resolve: Resolve = socket.getaddrinfo) -> str:
    """Resolve a host and return the first allowed address.

    Raises:
        Undelivered: The name does not resolve, or no address is allowed.
    """
    try:
        found = resolve(where.host, where.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Undelivered(f"cannot resolve {where.host}: {error}") from error
    first = ""
    for *_, address in found:
        problem = _problem(where, str(address[0]), allow_private=allow_private)
        if problem is None:
            return str(address[0])
        first = first or problem
    raise Undelivered(f"{where.host} {first or 'has no address'}")


def _problem(where: Address, numeric: str, *, allow_private: bool) -> str | None:
    """Return the reason why an address is not allowed; None if it is."""
    ip = ip_address(numeric.partition("%")[0])
    inner = _inner(ip)
    if inner.is_link_local or inner.is_multicast or inner.is_unspecified or inner in _METADATA:
        return f"resolves to {numeric}, which is not allowed for webhooks"
    if _means_loopback(where.host) and ip.is_loopback:
        return None
    is_public = inner.is_global and not inner.is_reserved and not getattr(inner, "is_site_local", False)
    if not (is_public or allow_private):
        return f"resolves to {numeric}, which is not a public address; `allow_private = true` allows it"
    if is_public and not where.is_secure:
        return "has a public address; its URL must begin with https"
    return None


def _inner(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address embedded in an IPv6 address, to which packets are routed; otherwise the address."""
    if isinstance(ip, IPv4Address) or ip.is_loopback or ip.is_unspecified:
        return ip
    if any(ip in network for network in _CARRYING_IPV4):
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


def _means_loopback(host: str) -> bool:
    """Whether a URL names this machine explicitly; other names that resolve to loopback do not count."""
    return host in ("localhost", "::1") or re.fullmatch(r"127\.[0-9]+\.[0-9]+\.[0-9]+", host) is not None

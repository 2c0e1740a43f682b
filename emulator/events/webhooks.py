"""One signed POST to a webhook, to no address but its URL's own: the settings are trusted, the network is not.

A name is resolved once, what it resolves to is judged, and the connection goes to exactly that address: a name that
resolves otherwise a moment later leads nowhere. Addresses that are not of the public internet are refused unless the
settings allow them, so that no webhook reaches the metadata of a cloud machine or a service behind the firewall.
Redirects are not followed, proxies of the environment not used.

A receiver knows by the signature that an event is from here, and by its time that it is not an old one:

    fields = dict(part.split("=") for part in headers["X-Registry-Signature"].split(","))
    expected = hmac.new(secret, fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(expected, fields["v1"])
    assert abs(time.time() - int(fields["t"])) < 300
    event = json.loads(body)
    # deliveries are repeated where an answer was lost: remember event["id"]
"""

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

SIGNATURE: Final = "X-Registry-Signature"
EVENT_ID: Final = "X-Registry-Event-Id"
MAX_ANSWER: Final = 64 * 2**10

_CARRYING_IPV4: Final = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")))
"""Where the last 32 bits are an IPv4 address: NAT64, public and private, and two obsolete forms."""

_METADATA: Final = frozenset(
    map(ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
"""Where machines of a cloud ask about themselves, beyond link-local: Alibaba, Azure, Oracle; AWS and Google by IPv6."""

Resolve = Callable[..., list[Any]]


class Undelivered(Exception):
    """A sink was not told, and why; `for_good` if another attempt would do no better."""

    def __init__(self, sentence: str, *, for_good: bool = False) -> None:
        super().__init__(sentence)
        self.for_good = for_good


class Address(msgspec.Struct, frozen=True):
    """Where a URL leads: `path` is all that comes behind the host and the port."""

    is_secure: bool
    host: str
    port: int
    path: str


def address_of(url: str, name: str) -> Address:
    """Read the URL of a webhook; `name` is for the sentence, which never has the URL: it may be a secret.

    Raises:
        BackendUnavailable: it is not one that could be posted to.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError as error:
        raise BackendUnavailable(f"{name}: the url cannot be read") from error
    is_one = re.fullmatch(r"[0-9A-Za-z._:-]+", host) and re.fullmatch(r"[!-~]*", parts.path + parts.query)
    if parts.scheme not in ("http", "https") or not is_one:
        raise BackendUnavailable(f"{name}: the url should read https://HOST/PATH")
    if "@" in parts.netloc:
        raise BackendUnavailable(f"{name}: leave user and password out of the url; the signature says who posts")
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
    """Post an event as JSON and return when it was answered with 2xx; sign it if there is a secret.

    `timeout` is in seconds for everything, from the connection to the end of the answer. With `allow_private`, the
    address may be one of a private network, and then without TLS.

    Raises:
        Undelivered: it was rejected, answered otherwise, or not in time.
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
    in_time = threading.Timer(timeout, connection.cut)  # a socket's own limit begins anew with each byte
    in_time.daemon = True
    in_time.start()
    try:
        connection.request("POST", where.path, body, headers)
        answer = connection.getresponse()
        answer.read(MAX_ANSWER)
        if connection.is_cut:  # what was cut off looks like an answer that ended
            raise TimeoutError
    except (OSError, HTTPException, ValueError) as error:
        why = f"no answer within {timeout:g} s" if connection.is_cut or isinstance(error, TimeoutError) else str(error)
        raise Undelivered(f"{where.host}: {why or type(error).__name__}") from error
    finally:
        in_time.cancel()
        connection.close()
    if 300 <= answer.status < 400:
        raise Undelivered(f"{where.host} answered {answer.status}, a redirect, which is not followed")
    if not 200 <= answer.status < 300:
        raise Undelivered(f"{where.host} answered {answer.status}")


def signature(body: bytes, secret: str, at: int) -> str:
    """Return the value of the signature's header: a time in epoch seconds, and the HMAC of it and the body."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def destination(where: Address, *, allow_private: bool, resolve: Resolve = socket.getaddrinfo) -> str:
    """Return the one address to connect to.

    Raises:
        Undelivered: the name does not resolve, or only to addresses that are refused.
    """
    try:
        found = resolve(where.host, where.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Undelivered(f"{where.host} does not resolve: {error}") from error
    first = ""
    for *_, address in found:
        problem = _problem(where, str(address[0]), allow_private=allow_private)
        if problem is None:
            return str(address[0])
        first = first or problem
    raise Undelivered(f"{where.host} {first or 'resolves to nothing'}")


def _problem(where: Address, numeric: str, *, allow_private: bool) -> str | None:
    """Return why an address must not be posted to; None if it may."""
    ip = ip_address(numeric.partition("%")[0])
    inner = _inner(ip)
    if inner.is_link_local or inner.is_multicast or inner.is_unspecified or inner in _METADATA:
        return f"leads to {numeric}, which no webhook may"
    if _means_loopback(where.host) and ip.is_loopback:
        return None
    is_public = inner.is_global and not inner.is_reserved and not getattr(inner, "is_site_local", False)
    if not (is_public or allow_private):
        return f"leads to {numeric}, which is not a public address: allow_private = true would allow it"
    if is_public and not where.is_secure:
        return "is not of this machine: its URL should begin with https"
    return None


def _inner(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one stands for, however it is packed: where a packet ends up."""
    if isinstance(ip, IPv4Address) or ip.is_loopback or ip.is_unspecified:
        return ip
    if any(ip in network for network in _CARRYING_IPV4):
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


def _means_loopback(host: str) -> bool:
    """Whether a URL says that it means this machine; a name that only resolves to it does not."""
    return host in ("localhost", "::1") or re.fullmatch(r"127\.[0-9]+\.[0-9]+\.[0-9]+", host) is not None

"""Authentication: verify the Signature Version 4 of every request against the keys of a credentials file."""

from __future__ import annotations

import hmac
import logging
import re
import threading
import time
from calendar import timegm
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ...backends.base import Caller
from ...backends.credentials import Credential
from ...backends.errors import RegistryError
from ...backends.settings import Authentication as Strictness
from .. import responses
from ..aws.sts import Issued, issued
from ..caller import VERIFIED, caller_of, is_signed_request
from ..error_log import ErrorLog
from ..http.bodies import MAX_BODY, MAX_UNVERIFIED, MAX_UPLOAD, is_empty, kept, released
from ..http.channel import HEAD
from ..responses import AuthenticationFailed, error_response
from ..routes import CONSOLE_PREFIX, EXTENSION_PREFIX, TARGET_PREFIX, is_console
from . import sigv4
from .rate_limit import Failures
from .sigv4 import Claim, Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

SKEW_SECONDS: Final = 15 * 60
MAX_SECONDS: Final = 7 * 24 * 3600
"""Maximum lifetime of a presigned URL."""
HEALTH: Final = frozenset({f"{EXTENSION_PREFIX}/health", f"{EXTENSION_PREFIX}/ready"})
METRICS: Final = f"{EXTENSION_PREFIX}/metrics"
_MOMENT = re.compile("[0-9]{8}T[0-9]{6}Z")


class Authentication:
    """Pass only signed requests on to an application.

    Unsigned requests are accepted for health, for the console, which has its own login, and for metrics if the settings
    allow it. With `has_console`, `/` redirects to the console.
    """

    def __init__(
        self,
        app: WSGIApplication,
        keys: Mapping[str, Credential],
        strictness: Strictness | None = None,
        error_log: ErrorLog | None = None,
        *,
        has_console: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._app, self._keys, self._clock = app, keys, clock
        self._strictness = strictness or Strictness()
        self._error_log = error_log or ErrorLog()
        self._has_console = has_console
        self._failures = Failures(self._strictness.failures_per_minute, clock)
        self._seen = _Seen(clock) if self._strictness.refuse_replays else None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for name in [name for name in environ if name.startswith("HTTP_X_MOTO_")]:
            del environ[name]  # a client could impersonate another account with these headers
        path, method = environ.get("PATH_INFO", ""), environ.get("REQUEST_METHOD", "")
        if self._has_console and path == "/" and method in ("GET", "HEAD") and not is_signed_request(environ):
            return _to_the_console(start_response)
        if self._is_open(path, method, environ):
            return self._app(environ, start_response)
        try:
            environ[VERIFIED] = self._verify(environ)
        except AuthenticationFailed as refused:
            error: RegistryError = refused.as_error(environ)
        except RegistryError as rejected:
            error = rejected
        else:
            return released(environ, self._app(environ, start_response))
        key = caller_of(environ).access_key
        log.info("%s %s: %s", error.status, error.code, key)
        self._error_log.note(f"{method} {path}", key, error.status, error.code, error.message)
        return released(environ, error_response(error, environ, start_response))

    def _is_open(self, path: str, method: str, environ: WSGIEnvironment) -> bool:
        if method in ("GET", "HEAD") and (path in HEALTH or (path == METRICS and self._strictness.open_metrics)):
            return True
        return self._has_console and is_console(path) and not is_signed_request(environ)

    def _verify(self, environ: WSGIEnvironment) -> Caller:
        headers = headers_of(environ)
        claim = _claim(environ, headers)
        proof = proof_of(Caller.from_access_key(claim.key, claim.region), self._keys, self._strictness)
        try:
            if proof is None:
                raise AuthenticationFailed("unknown")
            self._check(claim, environ, headers, proof)
        except AuthenticationFailed:
            if self._failures.is_one_too_many((environ.get("REMOTE_ADDR"), claim.key if proof is not None else "")):
                raise AuthenticationFailed("throttled") from None
            raise
        return Caller.from_access_key(claim.key, claim.region)

    def _check(self, claim: Claim, environ: WSGIEnvironment, headers: Headers, proof: Issued) -> None:
        now = self._clock()
        _check_time(claim, now)
        _check_scope(claim, environ, headers)
        if not hmac.compare_digest(claim.token.encode(), proof.token.encode()):
            raise AuthenticationFailed("token")
        if proof.expires is not None and proof.expires <= now:
            raise AuthenticationFailed("token expired")
        path, _, query = _target(environ).partition("?")
        said = ",".join(headers.get("x-amz-content-sha256", ()))
        payload = said or (
            sigv4.UNSIGNED
            if claim.expires is not None and claim.service == "s3"
            else _body_hash(environ, MAX_BODY if _is_ours(environ) else MAX_UNVERIFIED)
        )
        expected = sigv4.signature_of(claim, proof.secret, environ["REQUEST_METHOD"], path, query, headers, payload)
        if not hmac.compare_digest(expected, claim.signature):
            raise AuthenticationFailed("wrong")
        if said and not _is_body_as_said(said, claim, environ, headers, proof.secret):
            raise AuthenticationFailed("other body")
        if self._seen is not None and claim.expires is None and self._seen.before(claim.signature):
            raise AuthenticationFailed("wrong", "The signature has already been used; sign each request separately.")


def proof_of(caller: Caller, keys: Mapping[str, Credential], strictness: Strictness) -> Issued | None:
    """Return the secret that proves a caller's access key; None if unknown. Called before large bodies are read."""
    found = keys.get(caller.access_key)
    if found is not None:
        return Issued(found.secret)
    return issued(caller) if strictness.issued_keys else None


class _Seen:
    """The signatures accepted within the replay window; thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._until: dict[str, float] = {}

    def before(self, signature: str) -> bool:
        """Record a signature and return whether it was seen before."""
        now = self._clock()
        with self._lock:
            while self._until and (first := next(iter(self._until))) and self._until[first] < now:
                del self._until[first]
            if signature in self._until:
                return True
            self._until[signature] = now + 2 * SKEW_SECONDS
            return False


def headers_of(environ: WSGIEnvironment) -> Headers:
    """Return the headers as sent; with other servers, which do not keep them, as found in the environ."""
    found: dict[str, list[str]] = {}
    if head := environ.get(HEAD):
        last = ""
        for line in head.decode("latin-1").split("\r\n")[1:]:
            if line[:1] in (" ", "\t") and last:
                found[last][-1] += f" {line.strip()}"
                continue
            name, _, value = line.partition(":")
            last = name.lower()
            if last:
                found.setdefault(last, []).append(value.strip(" \t"))
        return found
    for name, value in environ.items():
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            found[name.removeprefix("HTTP_").replace("_", "-").lower()] = [value]
    return found


def _claim(environ: WSGIEnvironment, headers: Headers) -> Claim:
    authorization, raw = headers.get("authorization", ()), environ.get("QUERY_STRING", "")
    in_query = "X-Amz-Signature=" in raw or "X-Amz-Credential=" in raw
    if not authorization and not in_query:
        raise AuthenticationFailed("old version" if "AWSAccessKeyId=" in raw else "missing")
    if authorization and authorization[0].startswith("AWS "):
        raise AuthenticationFailed("old version")
    if len(authorization) + in_query > 1:
        raise AuthenticationFailed(
            "incomplete", "Only one auth mechanism allowed: the Authorization header, or X-Amz-Signature."
        )
    claim = sigv4.claim_of_query(sigv4.pairs_of(raw)) if in_query else sigv4.claim_of_header(authorization[0], headers)
    if claim is None or not _MOMENT.fullmatch(claim.moment):
        raise AuthenticationFailed(
            "incomplete", _what_is_missing(authorization[0], headers) if authorization else _QUERY_PARTS
        )
    # moto parses the credential by itself, so both must find the same one
    if caller_of(environ).access_key != claim.key:
        raise AuthenticationFailed(
            "incomplete",
            "The credential is malformed or given more than once; expected KEY/DATE/REGION/SERVICE/aws4_request.",
        )
    return claim


_QUERY_PARTS: Final = (
    "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
    "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
)


_OURS_IN_QUERY: Final = (
    "The registry does not accept presigned URLs, because anyone who obtains one could act as its creator; "
    "sign the request in the Authorization header."
)


def _what_is_missing(authorization: str, headers: Headers) -> str:
    needed = [part for part in ("Credential", "Signature", "SignedHeaders") if f"{part}=" not in authorization]
    said = [f"Authorization header requires '{part}' parameter." for part in needed]
    if not headers.get("x-amz-date"):
        said.append("Authorization header requires existence of an 'X-Amz-Date' header.")
    return " ".join(said) or (
        f"Invalid Signature Version 4: expected `Authorization: {sigv4.ALGORITHM} "
        "Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=NAMES, Signature=HEX` "
        "and `X-Amz-Date: YYYYMMDDTHHMMSSZ`."
    )


def _check_time(claim: Claim, now: float) -> None:
    try:
        made = _seconds(claim.moment)
    except ValueError:
        raise AuthenticationFailed("incomplete", f"X-Amz-Date '{claim.moment}' is not a valid date.") from None
    if claim.date != claim.moment[:8]:
        raise AuthenticationFailed(
            "wrong",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{claim.date}' != '{claim.moment[:8]}', from '{claim.moment}'.",
        )
    earliest, latest = now - SKEW_SECONDS, now + SKEW_SECONDS
    if made > latest:
        raise AuthenticationFailed(
            "skewed",
            ""
            if claim.service == "s3"
            else f"Signature not yet current: {claim.moment} is still later than {_shown(latest)} "
            f"({_shown(now)} + 15 min.)",
        )
    if claim.expires is not None:
        if claim.expires > MAX_SECONDS:
            raise AuthenticationFailed(
                "incomplete", "X-Amz-Expires must be less than a week (in seconds); that is 604800."
            )
        if now > made + claim.expires:
            raise AuthenticationFailed("expired")
    elif made < earliest:
        raise AuthenticationFailed(
            "skewed",
            ""
            if claim.service == "s3"
            else f"Signature expired: {claim.moment} is now earlier than {_shown(earliest)} ({_shown(now)} - 15 min.)",
        )


def _is_ours(environ: WSGIEnvironment) -> bool:
    target: str = environ.get("HTTP_X_AMZ_TARGET", "")
    path: str = environ.get("PATH_INFO", "")
    return target.startswith(TARGET_PREFIX) or path.startswith(EXTENSION_PREFIX)


def _check_scope(claim: Claim, environ: WSGIEnvironment, headers: Headers) -> None:
    """Raise AuthenticationFailed for a signature of another service, or one that does not cover required headers."""
    ours = _is_ours(environ)
    if ours and claim.service != "sagemaker":
        raise AuthenticationFailed("wrong", "Credential should be scoped to correct service: 'sagemaker'. ")
    if ours and claim.expires is not None:
        raise AuthenticationFailed("incomplete", _OURS_IN_QUERY)
    if list(claim.signed) != sorted(set(claim.signed)):
        raise AuthenticationFailed("incomplete", "The names in SignedHeaders must be lowercase, sorted and unique.")
    if "host" not in claim.signed:
        raise AuthenticationFailed(
            "unsigned header", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        )
    for name in headers:
        if name.startswith("x-amz-") and name not in claim.signed:
            own = "" if claim.service == "s3" else f"'{name}' must be a 'SignedHeader' in the AWS Authorization."
            raise AuthenticationFailed("unsigned header", own)
    for name in claim.signed:
        if name not in headers:
            raise AuthenticationFailed("wrong")


def _is_body_as_said(said: str, claim: Claim, environ: WSGIEnvironment, headers: Headers, secret: str) -> bool:
    """Whether the body matches its signed hash; S3 also accepts unsigned bodies and signed chunks."""
    if claim.service != "s3" or said not in sigv4.STREAMING | {sigv4.UNSIGNED}:
        return hmac.compare_digest(said.encode(), _body_hash(environ, MAX_UPLOAD).encode())
    if said == sigv4.UNSIGNED:
        return True
    body, length = kept(environ, MAX_UPLOAD), ",".join(headers.get("x-amz-decoded-content-length", ())).strip()
    try:
        return sigv4.are_chunks_signed(body, claim, secret, said, length)
    finally:
        body.seek(0)


def _body_hash(environ: WSGIEnvironment, most: int) -> str:
    if is_empty(environ):
        return sigv4.EMPTY
    body = kept(environ, most)
    try:
        return sigv4.hash_of(body)
    finally:
        body.seek(0)


def _target(environ: WSGIEnvironment) -> str:
    """Return the path and query of a request as sent."""
    from urllib.parse import quote

    found = environ.get("REQUEST_URI") or environ.get("RAW_URI")
    if found:
        return str(found)
    query = environ.get("QUERY_STRING", "")
    return quote(environ.get("PATH_INFO", "").encode("latin-1")) + (f"?{query}" if query else "")


def _to_the_console(start_response: StartResponse) -> Iterable[bytes]:
    start_response("302 Found", [*responses.headers(b"", "text/plain"), ("Location", f"{CONSOLE_PREFIX}/")])
    return [b""]


@lru_cache(maxsize=64)
def _seconds(moment: str) -> int:
    return timegm(time.strptime(moment, "%Y%m%dT%H%M%SZ"))


def _shown(seconds: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))

"""Error responses in the protocol of the client, and the headers of all responses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ..backends.base import random_id
from ..backends.errors import NotAuthenticated, RegistryError
from ..backends.service import wire
from .routes import EXTENSION_PREFIX, MOTO

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

JSON, QUERY, S3 = "json", "query", "s3"
XML = "application/xml"
_WRONG = "The request signature we calculated does not match the signature you provided. Check your"
_WRONG_KEY = f"{_WRONG} AWS Secret Access Key and signing method. Consult the service documentation for details."
_OLD = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
_INVALID = "The security token included in the request is invalid."
CODES: Final[Mapping[str, Mapping[str, tuple[str, int, str]]]] = {
    "missing": {
        JSON: ("MissingAuthenticationTokenException", 400, "Missing Authentication Token"),
        QUERY: ("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
        S3: ("AccessDenied", 403, "Access Denied"),
    },
    "incomplete": {
        JSON: ("IncompleteSignatureException", 400, ""),
        QUERY: ("IncompleteSignature", 400, ""),
        S3: ("AuthorizationHeaderMalformed", 400, ""),
    },
    "unknown": {
        JSON: ("UnrecognizedClientException", 400, _INVALID),
        QUERY: ("InvalidClientTokenId", 403, _INVALID),
        S3: ("InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records."),
    },
    "wrong": {
        JSON: ("InvalidSignatureException", 400, _WRONG_KEY),
        QUERY: ("SignatureDoesNotMatch", 403, _WRONG_KEY),
        S3: ("SignatureDoesNotMatch", 403, f"{_WRONG} key and signing method."),
    },
    "skewed": {
        JSON: ("InvalidSignatureException", 400, ""),
        QUERY: ("SignatureDoesNotMatch", 403, ""),
        S3: ("RequestTimeTooSkewed", 403, "The difference between the request time and the current time is too large."),
    },
    "expired": {
        JSON: ("RequestExpired", 400, "Request has expired."),
        QUERY: ("RequestExpired", 400, "Request has expired."),
        S3: ("AccessDenied", 403, "Request has expired"),
    },
    "token": {
        JSON: ("UnrecognizedClientException", 400, _INVALID),
        QUERY: ("InvalidClientTokenId", 403, _INVALID),
        S3: ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
    },
    "token expired": {
        JSON: ("ExpiredTokenException", 400, "The security token included in the request is expired"),
        QUERY: ("ExpiredToken", 403, "The security token included in the request is expired"),
        S3: ("ExpiredToken", 400, "The provided token has expired."),
    },
    "unsigned header": {
        JSON: ("InvalidSignatureException", 400, ""),
        QUERY: ("SignatureDoesNotMatch", 403, ""),
        S3: ("AccessDenied", 403, "There were headers present in the request which were not signed"),
    },
    "other body": {
        JSON: ("InvalidSignatureException", 400, _WRONG_KEY),
        QUERY: ("SignatureDoesNotMatch", 403, _WRONG_KEY),
        S3: (
            "XAmzContentSHA256Mismatch",
            400,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
    },
    "old version": {
        JSON: ("IncompleteSignatureException", 400, _OLD),
        QUERY: ("IncompleteSignature", 400, _OLD),
        S3: ("InvalidRequest", 400, _OLD),
    },
    "throttled": {
        JSON: ("ThrottlingException", 400, "Rate exceeded"),
        QUERY: ("Throttling", 400, "Rate exceeded"),
        S3: ("SlowDown", 503, "Please reduce your request rate."),
    },
}
"""Code, status and message of each reason, by protocol; the message is empty if it depends on the request."""

CONSOLE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with no-referrer, forms send `Origin: null`, which HostCheck rejects
    "Cache-Control": "no-store",
}
"""Headers of all responses under CONSOLE_PREFIX."""

COMMON_HEADERS: Final[Mapping[str, str]] = {
    **CONSOLE_HEADERS,
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox",
    "Referrer-Policy": "no-referrer",
}
"""Default headers of all responses; they keep browsers from running the content of S3 objects."""


def headers(body: bytes, content_type: str = wire.CONTENT_TYPE, request_id: str = "") -> list[tuple[str, str]]:
    """Return the headers of AWS's responses, with a new request ID if none is given; waitress adds the date."""
    return [
        ("x-amzn-RequestId", request_id or random_id()),
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
    ]


def wsgi_error(
    error: RegistryError, start_response: StartResponse, *, as_xml: bool = False, request_id: str = ""
) -> Iterable[bytes]:
    """Respond with an error: AWS JSON, or XML for the protocols of S3, STS and IAM."""
    body, content_type = (_xml(error), XML) if as_xml else (wire.write_error(error), wire.CONTENT_TYPE)
    return _send(error, start_response, body, content_type, request_id)


def wsgi_text(error: RegistryError, start_response: StartResponse, more: Mapping[str, str]) -> Iterable[bytes]:
    """Respond to a browser with an error as plain text, with additional headers."""
    return _send(error, start_response, f"{error.message}\n".encode(), "text/plain; charset=utf-8", "", more)


def _send(
    error: RegistryError,
    start_response: StartResponse,
    body: bytes,
    content_type: str,
    request_id: str,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Iterable[bytes]:
    status = f"{error.status} {HTTPStatus(error.status).phrase}"
    start_response(status, [*headers(body, content_type, request_id), *more.items()])
    return [body]


def _xml(error: RegistryError, s3_request: str = "") -> bytes:
    """Return an error in S3's XML if `s3_request` (the request ID) is given, otherwise in the query protocol's."""
    inner = f"<Code>{error.code}</Code><Message>{escape(error.message, quote=False)}</Message>"
    if s3_request:
        inner = f"<Error>{inner}<RequestId>{s3_request}</RequestId></Error>"
    else:
        inner = f"<ErrorResponse><Error>{inner}</Error></ErrorResponse>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{inner}'.encode()


class AuthenticationFailed(Exception):
    """A request failed authentication; `reason` is a key of CODES, `sentence` replaces the default message."""

    def __init__(self, reason: str, sentence: str = "") -> None:
        super().__init__(reason)
        self.reason, self.sentence = reason, sentence

    def as_error(self, environ: WSGIEnvironment) -> NotAuthenticated:
        code, status, sentence = CODES[self.reason][_protocol(environ)]
        return NotAuthenticated(code, self.sentence or sentence, status)


def error_response(error: RegistryError, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Respond with an error in the protocol of the client."""
    protocol = _protocol(environ)
    if protocol == S3:
        request_id = random_id()
        return _send(error, start_response, _xml(error, request_id), XML, request_id)
    return wsgi_error(error, start_response, as_xml=protocol == QUERY)


def _protocol(environ: WSGIEnvironment) -> str:
    kind = environ.get("CONTENT_TYPE", "")
    path = environ.get("PATH_INFO", "")
    if (
        "HTTP_X_AMZ_TARGET" in environ
        or kind.startswith("application/x-amz-json")
        or path.startswith((EXTENSION_PREFIX, MOTO))
    ):
        return JSON
    if kind.startswith("application/x-www-form-urlencoded"):
        return QUERY
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    return JSON if "/aws4_request" in authorization and "/s3/aws4_request" not in authorization else S3

"""Why a request is not authenticated, in the words of AWS for the protocol that it speaks.

Codes and sentences are those that clients and their users have reported of AWS, where there are any; none of them has
been held against AWS by this project, and what has no other source is our choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from ..backends.base import random_id
from ..backends.errors import NotAuthenticated, RegistryError
from . import answers
from .routes import EXTENSION_PREFIX, MOTO

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

JSON, QUERY, S3 = "json", "query", "s3"

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
"""What is said of each reason, by protocol: code, status, and the sentence where it does not tell of the request."""


class Refused(Exception):
    """A request that is not authenticated, and why: one of CODES, with a sentence of its own where there is one."""

    def __init__(self, reason: str, sentence: str = "") -> None:
        super().__init__(reason)
        self.reason, self.sentence = reason, sentence

    def as_error(self, environ: WSGIEnvironment) -> NotAuthenticated:
        """Return it as the error of a request."""
        code, status, sentence = CODES[self.reason][_protocol(environ)]
        return NotAuthenticated(code, self.sentence or sentence, status)


def answer(error: RegistryError, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request with an error, in the form its client reads."""
    protocol = _protocol(environ)
    if protocol == S3:
        return _as_s3(error, start_response)
    return answers.wsgi_error(error, start_response, as_xml=protocol == QUERY)


def _protocol(environ: WSGIEnvironment) -> str:
    """Return how the client reads an error."""
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


def _as_s3(error: RegistryError, start_response: StartResponse) -> Iterable[bytes]:
    request = random_id()
    message = escape(error.message, quote=False)
    inner = f"<Code>{error.code}</Code><Message>{message}</Message><RequestId>{request}</RequestId>"
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()
    start_response(
        f"{error.status} {HTTPStatus(error.status).phrase}", answers.headers(body, "application/xml", request)
    )
    return [body]

"""The caller of a request, read from its credential scope (Signature Version 4 header or presigned URL)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from ..backends.base import Caller
from ..backends.errors import ValidationException

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MAX_KEY: Final = 128
"""The longest access key ID, according to the API reference of IAM."""

_REGION = re.compile(r"[a-z0-9-]{9,16}")  # as in the ARN patterns of the service model

VERIFIED: Final = "sagemaker_registry.caller"
"""The environ key of the verified caller; clients cannot set it, because their headers begin with HTTP_."""


def caller_of(environ: WSGIEnvironment, request_id: str = "") -> Caller:
    """Return the verified caller of a request; without authentication, the caller that the request names."""
    verified: Caller | None = environ.get(VERIFIED)
    if verified is not None:
        return verified.asking(request_id)
    return caller_from(environ.get("HTTP_AUTHORIZATION", ""), environ.get("QUERY_STRING", ""), request_id)


def caller_from(authorization: str, query: str = "", request_id: str = "") -> Caller:
    """Return the caller named by an Authorization header or a raw query string, unverified (see `caller_of`).

    Unsigned requests are anonymous, in the default account and region.
    """
    key, region = _key_and_region(authorization)
    if key is None and "X-Amz-Credential" in query:
        key, region = _key_and_region("Credential=" + parse_qs(query).get("X-Amz-Credential", [""])[0])
    return Caller.from_access_key(key, region, request_id)


def is_signed(authorization: str | None, query: str) -> bool:
    """Whether a request carries a signature, valid or not, in its Authorization header or raw query string."""
    return authorization is not None or "X-Amz-" in query


def is_signed_request(environ: WSGIEnvironment) -> bool:
    return is_signed(environ.get("HTTP_AUTHORIZATION"), environ.get("QUERY_STRING", ""))


def has_scope(authorization: str) -> bool:
    """Whether an Authorization header has a complete credential scope."""
    return _key_and_region(authorization)[0] is not None


def _key_and_region(text: str) -> tuple[str, str] | tuple[None, None]:
    """Return the access key and region of the first credential; without a regex, whose time clients could inflate."""
    parts = text.partition("Credential=")[2].partition(",")[0].split("/", 4)
    if len(parts) < 5 or not parts[4].startswith("aws4_request") or parts[0].split() != parts[:1]:
        return None, None
    return parts[0], parts[2]


def check_caller(caller: Caller) -> None:
    """Raise ValidationException for a region or an access key ID that AWS cannot have; the messages are not AWS's."""
    if len(caller.access_key) > MAX_KEY:
        raise ValidationException(
            f"The access key ID has {len(caller.access_key)} characters; at most {MAX_KEY} are allowed."
        )
    if not _REGION.fullmatch(caller.region):
        raise ValidationException(
            f"Invalid region {caller.region!r} in the credential scope: "
            "use 9 to 16 lowercase letters, digits and hyphens, such as us-east-1."
        )

"""Who a key of the STS or IAM beside the registry belongs to; and GetCallerIdentity, answered as the registry sees it.

Temporary credentials of AssumeRole and the keys of IAM users are moto's. Asked by any other key, moto would answer
with a user of its own, while the registry writes another into CreatedBy: so that one question is answered here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from ...backends.base import Caller, Identity, random_id
from ...backends.identities import Identities
from ..caller import caller_of
from ..http.bodies import length_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MADE_BY_MOTO = ("AKIA", "ASIA")
"""How the keys begin that moto gives to users and to sessions."""

MAX_FORM = 2**12
"""Bytes of a request that can be no more than GetCallerIdentity."""

_ANSWER = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>{arn}</Arn><UserId>{user}</UserId><Account>{account}</Account></GetCallerIdentityResult>"
    "<ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
)


def identity_of(caller: Caller) -> Identity | None:
    """Return who moto says a caller is: a session of a role, or a user of IAM; None before either was ever asked."""
    if not caller.access_key.startswith(MADE_BY_MOTO):
        return None
    sts, iam = sys.modules.get("moto.sts.models"), sys.modules.get("moto.iam.models")
    if sts is not None:
        for account, partitions in list(sts.sts_backends.items()):
            role = partitions[caller.partition].get_assumed_role_from_access_key(caller.access_key)
            if role is not None:
                return Identity(role.session_name, role.arn, account, principal=role.user_id)
    if iam is not None:
        for account, partitions in list(iam.iam_backends.items()):
            user = partitions[caller.partition].get_user_from_access_key_id(caller.access_key)
            if user is not None:
                return Identity(user.name, user.arn, account, principal=user.id)
    return None


@dataclass(frozen=True, slots=True)
class Issued:
    """What proves a key that moto gave to somebody: its secret, and of a session its token and its end."""

    secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    expires: float | None = None


def issued(caller: Caller) -> Issued | None:
    """Return what proves the key of a session of a role or of a user of IAM; None if moto never gave it to anybody."""
    sts, iam = sys.modules.get("moto.sts.models"), sys.modules.get("moto.iam.models")
    if caller.access_key.startswith("ASIA") and sts is not None:
        for _, partitions in list(sts.sts_backends.items()):
            role = partitions[caller.partition].get_assumed_role_from_access_key(caller.access_key)
            if role is not None:
                ends = role.expiration.replace(tzinfo=UTC).timestamp()
                return Issued(role.secret_access_key, role.session_token, ends)
    if caller.access_key.startswith("AKIA") and iam is not None:
        for _, partitions in list(iam.iam_backends.items()):
            key = partitions[caller.partition].access_keys.get(caller.access_key)
            if key is not None and key.status == "Active" and key.user_name:
                return Issued(key.secret_access_key)
    return None


class CallerIdentity:
    """A WSGI application in front of the neighbours, who see callers in the accounts the registry sees them in.

    Args:
        other_services: who answers everything but GetCallerIdentity.
        identities: those of the registry.
    """

    def __init__(self, other_services: WSGIApplication, identities: Identities) -> None:
        self._other_services = other_services
        self._identities = identities

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        caller = self._identities.recognise(caller_of(environ, random_id()))
        environ.setdefault("HTTP_X_MOTO_ACCOUNT_ID", caller.account)
        if _is_for_sts(environ) and _action(environ) == "GetCallerIdentity":
            return _answer(caller, start_response)
        return self._other_services(environ, start_response)


def _is_for_sts(environ: WSGIEnvironment) -> bool:
    query = environ.get("QUERY_STRING", "")
    scope = "/sts/aws4_request"
    return scope in environ.get("HTTP_AUTHORIZATION", "") or ("X-Amz-Credential=" in query and scope in unquote(query))


def _action(environ: WSGIEnvironment) -> str:
    """Return the action that is asked for, in the query or in a form, which stays to be read."""
    if environ.get("REQUEST_METHOD") == "GET":
        asked: str = parse_qs(environ.get("QUERY_STRING", "")).get("Action", [""])[0]
        return asked
    length = length_of(environ) or 0
    if environ.get("REQUEST_METHOD") != "POST" or length > MAX_FORM:
        return ""
    body = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = BytesIO(body)
    action: str = parse_qs(body.decode("latin-1")).get("Action", [""])[0]
    return action


def _answer(caller: Caller, start_response: StartResponse) -> Iterable[bytes]:
    user: Any = caller.user_context["IamIdentity"]
    values = {
        "arn": user["Arn"],
        "user": user["PrincipalId"],
        "account": caller.account,
        "request": caller.request_id,
    }
    body = _ANSWER.format(**{name: escape(value, quote=False) for name, value in values.items()}).encode()
    headers = [
        ("Content-Type", "text/xml"),
        ("Content-Length", str(len(body))),
        ("x-amzn-RequestId", caller.request_id),
    ]
    start_response("200 OK", headers)
    return [body]

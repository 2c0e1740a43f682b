"""Who a key of moto's STS or IAM belongs to; and GetCallerIdentity, answered as the registry sees it.

Temporary credentials of AssumeRole and the keys of IAM users are moto's. Asked by any other key, moto would answer
with a user of its own, while the registry writes another into CreatedBy: so that one question is answered here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
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
from ..responses import headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MADE_BY_MOTO = ("AKIA", "ASIA")
"""How the keys begin that moto gives to users and to sessions."""

MAX_FORM = 2**12
"""Bytes of a request that can be no more than GetCallerIdentity."""

_ANSWER = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account></GetCallerIdentityResult>"
    "<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
)


def identity_of(caller: Caller) -> Identity | None:
    """Return who moto says a caller is: a session of a role, or a user of IAM; None before either was ever asked."""
    if not caller.access_key.startswith(MADE_BY_MOTO):
        return None
    for account, sts in _moto_backends("sts", caller):
        role = sts.get_assumed_role_from_access_key(caller.access_key)
        if role is not None:
            return Identity(role.session_name, role.arn, account, principal=role.user_id)
    for account, iam in _moto_backends("iam", caller):
        user = iam.get_user_from_access_key_id(caller.access_key)
        if user is not None:
            return Identity(user.name, user.arn, account, principal=user.id)
    return None


def _moto_backends(service: str, caller: Caller) -> Iterator[tuple[str, Any]]:
    """Yield the accounts and backends of a service in the caller's partition; none while moto has not loaded it."""
    module = sys.modules.get(f"moto.{service}.models")
    if module is not None:
        for account, partitions in list(getattr(module, f"{service}_backends").items()):
            yield account, partitions[caller.partition]


@dataclass(frozen=True, slots=True)
class Issued:
    """What proves a key that moto issued: its secret, and of a session its token and its end."""

    secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    expires: float | None = None


def issued(caller: Caller) -> Issued | None:
    """Return what proves the key of a session of a role or of a user of IAM; None if moto never issued it."""
    if caller.access_key.startswith("ASIA"):
        for _, sts in _moto_backends("sts", caller):
            role = sts.get_assumed_role_from_access_key(caller.access_key)
            if role is not None:
                ends = role.expiration.replace(tzinfo=UTC).timestamp()
                return Issued(role.secret_access_key, role.session_token, ends)
    if caller.access_key.startswith("AKIA"):
        for _, iam in _moto_backends("iam", caller):
            key = iam.access_keys.get(caller.access_key)
            if key is not None and key.status == "Active" and key.user_name:
                return Issued(key.secret_access_key)
    return None


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """A WSGI application that answers GetCallerIdentity, and gives other services the account the registry sees."""

    other_services: WSGIApplication
    identities: Identities

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        caller = self.identities.recognise(caller_of(environ, random_id()))
        environ.setdefault("HTTP_X_MOTO_ACCOUNT_ID", caller.account)
        if _is_for_sts(environ) and _action(environ) == "GetCallerIdentity":
            return _answer(caller, start_response)
        return self.other_services(environ, start_response)


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
    values = (user["Arn"], user["PrincipalId"], caller.account, caller.request_id)
    body = _ANSWER.format(*(escape(value, quote=False) for value in values)).encode()
    start_response("200 OK", headers(body, "text/xml", caller.request_id))
    return [body]

"""The identities of registry.toml, and the names, groups, roles and ARNs by which rules refer to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from .base import Caller, Identity
from .conversion import Place
from .credentials import Credential
from .errors import Misconfigured, did_you_mean
from .settings import ACCOUNT_ID, IdentityTable

Identify: TypeAlias = Callable[[Caller], Identity | None]

_ROLE = re.compile(r"arn:[a-z-]+:sts::[0-9]+:assumed-role/(?P<role>[^/]+)/.+")
_ACCOUNT = re.compile(rf"arn:aws[a-z-]*:(?:iam|sts)::(?P<account>{ACCOUNT_ID}):.+")


class Who(msgspec.Struct, frozen=True):
    """A person or a job to which rules can refer."""

    name: str
    arn: str
    groups: tuple[str, ...] = ()

    @property
    def role(self) -> str:
        """The name of the assumed role; empty for a user."""
        match = _ROLE.fullmatch(self.arn)
        return match["role"] if match else ""

    def is_one_of(self, wanted: Sequence[str]) -> bool:
        """Return whether one of these matches: `group:NAME`, `role:NAME`, a pattern of ARNs, or a pattern of names."""
        return any(self._is(one) for one in wanted)

    def _is(self, wanted: str) -> bool:
        kind, colon, pattern = wanted.partition(":")
        if not colon:
            return fnmatchcase(self.name, wanted)
        if kind == "arn":
            return fnmatchcase(self.arn, wanted)
        names = self.groups if kind == "group" else (self.role,)
        return any(fnmatchcase(name, pattern) for name in names if name)


def display_name(caller: Caller) -> str:
    """Return the ARN of a caller, and its name if it has an identity, for use in messages."""
    return f"{caller.name} ({caller.arn})" if caller.identity else caller.arn


class Identities:
    """The identities of registry.toml; `elsewhere` looks up callers that are not among them.

    An identity has an access key, or matches callers by a pattern of ARNs, such as all sessions of a role. Other
    callers keep the ARN that follows from their access key. A server with credentials verifies that callers own their
    keys; without credentials, the key alone identifies the caller.

    Raises:
        Misconfigured: an identity is invalid, or two identities have the same access key.
    """

    def __init__(self, tables: Mapping[str, IdentityTable], elsewhere: Identify = lambda caller: None) -> None:
        self._tables = tables
        self._elsewhere = elsewhere
        self._by_key: dict[str, str] = {}
        for name, table in tables.items():
            _check(name, table)
            if table.access_key:
                first = self._by_key.setdefault(table.access_key, name)
                if first != name:
                    raise Misconfigured(
                        f"[identities.{name}]: `access_key` is the same as in [identities.{first}]; use another",
                        ("identities", name, "access_key"),
                    )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._tables)

    @property
    def groups(self) -> frozenset[str]:
        return frozenset(group for table in self._tables.values() for group in table.groups)

    def recognize(self, caller: Caller) -> Caller:
        """Return a caller with its identity, found by its access key, by `elsewhere` or by its ARN."""
        if caller.identity is not None:
            return caller
        if caller.access_key in self._by_key:
            return self._named(self._by_key[caller.access_key], caller)
        known = self._elsewhere(caller)
        if known is not None:
            caller = replace(caller, account=known.account, identity=known)
        for name, table in self._tables.items():
            if not table.access_key and fnmatchcase(caller.arn, _pattern(table, name)):
                principal = caller.identity.principal if caller.identity else caller.access_key
                return replace(caller, identity=Identity(name, caller.arn, caller.account, table.groups, principal))
        return self._unknown(caller) if known is None else self._issued(caller, known)

    def called(self, who: str, caller: Caller) -> Caller:
        """Return the caller with a name in registry.toml, an ARN or an access key, in the region of `caller`."""
        table = self._tables.get(who)
        if table is not None and table.access_key:
            return self._named(who, caller)
        if table is not None:
            arn = table.arn or _default_arn(table, who, caller.partition, table.account or caller.account)
            arn = arn.replace("::*:", f"::{caller.account}:").replace("*", who)
            return replace(caller, identity=Identity(who, arn, caller.account, table.groups))
        if who.startswith("arn:"):
            match = _ACCOUNT.fullmatch(who)
            identity = Identity(who.rpartition("/")[2], who, match["account"] if match else caller.account)
            probe = replace(caller, access_key="", identity=identity)
            for name, one in self._tables.items():
                if fnmatchcase(who, _pattern(one, name)):
                    return replace(probe, identity=replace(identity, name=name, groups=one.groups))
            return probe
        unknown = Caller.from_access_key(who, caller.region, caller.request_id)
        return self.recognize(replace(unknown, account=caller.account) if who != unknown.account else unknown)

    def check(self, wanted: Sequence[str], place: Place) -> None:
        """Check the entries of a rule's option at `place`.

        Raises:
            Misconfigured: an entry is an unknown name, a group without members, or an ARN that no identity matches.
        """
        for number, one in enumerate(wanted):
            kind, colon, pattern = one.partition(":")
            problem = ""
            if colon and kind not in ("arn", "group", "role"):
                problem = f"invalid value {one!r} for `{place[-1]}`: expected a name, group:NAME, role:NAME or an ARN"
            elif kind == "group" and colon and not any(fnmatchcase(group, pattern) for group in self.groups):
                hint = did_you_mean(pattern, self.groups) or f'; add `groups = ["{pattern}"]` to an identity'
                problem = f"group `{pattern}` has no members{hint}"
            elif self._tables and not colon and not any(fnmatchcase(name, one) for name in self._tables):
                problem = f"unknown identity {one!r}{did_you_mean(one, self._tables)}"
            elif self._tables and kind == "arn" and not self._could_be(one):
                problem = f"no identity has an ARN that matches {one!r}"
            if problem:
                raise Misconfigured(f"[rules.{place[-2]}]: {problem}", (*place, number), one)

    def _could_be(self, pattern: str) -> bool:
        if ":assumed-role/" in pattern:
            return True  # sessions of roles come from STS, not from registry.toml
        return any(meet(_pattern(table, name), pattern) for name, table in self._tables.items())

    def _named(self, name: str, caller: Caller) -> Caller:
        table = self._tables[name]
        match = _ACCOUNT.fullmatch(table.arn)
        account = table.account or (match["account"] if match else caller.account)
        arn = table.arn or _default_arn(table, name, caller.partition, account)
        return replace(caller, account=account, identity=Identity(name, arn, account, table.groups, name))

    def _taken(self, caller: Caller) -> set[str]:
        """Return the ARNs of the identities with an access key, which no other caller can have."""
        return {self._named(name, caller).arn for name, table in self._tables.items() if table.access_key}

    def _issued(self, caller: Caller, known: Identity) -> Caller:
        """Keep apart a caller whose key STS or IAM has issued: anyone can choose the name of a session or a user.

        If identities have keys, its name gets the prefix `issued/`, and so does an ARN that is that of an identity.
        """
        if not self._by_key:
            return caller
        kinds = {":user/": ":user/issued/", ":assumed-role/": ":assumed-role/issued/"}
        arn = known.arn
        for kind, issued in kinds.items() if arn in self._taken(caller) else ():
            arn = arn.replace(kind, issued)
        return replace(caller, identity=replace(known, name=f"issued/{known.name}", arn=arn))

    def _unknown(self, caller: Caller) -> Caller:
        """Give an unknown caller another ARN if its access key, used as a name, yields the ARN of an identity."""
        if not self._by_key or caller.arn not in self._taken(caller):
            return caller
        arn = caller.arn.replace(":user/", ":user/unknown/")
        return replace(caller, identity=Identity(f"unknown/{caller.access_key}", arn, caller.account))


def with_profiles(tables: Mapping[str, IdentityTable], keys: Mapping[str, Credential]) -> dict[str, IdentityTable]:
    """Return the identities of registry.toml, and one for each other profile of a credentials file (`keys`).

    Raises:
        Misconfigured: a profile has the name of an identity, but not its access key.
    """
    named = {table.access_key for table in tables.values() if table.access_key}
    found = dict(tables)
    for one in keys.values():
        if one.access_key in named:
            continue
        if one.profile in found:
            raise Misconfigured(
                f"[identities.{one.profile}]: `access_key` must be the one of [{one.profile}] in the credentials file",
                ("identities", one.profile, "access_key"),
            )
        found[one.profile] = IdentityTable(access_key=one.access_key, account=one.account)
    return found


def _check(name: str, table: IdentityTable) -> None:
    place = ("identities", name)
    if table.arn and table.role:
        raise Misconfigured(
            f"[identities.{name}]: `arn` and `role` exclude each other; remove one of them", (*place, "role")
        )
    if table.arn and not table.arn.startswith("arn:"):
        raise Misconfigured(
            f"[identities.{name}]: invalid `arn` {table.arn!r}: it must begin with `arn:`", (*place, "arn")
        )
    if table.access_key and "*" in table.arn:
        raise Misconfigured(f"[identities.{name}]: `arn` must not contain `*` if `access_key` is set", (*place, "arn"))
    if not (table.access_key or table.arn or table.role):
        raise Misconfigured(f"[identities.{name}]: one of `access_key`, `arn` or `role` is required", place)


def _pattern(table: IdentityTable, name: str) -> str:
    """Return the ARN of an identity, or a pattern if its account or session can vary."""
    if table.arn:
        return table.arn
    account = table.account or "*"
    if table.role:
        return f"arn:aws*:sts::{account}:assumed-role/{table.role}/{name if table.access_key else '*'}"
    return f"arn:aws*:iam::{account}:user/{name}"


def _default_arn(table: IdentityTable, name: str, partition: str, account: str) -> str:
    if table.role:
        return f"arn:{partition}:sts::{account}:assumed-role/{table.role}/{name}"
    return f"arn:{partition}:iam::{account}:user/{name}"


def meet(a: str, b: str) -> bool:
    """Return whether some text matches both of two patterns of `*` and `?`."""

    @cache
    def rest(i: int, j: int) -> bool:
        if i == len(a) and j == len(b):
            return True
        if i < len(a) and a[i] == "*":
            return rest(i + 1, j) or (j < len(b) and rest(i, j + 1))
        if j < len(b) and b[j] == "*":
            return rest(i, j + 1) or (i < len(a) and rest(i + 1, j))
        return i < len(a) and j < len(b) and (a[i] == b[j] or "?" in (a[i], b[j])) and rest(i + 1, j + 1)

    return rest(0, 0)

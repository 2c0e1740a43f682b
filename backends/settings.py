"""What a registry may be set to do otherwise: the switches of `registry.toml`, each with AWS's behaviour as default."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
import msgspec.structs

from .errors import Misconfigured, did_you_mean

Place = tuple[str | int, ...]

ACCOUNT_ID = "[0-9]{12}"
USER_NAME = "[A-Za-z][A-Za-z0-9_.@-]{0,62}"
"""Regular expressions: an AWS account, and the name of a credentials profile or of a person at the console."""

_UNKNOWN = re.compile(r"unknown field `(?P<field>[^`]*)`")
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<index>[0-9]+)\]")

Check = Literal["off", "auto", "always"]
Some = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Checks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether what a package names must exist when it is registered.

    `auto` looks where somebody here could hold it: an artefact whose bucket exists, an image whose repository does.
    `always` refuses what cannot be found at all.
    """

    artifacts: Check = "auto"
    """Whether model artifacts are looked up in S3."""
    images: Check = "off"
    """Whether images are looked up in ECR."""
    s3_endpoint: str = ""
    """Where artefacts are, when not in the S3 of the same endpoint."""


class Validation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long packages with a ValidationSpecification take to be Completed, and which of them fail."""

    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """Duration of a validation."""
    failing: tuple[str, ...] = ()
    """Patterns (`*`, `?`) of profile names whose validation fails."""


class Lists(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How ListModelPackages answers where AWS's documentation and practice differ, or practice surprises."""

    default_order: Literal["Ascending", "Descending"] = "Descending"
    """Sort order of a request without SortOrder; AWS documents Ascending."""
    approval_filter: Literal["after-page", "before-page"] = "after-page"
    """Whether ModelApprovalStatus filters a page after it was cut, so that pages can be short or empty, or before."""


class IdentityTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody: whoever has the access key; or, without one, everybody whose ARN fits `arn` or `role`."""

    access_key: str = ""
    """The access key ID that identifies the caller. Two identities cannot share one."""
    arn: str = ""
    """A user of the identity's name in the caller's account, unless given."""
    role: str = ""
    """The name of an assumed role, in place of an ARN."""
    account: Annotated[str, msgspec.Meta(pattern=f"^({ACCOUNT_ID})?$")] = ""
    """The account in the ARN, 12 digits; the account of the request by default."""
    groups: tuple[str, ...] = ()
    """Groups of the identity, which rules name as `group:NAME`."""


class ApprovalTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What versions of some groups obey: of several tables, the first with a pattern that fits the group."""

    groups: Some
    """Patterns (`*`, `?`) of model package groups."""
    profile: str = "aws"
    """The profile: `aws`, `documented`, `strict`, or one defined under `[profiles.NAME]`."""
    rules: tuple[str, ...] = ()
    """Rules that must pass: names of `[rules.NAME]` tables, or kinds that work without parameters."""
    life_cycle: str = ""
    """The name of a `[life_cycles.NAME]` table."""


class TransitionTable(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"source": "from", "target": "to"}, kw_only=True
):
    """One row of a profile, or several: from each of these states to each of those."""

    source: str | Some
    """The statuses or stages that the transition starts from; `new` is a version that has none yet."""
    target: str | Some
    """The statuses or stages that the transition leads to."""
    requires: tuple[str, ...] = ()
    """Rules that must pass for this transition, in addition to those of `[[approval]]`."""
    note: str = ""
    """A remark, shown by `explain`."""


class ProfileTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A profile of the user's own, or a life cycle."""

    transitions: Annotated[tuple[TransitionTable, ...], msgspec.Meta(min_length=1)]
    """The allowed transitions. All others are rejected."""
    note: str = ""
    """A description for readers of the file."""


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to tell by HTTP: the URL is posted every event, or those with one of the statuses `on`."""

    url: str
    """The address that receives a POST request for each event."""
    name: str = ""
    """What the delivery log calls it; without, the host of the URL."""
    secret: str = ""
    """What the body is signed with (HMAC-SHA256); or `secret_env`, the variable of the environment that has it."""
    secret_env: str = ""
    """Name of the environment variable that contains the secret."""
    on: tuple[str, ...] = ()
    """Only events of versions that got one of these approval statuses."""
    every: bool = False
    """With `on`: also events of versions that have the status and did not just get it."""
    groups: tuple[str, ...] = ()
    """Patterns (`*`, `?`) of the groups it is about; without, all."""
    allow_private: bool = False
    """Whether the URL may lead into a private network, and then without TLS."""
    timeout: Annotated[float, msgspec.Meta(gt=0, le=30)] = 5.0
    """Seconds to wait for the receiver's response."""

    def __repr__(self) -> str:
        return f"Webhook({self.name or '***'})"  # a URL may be a secret itself

    def shown(self) -> Webhook:
        """Return it without what is secret: the secret, and all of the URL but where it leads."""
        scheme, _, rest = self.url.partition("://")
        host = re.split("[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
        return msgspec.structs.replace(self, url=f"{scheme}://{host}/***", secret="***" if self.secret else "")


class Events(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told when a version is registered or changes, and how stubbornly."""

    eventbridge: bool = True
    """The EventBridge beside the registry, once it has rules."""
    file: str = ""
    """One line of JSON for each event is appended there."""
    attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 12
    """After so many a delivery is dead: kept, and sent again only when somebody asks for it."""
    backoff: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 2.0
    """Seconds before the second attempt; each later pause is twice as long, up to an hour."""
    retention_days: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """How long events and their deliveries are kept; history stays."""
    webhooks: tuple[Webhook, ...] = ()

    def shown(self) -> Events:
        """Return them without what is secret."""
        return msgspec.structs.replace(self, webhooks=tuple(webhook.shown() for webhook in self.webhooks))


class Authentication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether requests must be signed, by whom, and how strict a server is about it."""

    credentials: str = ""
    """A file of access keys, as ~/.aws/credentials; without one nothing is verified."""
    issued_keys: bool = False
    """Whether keys that the STS and IAM beside the registry gave to somebody are good too.

    moto judges no IAM policy: whoever has a key may then assume any role, and be any user.
    """
    open_metrics: bool = False
    """Whether /_registry/metrics is answered without a signature, for Prometheus."""
    refuse_replays: bool = False
    """Whether a signature is good once; presigned URLs are good until they expire."""
    failures_per_minute: Annotated[int, msgspec.Meta(ge=1)] = 30
    """After so many of one key from one address, who fails again is told to wait; who signs rightly is answered."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The switches of a registry, by table of `registry.toml`."""

    checks: Checks = Checks()
    validation: Validation = Validation()
    lists: Lists = Lists()
    identities: Mapping[str, IdentityTable] = {}
    approval: tuple[ApprovalTable, ...] = ()
    profiles: Mapping[str, ProfileTable] = {}
    life_cycles: Mapping[str, ProfileTable] = {}
    rules: Mapping[str, Mapping[str, Any]] = {}
    """What each takes depends on its kind: see `rules.KINDS`."""
    events: Events = Events()
    authentication: Authentication = Authentication()

    def shown(self) -> Settings:
        """Return them without what is secret: as anybody may see them."""
        bare = {name: msgspec.structs.replace(one, access_key="") for name, one in self.identities.items()}
        return msgspec.structs.replace(self, events=self.events.shown(), identities=bare)


def override(settings: Settings, **tables: dict[str, Any]) -> Settings:
    """Return settings with some switches set otherwise, by table; None leaves a switch as it is."""
    changes = {
        table: msgspec.structs.replace(getattr(settings, table), **{k: v for k, v in given.items() if v is not None})
        for table, given in tables.items()
    }
    return msgspec.structs.replace(settings, **changes)


def check_words(words: Iterable[str], known: Iterable[str], place: Place) -> None:
    """Raise Misconfigured for an option's value that neither is a known word nor begins with one and a dot."""
    names = [*known]
    for word in words:
        if word not in names and word.partition(".")[0] not in names:
            raise Misconfigured(f"{place[-2]}: there is no {word!r}{suggestion(word, names)}", place, word)


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the known word that a misspelled one resembles, or else all known words, as the end of a sentence."""
    names = [*known]
    return did_you_mean(word, names) or f": there is {', '.join(names) or 'none'}"


def convert(value: Any, struct: Any, place: Place) -> Any:
    """Return what is at a place of registry.toml as its type; raise Misconfigured if it is not of that type."""
    try:
        return msgspec.convert(value, struct)
    except msgspec.ValidationError as error:
        raise _misread(error, struct, place) from error


def _misread(error: msgspec.ValidationError, struct: Any, place: Place) -> Misconfigured:
    """Return msgspec's error with the place of the value, and for an unknown key a suggestion."""
    sentence, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`")
    inside = tuple(int(step["index"]) if step["index"] else step["key"] for step in _STEP.finditer(path))
    unknown = _UNKNOWN.search(sentence)
    hint = ""
    if unknown:
        hint = did_you_mean(unknown["field"], _fields(struct, inside))
        inside = (*inside, unknown["field"])
    shown = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place) + path
    return Misconfigured(f"{sentence}{f' - at `${shown}`' if shown else ''}{hint}", (*place, *inside))


def _fields(struct: Any, path: Place) -> list[str]:
    """Return the keys a struct takes at a path inside it, as far as structs lead there."""
    for step in path:
        found = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}.get(str(step))
        if not (isinstance(found, type) and issubclass(found, msgspec.Struct)):
            return []
        struct = found
    return [field.encode_name for field in msgspec.structs.fields(struct)]

"""The settings of registry.toml; the defaults reproduce the behavior of AWS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
import msgspec.structs

from . import conversion
from .conversion import Place
from .errors import Misconfigured, did_you_mean

ACCOUNT_ID = "[0-9]{12}"
USER_NAME = "[A-Za-z][A-Za-z0-9_.@-]{0,62}"
"""Regular expressions of an AWS account ID, and of the name of a credentials profile or console user."""

Check = Literal["off", "auto", "always"]
Some = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Checks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Checks of the artifacts and images of a model package when it is registered."""

    artifacts: Check = "auto"
    """Whether model artifacts must exist in S3.

    `auto` rejects a missing artifact only if its bucket exists, `always` rejects every artifact that cannot be found,
    and `off` disables the check.
    """
    images: Check = "off"
    """Whether container images must exist in ECR.

    `auto` rejects a missing image only if its repository exists, `always` rejects every image that cannot be found, and
    `off` disables the check.
    """
    s3_endpoint: str = ""
    """URL of the S3 service that holds artifacts and metrics files. If it is empty, S3 on the same endpoint is used."""


class Validation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Simulated validation of model packages that have a ValidationSpecification."""

    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """Duration of a validation in seconds, from Pending through InProgress to Completed or Failed."""
    failing: tuple[str, ...] = ()
    """Patterns (`*`, `?`) of the validation profiles that fail, by ProfileName."""


class Lists(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Behavior of ListModelPackages where AWS contradicts its documentation, or where it is surprising."""

    default_order: Literal["Ascending", "Descending"] = "Descending"
    """Sort order of requests without SortOrder. AWS documents `Ascending`, but observed responses are `Descending`."""
    approval_filter: Literal["after-page", "before-page"] = "after-page"
    """When the filter ModelApprovalStatus is applied.

    With `after-page`, as on AWS, it removes versions from a finished page, which can leave a page short or empty. With
    `before-page`, every page but the last is full.
    """


class IdentityTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person or a job: the owner of an access key or, without a key, every caller whose ARN matches."""

    access_key: str = ""
    """Access key ID of the identity. Without one, `arn` or `role` is required."""
    arn: str = ""
    """ARN of the identity. Without `access_key`, it may be a pattern (`*`, `?`) that matches several callers.

    The default is the IAM user with the name of the identity.
    """
    role: str = ""
    """Name of an assumed role, instead of `arn`. Without `access_key`, all sessions of the role match."""
    account: Annotated[str, msgspec.Meta(pattern=f"^({ACCOUNT_ID})?$", description="12 digits")] = ""
    """AWS account ID of the identity, with 12 digits. The default is the account in `arn`, or else the caller's."""
    groups: tuple[str, ...] = ()
    """Groups of people that the identity belongs to. Rules refer to them as `group:NAME`."""


class ApprovalTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Policy of the model package groups that match a pattern. The first matching table applies."""

    groups: Some
    """Patterns (`*`, `?`) of the names of model package groups."""
    profile: str = "aws"
    """Name of the profile, which lists the allowed transitions between approval statuses.

    It is `aws`, `documented`, `strict` or the name of a table under `[profiles]`.
    """
    rules: tuple[str, ...] = ()
    """Names of rules that must pass: tables under `[rules]`, or kinds of rules that work without options."""
    life_cycle: str = ""
    """Name of a table under `[life_cycles]` with the allowed life-cycle transitions. Without one, all are allowed."""


class TransitionTable(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"source": "from", "target": "to"}, kw_only=True
):
    """Allowed transitions, from each state in `from` to each state in `to`."""

    source: str | Some
    """State before the transition, or a list of states.

    `new` is a version that is being registered or, in a life cycle, has no stage yet. States of a life cycle are
    patterns of `Stage/StageStatus`, such as `Staging/*`.
    """
    target: str | Some
    """State after the transition, or a list of states."""
    requires: tuple[str, ...] = ()
    """Names of rules that must pass for these transitions."""
    note: str = ""
    """Explanation that `sagemaker-registry explain` and the console show with these transitions."""


class ProfileTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A custom profile, or a life cycle."""

    transitions: Annotated[tuple[TransitionTable, ...], msgspec.Meta(min_length=1)]
    """Allowed transitions. All others are rejected."""
    note: str = ""
    """Description of the profile or life cycle."""


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A target that receives events as HTTP POST requests."""

    url: str
    """URL that receives the events.

    It must use https, except on this machine or, with `allow_private`, in a private network.
    """
    name: str = ""
    """Name of the target in the list of deliveries. The default is the host name of the URL."""
    secret: str = ""
    """Key that signs the body with HMAC-SHA256, in the header X-Registry-Signature."""
    secret_env: str = ""
    """Name of the environment variable that contains the key, instead of `secret`."""
    on: tuple[str, ...] = ()
    """Approval statuses to report: an event is sent when a version gets one of them. If empty, all events are sent."""
    every: bool = False
    """Whether to send also events that leave the status unchanged, for versions with a status in `on`."""
    groups: tuple[str, ...] = ()
    """Patterns (`*`, `?`) of the model package groups to report. If empty, all groups are reported."""
    allow_private: bool = False
    """Whether the URL may lead to a private network, where http is allowed as well."""
    timeout: Annotated[float, msgspec.Meta(gt=0, le=30)] = 5.0
    """Time limit of a delivery in seconds, from the connection to the end of the response."""

    def __repr__(self) -> str:
        return f"Webhook({self.name or '***'})"  # a URL may be a secret itself

    def shown(self) -> Webhook:
        """Return the webhook without its secret, and without all of its URL but scheme and host."""
        scheme, _, rest = self.url.partition("://")
        host = re.split("[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
        return msgspec.structs.replace(self, url=f"{scheme}://{host}/***", secret="***" if self.secret else "")


class Events(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Targets of the events that report registered and changed versions, and the retries of deliveries."""

    eventbridge: bool = True
    """Whether events are delivered to the rules of EventBridge on the same endpoint."""
    file: str = ""
    """File to which each event is appended as one line of JSON."""
    attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] = 12
    """Number of delivery attempts per event and target.

    After the last attempt, the delivery is marked `dead` and is sent again only by `sagemaker-registry replay`.
    """
    backoff: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 2.0
    """Pause before the second attempt in seconds. Each later pause is twice as long, up to one hour."""
    retention_days: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """Days after which events and their deliveries are deleted. The history is kept."""
    webhooks: tuple[Webhook, ...] = ()
    """Targets that receive events as HTTP POST requests."""

    def shown(self) -> Events:
        """Return the settings without secrets."""
        return msgspec.structs.replace(self, webhooks=tuple(webhook.shown() for webhook in self.webhooks))


class Authentication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Verification of request signatures."""

    credentials: str = ""
    """File of access keys, in the format of `~/.aws/credentials`. Without one, no signature is verified."""
    issued_keys: bool = False
    """Whether access keys that STS and IAM on the same endpoint have issued are accepted as well.

    moto does not evaluate IAM policies, so every caller with a key can then assume any role and impersonate any user.
    """
    open_metrics: bool = False
    """Whether `/_registry/metrics` is available without a signature, for Prometheus."""
    refuse_replays: bool = False
    """Whether each signature is accepted only once. Presigned URLs remain valid until they expire."""
    failures_per_minute: Annotated[int, msgspec.Meta(ge=1)] = 30
    """Number of failed requests per minute from one address with one access key before further ones are throttled.

    Requests with a valid signature are never throttled.
    """


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tables of registry.toml."""

    checks: Checks = Checks()
    validation: Validation = Validation()
    lists: Lists = Lists()
    identities: Mapping[str, IdentityTable] = {}
    """People and jobs, by name."""
    approval: tuple[ApprovalTable, ...] = ()
    """Policies of model package groups. The first one with a matching pattern applies."""
    profiles: Mapping[str, ProfileTable] = {}
    """Custom profiles, by name. A profile lists the allowed transitions between approval statuses."""
    life_cycles: Mapping[str, ProfileTable] = {}
    """Life cycles, by name. A life cycle lists the allowed transitions between states of ModelLifeCycle."""
    rules: Mapping[str, Mapping[str, Any]] = {}
    """Rules, by name. The kind of a rule (`is`) determines its options."""
    events: Events = Events()
    authentication: Authentication = Authentication()

    def shown(self) -> Settings:
        """Return the settings without secrets, as all callers may see them."""
        bare = {name: msgspec.structs.replace(one, access_key="") for name, one in self.identities.items()}
        return msgspec.structs.replace(self, events=self.events.shown(), identities=bare)


def override(settings: Settings, **tables: dict[str, Any]) -> Settings:
    """Return settings with some values replaced, by table; None leaves a value unchanged."""
    changes = {
        table: msgspec.structs.replace(getattr(settings, table), **{k: v for k, v in given.items() if v is not None})
        for table, given in tables.items()
    }
    return msgspec.structs.replace(settings, **changes)


def check_words(words: Iterable[str], known: Iterable[str], place: Place) -> None:
    """Raise Misconfigured if a value of a rule's option is not a known word, or a known word with a dotted path."""
    names = [*known]
    for word in words:
        if word not in names and word.partition(".")[0] not in names:
            raise Misconfigured(
                f"[rules.{place[-2]}]: invalid value {word!r} for `{place[-1]}`{suggestion(word, names)}", place, word
            )


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the known word most similar to a misspelled one, or else all known words, as the end of a sentence."""
    names = [*known]
    return did_you_mean(word, names) or (f"; expected one of {', '.join(names)}" if names else "; none is defined")


def convert(value: Any, struct: Any, place: Place) -> Any:
    """Convert the value at a place of registry.toml to its type; raise Misconfigured if it does not match."""
    try:
        return conversion.convert(value, struct, place=place, form=conversion.TOML)
    except conversion.Mismatch as error:
        raise Misconfigured(str(error), error.place) from error

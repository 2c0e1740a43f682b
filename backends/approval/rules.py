"""What must hold before a version may change: named rules that registry.toml combines, each a row of KINDS.

A rule says of a change whether it holds, and why, in a sentence. Who may not is refused with AccessDeniedException,
what is missing or wrong with ValidationException, what is too early, too late or already decided with
ConflictException. (Rules, codes and sentences are ours: AWS has none of this.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec

from ..errors import AccessDeniedException, ConflictException, RegistryError, ValidationException
from ..identities import Who, display_name
from ..service import model
from ..service.records import artifacts
from .change import APPROVAL, LIFE_CYCLE, METADATA, Change, Verdict, creator_of, member_of, milliseconds, moment
from .metrics import value_of
from .profiles import APPROVED, PENDING, REJECTED

APPROVALS, CALLERS, OBJECTS, TAGS = "approvals", "callers", "objects", "ListTags"
"""What a rule may need of a backend: that it keeps approvals, that callers have the ARNs which records show, somewhere
to look for objects, tags of groups."""


def _holds(why: str, *, counts: bool = False) -> Verdict:
    return Verdict("holds", why, counts=counts)


def _broken(why: str, refusal: type[RegistryError] = ValidationException) -> Verdict:
    return Verdict("broken", why, refusal)


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="is", kw_only=True):
    """What any rule takes: `on`, the statuses a move to which it guards; of most, Approved."""

    on: tuple[str, ...] | None = None


class ReasonRequired(Options, frozen=True, kw_only=True, tag="reason-required"):
    """A decision says why, in ApprovalDescription (a move of the life cycle: in StageDescription)."""

    characters: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 1


def _reason_required(options: ReasonRequired, change: Change) -> Verdict:
    step = change.step
    said = "ApprovalDescription" if step.member == APPROVAL else "StageDescription"
    reason = (step.reason or "").strip()
    if len(reason) >= options.characters:
        return _holds(f"The reason is {reason!r}.")
    if change.is_new and step.member == APPROVAL:
        return _broken(
            f"A version cannot be registered as {step.target} with a reason: register it as {PENDING}, then decide."
        )
    if change.hypothetical and not reason:
        length = f" of at least {options.characters} characters" if options.characters > 1 else ""
        return Verdict("asks", f"Send a reason{length} as {said}.")
    if reason:
        return _broken(f"The reason {reason!r} is shorter than {options.characters} characters.")
    sentence = f"No reason was sent: {said} is missing."
    if step.target == APPROVED and not change.hypothetical:
        sentence += (
            " The SageMaker SDK sends just this by itself when it deploys a version that is not approved; "
            "approve the version with a reason first."
        )
    return _broken(sentence)


class CreatorMayNotApprove(Options, frozen=True, kw_only=True, tag="creator-may-not-approve"):
    """Whoever registered a version leaves its approval to others."""


def _creator_may_not_approve(_: CreatorMayNotApprove, change: Change) -> Verdict:
    creator = change.caller.arn if change.is_new else creator_of(change.before)
    if not change.is_known:
        return _broken(f"Nobody knows the ARN of {change.caller.name}.", AccessDeniedException)
    if creator is None:
        return _broken("Nobody knows who registered it: its CreatedBy has no Arn.", AccessDeniedException)
    if creator == change.caller.arn:
        return _broken(f"It is {creator} who registered it: somebody else must approve it.", AccessDeniedException)
    return _holds(f"It was registered by {creator}.")


class Only(Options, frozen=True, kw_only=True, tag="only"):
    """Only these people decide: names and `group:NAME` of registry.toml, `role:NAME`, or patterns of ARNs."""

    who: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


def _only(options: Only, change: Change) -> Verdict:
    caller = change.caller
    allowed = " or ".join(options.who)
    if Who(caller.name, caller.arn, caller.groups).is_one_of(options.who):
        return _holds(f"{display_name(caller)} is one of {allowed}.")
    return _broken(f"{display_name(caller)} is not one of {allowed}.", AccessDeniedException)


class Approvers(Options, frozen=True, kw_only=True, tag="approvers"):
    """So many different people approve before it is Approved; with `who`, only these count.

    Each approval but the last is recorded and leaves the status as it is. A decision against the version, or a change
    of what was approved, takes all of them back.
    """

    count: Annotated[int, msgspec.Meta(ge=1)] = 2
    who: tuple[str, ...] = ()


def _approvers(options: Approvers, change: Change) -> Verdict:
    caller = change.caller
    people = [Who(one["Name"], one["Arn"], tuple(one["Groups"])) for one in change.approvals]
    counting = [one for one in people if not options.who or one.is_one_of(options.who)]
    me = Who(caller.name, caller.arn, caller.groups)
    of = f" of {' or '.join(options.who)}" if options.who else ""
    so_far = f"{len(counting)} of {options.count} approvals{of}"
    names = f" ({', '.join(one.name for one in counting)})" if counting else ""
    if len(counting) >= options.count:
        return _holds(f"{so_far} are recorded{names}.")
    if change.is_new and options.count > 1:
        return _broken(f"{options.count} people{of} must approve it: register it as {PENDING}.")
    if any(one.arn == me.arn for one in people):
        sentence = (
            f"{display_name(caller)} has approved it already; {so_far} are recorded{names}: others must approve it."
        )
        return _broken(sentence, ConflictException)
    if options.who and not me.is_one_of(options.who):
        return Verdict(
            "waits",
            f"{so_far} are recorded{names}; one by {display_name(caller)} does not count.",
            AccessDeniedException,
        )
    if len(counting) + 1 < options.count:
        sentence = f"{so_far} are recorded{names}; with this one, {len(counting) + 1}."
        return Verdict("waits", sentence, AccessDeniedException, counts=True)
    return _holds(f"{so_far} are recorded{names}; this one completes them.", counts=True)


class MetadataRequired(Options, frozen=True, kw_only=True, tag="metadata-required"):
    """These keys of CustomerMetadataProperties, and these members (`MetadataProperties.CommitId`), have a value."""

    keys: tuple[str, ...] = ()
    members: tuple[str, ...] = ()


def _metadata_required(options: MetadataRequired, change: Change) -> Verdict:
    metadata = change.after.get(METADATA, {})
    missing = [f"{METADATA}.{key}" for key in options.keys if not metadata.get(key, "").strip()]
    missing += [path for path in options.members if member_of(change.after, path) in (None, "", {}, [])]
    if missing:
        return _broken(f"It has no {' and no '.join(missing)}.")
    return _holds(f"It has {' and '.join((*options.keys, *options.members))}.")


class TagsRequired(Options, frozen=True, kw_only=True, tag="tags-required"):
    """Its group has these tags: `owner`, or with a pattern of the value, `stage=prod*`."""

    tags: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


def _tags_required(options: TagsRequired, change: Change) -> Verdict:
    for wanted in options.tags:
        key, _, pattern = wanted.partition("=")
        if key not in change.tags:
            return _broken(f"Its group has no tag {key}.")
        if not fnmatchcase(change.tags[key], pattern or "*"):
            return _broken(f"The tag {key} of its group is {change.tags[key]!r}, not {pattern}.")
    return _holds(f"Its group has the tags {', '.join(options.tags)}.")


class Metric(Options, frozen=True, kw_only=True, tag="metric"):
    """A number is at least `min` and at most `max`.

    It is a value of CustomerMetadataProperties, or in the JSON in S3 that ModelMetrics names: then `source` says which
    (`ModelQuality.Statistics`) and `metric` is the path inside (`binary_classification_metrics.accuracy.value`).
    """

    metric: str
    min: float | None = None
    max: float | None = None
    source: str = METADATA


def _metric(options: Metric, change: Change) -> Verdict:
    try:
        value = value_of(options.metric, options.source, change.after, change.caller, change.probe)
    except ValidationException as error:
        return _broken(error.message)
    if options.min is not None and value < options.min:
        return _broken(f"{options.metric} is {value:g}, below {options.min:g}.")
    if options.max is not None and value > options.max:
        return _broken(f"{options.metric} is {value:g}, above {options.max:g}.")
    return _holds(f"{options.metric} is {value:g}.")


class ImageFrom(Options, frozen=True, kw_only=True, tag="image-from"):
    """Every image is as one of these patterns: `123456789012.dkr.ecr.*.amazonaws.com/*`."""

    images: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


def _image_from(options: ImageFrom, change: Change) -> Verdict:
    images = [container["Image"] for container in _containers(change.after) if "Image" in container]
    for image in images:
        if not any(fnmatchcase(image, pattern) for pattern in options.images):
            return _broken(f"The image {image} is not from {' or '.join(options.images)}.")
    return _holds("Its images are from where they may be." if images else "It has no image.")


class ArtifactExists(Options, frozen=True, kw_only=True, tag="artifact-exists"):
    """Every model artefact is in S3 at this moment."""


def _artifact_exists(_: ArtifactExists, change: Change) -> Verdict:
    found = list(artifacts(change.after))
    for bucket, key, is_prefix in found:
        if not change.probe.artifact_exists(change.caller, bucket, key, is_prefix=is_prefix):
            return _broken(f"The artefact s3://{bucket}/{key} is not there.")
    return _holds("Its artefacts are there." if found else "It has no artefact.")


Duration = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}(s|m|h|d)$")]


class MinimumAge(Options, frozen=True, kw_only=True, tag="minimum-age"):
    """It was registered at least so long ago: `90s`, `30m`, `24h`, `7d`."""

    age: Duration


def _minimum_age(options: MinimumAge, change: Change) -> Verdict:
    wait = milliseconds(options.age)
    if change.age >= wait:
        return _holds(f"It was registered more than {options.age} ago.")
    ends = moment(change.now - change.age + wait)
    return _broken(f"It must be {options.age} old, which it is at {ends}.", ConflictException)


class Expires(Options, frozen=True, kw_only=True, tag="expires"):
    """What was not approved in time no longer can be: it must be registered anew."""

    after: Duration


def _expires(options: Expires, change: Change) -> Verdict:
    if change.age <= milliseconds(options.after):
        return _holds(f"It is younger than {options.after}.")
    sentence = f"It is older than {options.after}, and nobody approved it in time: register it anew."
    return _broken(sentence, ConflictException)


class ApprovalIs(Options, frozen=True, kw_only=True, tag="approval-is"):
    """Its approval is one of these: for moves of the life cycle."""

    status: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = (APPROVED,)


def _approval_is(options: ApprovalIs, change: Change) -> Verdict:
    status = change.after.get(APPROVAL)
    sentence = f"Its approval status is {status}"
    if status in options.status:
        return _holds(f"{sentence}.")
    return _broken(f"{sentence}, not {' or '.join(options.status)}.", ConflictException)


class Frozen(Options, frozen=True, kw_only=True, tag="frozen"):
    """Once it is Approved, nothing of it changes but `may_change` and its approval; without `delete`, it stays."""

    may_change: tuple[str, ...] = (LIFE_CYCLE,)
    delete: bool = False


def _frozen(options: Frozen, change: Change) -> Verdict:
    status = change.before.get(APPROVAL)
    if status not in (options.on or (APPROVED,)):
        return _holds(f"It is {status or 'new'}.")
    if not change.after:
        if options.delete:
            return _holds(f"It may be deleted though it is {status}.")
        return _broken(f"It is {status}, and so cannot be deleted: reject it first.", ConflictException)
    if touched := sorted(change.touched - set(options.may_change)):
        return _broken(f"It is {status}, and so its {', '.join(touched)} cannot change.", ConflictException)
    return _holds(f"It is {status}; besides its approval, {', '.join(options.may_change) or 'nothing'} may change.")


class Kind(msgspec.Struct, frozen=True):
    """A kind of rule.

    Args:
        options: what it takes; its docstring is what it demands, its tag what registry.toml calls it.
        judge: what it says of a change.
        on: the statuses a move to which it guards, unless registry.toml says otherwise.
        needs: what of a backend it cannot do without.
        of_moves: whether it judges moves; else it judges every change of a version.
        of_life_cycle: whether it can judge moves of the life cycle.
    """

    options: type[Options]
    judge: Callable[[Any, Change], Verdict]
    on: tuple[str, ...] = (APPROVED,)
    needs: frozenset[str] = frozenset()
    of_moves: bool = True
    of_life_cycle: bool = True

    @property
    def name(self) -> str:
        return str(self.options.__struct_config__.tag)


_ROWS = (
    Kind(ReasonRequired, _reason_required, on=(APPROVED, REJECTED)),
    Kind(CreatorMayNotApprove, _creator_may_not_approve, needs=frozenset({CALLERS})),
    Kind(Only, _only, on=(APPROVED, REJECTED)),
    Kind(Approvers, _approvers, needs=frozenset({APPROVALS}), of_life_cycle=False),
    Kind(MetadataRequired, _metadata_required),
    Kind(TagsRequired, _tags_required, needs=frozenset({TAGS})),
    Kind(Metric, _metric),  # needs OBJECTS where its source is in S3
    Kind(ImageFrom, _image_from),
    Kind(ArtifactExists, _artifact_exists, needs=frozenset({OBJECTS})),
    Kind(MinimumAge, _minimum_age),
    Kind(Expires, _expires),
    Kind(ApprovalIs, _approval_is),
    Kind(Frozen, _frozen, of_moves=False, of_life_cycle=False),
)
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ROWS}


class Rule(msgspec.Struct, frozen=True):
    """A rule of registry.toml: a kind with its options, under a name."""

    name: str
    kind: Kind
    options: Any

    def guards(self, target: str) -> bool:
        """Whether it judges a move to that status."""
        return self.kind.of_moves and target in (self.options.on or self.kind.on)

    @property
    def needs(self) -> frozenset[str]:
        in_s3 = isinstance(self.options, Metric) and self.options.source != METADATA
        return self.kind.needs | ({OBJECTS} if in_s3 else frozenset())

    def judge(self, change: Change) -> Verdict:
        return self.kind.judge(self.options, change)


def _containers(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return model.structures("DescribeModelPackage", record, "ModelPackageContainerDefinition")

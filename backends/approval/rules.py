"""The rules that registry.toml combines: one class for each kind, and KINDS, the table of them.

Rules, their errors and their sentences are ours: AWS has none of this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Annotated, ClassVar

import msgspec
import msgspec.structs

from ..errors import AccessDeniedException, ConflictException, Misconfigured, RegistryError, ValidationException
from ..identities import Identities, Who, display_name
from ..service import model
from ..service.records import artifacts
from ..settings import Place, check_words
from .change import (
    APPROVAL,
    LIFE_CYCLE,
    METADATA,
    Change,
    RuleResult,
    creator_of,
    member_of,
    milliseconds,
    moment,
)
from .metrics import sources, value_of
from .profiles import APPROVED, PENDING, REJECTED, STATES

TAG = "is"
"""The key of a rule's table in registry.toml that names its kind."""

APPROVALS, CALLERS, OBJECTS, TAGS = "approvals", "callers", "objects", "ListTags"
"""What a rule can need of a backend: recorded approvals, callers with the ARNs that records show, access to S3 objects,
tags of groups."""

Words = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
Duration = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}(s|m|h|d)$")]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field=TAG, kw_only=True):
    """A rule of registry.toml. Its fields are the options, its tag is its kind, its docstring describes it in the docs.

    `on` replaces `guarded`: the statuses such that the rule judges the transitions to them.
    """

    guarded: ClassVar[tuple[str, ...]] = (APPROVED,)
    of_transitions: ClassVar[bool] = True
    """Whether it judges transitions; otherwise it judges every change of a version."""
    of_life_cycle: ClassVar[bool] = True
    """Whether a transition of a life cycle can require it."""
    _needs: ClassVar[frozenset[str]] = frozenset()

    on: tuple[str, ...] | None = None

    def judge(self, change: Change) -> RuleResult:
        raise NotImplementedError

    def check(self, identities: Identities, place: Place) -> None:
        """Raise Misconfigured for options that have the right types and make no sense; `place` is the rule's table."""
        check_words(self.on or (), STATES, (*place, "on"))

    @property
    def needs(self) -> frozenset[str]:
        return self._needs

    @property
    def keeps_approvals(self) -> tuple[str, ...]:
        """Members that can change without withdrawing the approvals recorded so far."""
        return ()

    def guards(self, target: str) -> bool:
        return self.of_transitions and target in (self.on or self.guarded)

    @classmethod
    def kind(cls) -> str:
        return str(cls.__struct_config__.tag)

    @classmethod
    def works_without_options(cls) -> bool:
        return not any(field.required for field in msgspec.structs.fields(cls))


def _passed(why: str) -> RuleResult:
    return RuleResult("passed", why)


def _failed(why: str, error: type[RegistryError] = ValidationException) -> RuleResult:
    return RuleResult("failed", why, error)


def _described() -> Iterable[str]:
    return model.members(model.output_shape("DescribeModelPackage"))


class ReasonRequired(Rule, frozen=True, tag="reason-required"):
    """A decision has a reason in ApprovalDescription (a transition of the life cycle: in StageDescription)."""

    guarded: ClassVar[tuple[str, ...]] = (APPROVED, REJECTED)

    characters: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 1
    """Minimum length of the reason."""

    def judge(self, change: Change) -> RuleResult:
        step = change.step
        said = "ApprovalDescription" if step.member == APPROVAL else "StageDescription"
        reason = (step.reason or "").strip()
        if len(reason) >= self.characters:
            return _passed(f"The reason is {reason!r}.")
        if change.is_new and step.member == APPROVAL:
            return _failed(
                f"A version cannot be registered as {step.target} with a reason: register it as {PENDING}, then decide."
            )
        if change.hypothetical and not reason:
            length = f" of at least {self.characters} characters" if self.characters > 1 else ""
            return RuleResult("needs_input", f"Send a reason{length} as {said}.")
        if reason:
            return _failed(f"The reason {reason!r} is shorter than {self.characters} characters.")
        sentence = f"No reason was sent: {said} is missing."
        if step.target == APPROVED and not change.hypothetical:
            sentence += (
                " The SageMaker SDK sends just this by itself when it deploys a version that is not approved; "
                "approve the version with a reason first."
            )
        return _failed(sentence)


class CreatorMayNotApprove(Rule, frozen=True, tag="creator-may-not-approve"):
    """The creator of a version cannot approve it."""

    _needs: ClassVar[frozenset[str]] = frozenset({CALLERS})

    def judge(self, change: Change) -> RuleResult:
        creator = change.caller.arn if change.is_new else creator_of(change.before)
        if not change.is_known:
            return _failed(f"Nobody knows the ARN of {change.caller.name}.", AccessDeniedException)
        if creator is None:
            return _failed("Nobody knows who registered it: its CreatedBy has no Arn.", AccessDeniedException)
        if creator == change.caller.arn:
            return _failed(f"It is {creator} who registered it: somebody else must approve it.", AccessDeniedException)
        return _passed(f"It was registered by {creator}.")


class Only(Rule, frozen=True, tag="only"):
    """Only these people decide: names and `group:NAME` of registry.toml, `role:NAME`, or patterns of ARNs."""

    guarded: ClassVar[tuple[str, ...]] = (APPROVED, REJECTED)

    who: Words
    """Names of identities, `group:NAME`, `role:NAME`, or patterns of ARNs."""

    def check(self, identities: Identities, place: Place) -> None:
        super().check(identities, place)
        identities.check(self.who, (*place, "who"))

    def judge(self, change: Change) -> RuleResult:
        caller = change.caller
        allowed = " or ".join(self.who)
        if Who(caller.name, caller.arn, caller.groups).is_one_of(self.who):
            return _passed(f"{display_name(caller)} is one of {allowed}.")
        return _failed(f"{display_name(caller)} is not one of {allowed}.", AccessDeniedException)


class Approvers(Rule, frozen=True, tag="approvers"):
    """This many different people approve a version before it is Approved; with `who`, only these count.

    Each approval but the last is recorded and leaves the status as it is. A decision against the version, or a change
    of what was approved, withdraws all of them.
    """

    of_life_cycle: ClassVar[bool] = False
    _needs: ClassVar[frozenset[str]] = frozenset({APPROVALS})

    count: Annotated[int, msgspec.Meta(ge=1)] = 2
    """Number of approvals."""
    who: tuple[str, ...] = ()
    """Whose approvals count, as in `only`; everyone's by default."""

    def check(self, identities: Identities, place: Place) -> None:
        super().check(identities, place)
        identities.check(self.who, (*place, "who"))

    def judge(self, change: Change) -> RuleResult:
        result = partial(RuleResult, approvals=self.count)
        caller = change.caller
        people = [Who(one["Name"], one["Arn"], tuple(one["Groups"])) for one in change.approvals]
        counting = [one for one in people if not self.who or one.is_one_of(self.who)]
        me = Who(caller.name, caller.arn, caller.groups)
        of = f" of {' or '.join(self.who)}" if self.who else ""
        names = f" ({', '.join(one.name for one in counting)})" if counting else ""
        so_far = f"{len(counting)} of {self.count} approvals{of} are recorded{names}"
        if len(counting) >= self.count:
            return result("passed", f"{so_far}.")
        if change.is_new and self.count > 1:
            return result("failed", f"{self.count} people{of} must approve it: register it as {PENDING}.")
        if any(one.arn == me.arn for one in people):
            sentence = f"{display_name(caller)} has approved it already; {so_far}: others must approve it."
            return result("failed", sentence, ConflictException)
        if self.who and not me.is_one_of(self.who):
            sentence = f"{so_far}; one by {display_name(caller)} does not count."
            return result("pending", sentence, AccessDeniedException)
        if len(counting) + 1 < self.count:
            sentence = f"{so_far}; with this one, {len(counting) + 1}."
            return result("pending", sentence, AccessDeniedException, counts=True)
        return result("passed", f"{so_far}; this one completes them.", counts=True)


class MetadataRequired(Rule, frozen=True, tag="metadata-required"):
    """These keys of CustomerMetadataProperties, and these members (`MetadataProperties.CommitId`), have a value."""

    keys: tuple[str, ...] = ()
    """Keys of CustomerMetadataProperties. `keys` or `members` is required."""
    members: tuple[str, ...] = ()
    """Members of DescribeModelPackage, with dots between levels."""

    @classmethod
    def works_without_options(cls) -> bool:
        return False

    def check(self, identities: Identities, place: Place) -> None:
        super().check(identities, place)
        check_words(self.members, _described(), (*place, "members"))
        if not (self.keys or self.members):
            raise Misconfigured(f"{place[-1]}: name the keys or the members it must have", place)

    def judge(self, change: Change) -> RuleResult:
        metadata = change.after.get(METADATA, {})
        missing = [f"{METADATA}.{key}" for key in self.keys if not metadata.get(key, "").strip()]
        missing += [path for path in self.members if member_of(change.after, path) in (None, "", {}, [])]
        if missing:
            return _failed(f"It has no {' and no '.join(missing)}.")
        return _passed(f"It has {' and '.join((*self.keys, *self.members))}.")


class TagsRequired(Rule, frozen=True, tag="tags-required"):
    """Its group has these tags: `owner`, or with a pattern of the value, `stage=prod*`."""

    _needs: ClassVar[frozenset[str]] = frozenset({TAGS})

    tags: Words
    """Keys of tags, or `KEY=PATTERN`."""

    def judge(self, change: Change) -> RuleResult:
        for wanted in self.tags:
            key, _, pattern = wanted.partition("=")
            if key not in change.tags:
                return _failed(f"Its group has no tag {key}.")
            if not fnmatchcase(change.tags[key], pattern or "*"):
                return _failed(f"The tag {key} of its group is {change.tags[key]!r}, not {pattern}.")
        return _passed(f"Its group has the tags {', '.join(self.tags)}.")


class Metric(Rule, frozen=True, tag="metric"):
    """A number is at least `min` and at most `max`.

    It is a value of CustomerMetadataProperties, or in the JSON in S3 that ModelMetrics names: then `source` says which
    (`ModelQuality.Statistics`) and `metric` is the path inside (`binary_classification_metrics.accuracy.value`).
    """

    metric: str
    """A key of CustomerMetadataProperties, or a path in the JSON file of `source`."""
    min: float | None = None
    max: float | None = None
    source: str = METADATA

    @property
    def needs(self) -> frozenset[str]:
        return frozenset() if self.source == METADATA else frozenset({OBJECTS})

    def check(self, identities: Identities, place: Place) -> None:
        super().check(identities, place)
        check_words((self.source,), sources(), (*place, "source"))
        if self.min is None and self.max is None:
            raise Misconfigured(f"{place[-1]}: give min or max, or every number will do", place)

    def judge(self, change: Change) -> RuleResult:
        bounds = {"metric": self.metric, "source": self.source, "min": self.min, "max": self.max}
        result = partial(RuleResult, threshold=bounds)
        try:
            value = value_of(self.metric, self.source, change.after, change.caller, change.probe)
        except ValidationException as error:
            return result("failed", error.message)
        if self.min is not None and value < self.min:
            return result("failed", f"{self.metric} is {value:g}, below {self.min:g}.")
        if self.max is not None and value > self.max:
            return result("failed", f"{self.metric} is {value:g}, above {self.max:g}.")
        return result("passed", f"{self.metric} is {value:g}.")


class ImageFrom(Rule, frozen=True, tag="image-from"):
    """Every image matches one of these patterns: `123456789012.dkr.ecr.*.amazonaws.com/*`."""

    images: Words
    """Patterns (`*`, `?`) of image URIs."""

    def judge(self, change: Change) -> RuleResult:
        found = model.structures("DescribeModelPackage", change.after, "ModelPackageContainerDefinition")
        images = [container["Image"] for container in found if "Image" in container]
        for image in images:
            if not any(fnmatchcase(image, pattern) for pattern in self.images):
                return _failed(f"The image {image} is not from {' or '.join(self.images)}.")
        return _passed("Its images are from where they may be." if images else "It has no image.")


class ArtifactExists(Rule, frozen=True, tag="artifact-exists"):
    """Every model artifact exists in S3 at this moment."""

    _needs: ClassVar[frozenset[str]] = frozenset({OBJECTS})

    def judge(self, change: Change) -> RuleResult:
        found = list(artifacts(change.after))
        for bucket, key, is_prefix in found:
            if not change.probe.artifact_exists(change.caller, bucket, key, is_prefix=is_prefix):
                return _failed(f"The artefact s3://{bucket}/{key} is not there.")
        return _passed("Its artefacts are there." if found else "It has no artefact.")


class MinimumAge(Rule, frozen=True, tag="minimum-age"):
    """It was registered at least this long ago: `90s`, `30m`, `24h`, `7d`."""

    age: Duration
    """Minimum age: a number and `s`, `m`, `h` or `d`."""

    def judge(self, change: Change) -> RuleResult:
        wait = milliseconds(self.age)
        if change.age >= wait:
            return _passed(f"It was registered more than {self.age} ago.")
        ends = moment(change.now - change.age + wait)
        return _failed(f"It must be {self.age} old, which it is at {ends}.", ConflictException)


class Expires(Rule, frozen=True, tag="expires"):
    """A version that was not approved in time cannot be approved: it must be registered again."""

    after: Duration
    """Maximum age: a number and `s`, `m`, `h` or `d`."""

    def judge(self, change: Change) -> RuleResult:
        if change.age <= milliseconds(self.after):
            return _passed(f"It is younger than {self.after}.")
        sentence = f"It is older than {self.after}, and nobody approved it in time: register it anew."
        return _failed(sentence, ConflictException)


class ApprovalIs(Rule, frozen=True, tag="approval-is"):
    """Its approval is one of these: for transitions of the life cycle."""

    status: Words = (APPROVED,)
    """Accepted approval statuses."""

    def check(self, identities: Identities, place: Place) -> None:
        super().check(identities, place)
        check_words(self.status, STATES, (*place, "status"))

    def judge(self, change: Change) -> RuleResult:
        status = change.after.get(APPROVAL)
        sentence = f"Its approval status is {status}"
        if status in self.status:
            return _passed(f"{sentence}.")
        return _failed(f"{sentence}, not {' or '.join(self.status)}.", ConflictException)


class Frozen(Rule, frozen=True, tag="frozen"):
    """Once it is Approved, only `may_change` and its approval can change; without `delete`, it cannot be deleted."""

    of_transitions: ClassVar[bool] = False
    of_life_cycle: ClassVar[bool] = False

    may_change: tuple[str, ...] = (LIFE_CYCLE,)
    delete: bool = False

    @property
    def keeps_approvals(self) -> tuple[str, ...]:
        return self.may_change

    def check(self, identities: Identities, place: Place) -> None:
        super().check(identities, place)
        check_words(self.may_change, _described(), (*place, "may_change"))

    def judge(self, change: Change) -> RuleResult:
        status = change.before.get(APPROVAL)
        if status not in (self.on or self.guarded):
            return _passed(f"It is {status or 'new'}.")
        if not change.after:
            if self.delete:
                return _passed(f"It may be deleted though it is {status}.")
            return _failed(f"It is {status}, and so cannot be deleted: reject it first.", ConflictException)
        if touched := sorted(change.touched - set(self.may_change)):
            return _failed(f"It is {status}, and so its {', '.join(touched)} cannot change.", ConflictException)
        return _passed(f"It is {status}; besides its approval, {', '.join(self.may_change) or 'nothing'} may change.")


KINDS: Mapping[str, type[Rule]] = {rule.kind(): rule for rule in Rule.__subclasses__()}

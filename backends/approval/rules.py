"""The kinds of rules in registry.toml, which AWS does not have: one class for each, and KINDS, their table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Annotated, ClassVar

import msgspec
import msgspec.structs

from ..conversion import Place
from ..errors import AccessDeniedException, ConflictException, Misconfigured, ValidationException
from ..identities import Identities, Who, display_name
from ..service import model
from ..service.records import artifacts
from ..settings import check_words
from .change import APPROVAL, LIFE_CYCLE, METADATA, Change, RuleResult, creator_of, member_of, milliseconds, moment
from .metrics import sources, value_of
from .profiles import APPROVED, PENDING, REJECTED, STATES
from .rule import APPROVALS, CALLERS, OBJECTS, TAGS, Duration, Rule, Words, failed, passed


def _described() -> Iterable[str]:
    return model.members(model.output_shape("DescribeModelPackage"))


class ReasonRequired(Rule, frozen=True, tag="reason-required"):
    """A decision requires a reason of at least `characters` characters.

    The reason is sent as ApprovalDescription or, for a life-cycle transition, as StageDescription.
    """

    guarded: ClassVar[tuple[str, ...]] = (APPROVED, REJECTED)

    characters: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 1

    def evaluate(self, change: Change) -> RuleResult:
        step = change.step
        member = "ApprovalDescription" if step.member == APPROVAL else "StageDescription"
        reason = (step.reason or "").strip()
        if len(reason) >= self.characters:
            return passed(f"The reason is {reason!r}.")
        if change.is_new and step.member == APPROVAL:
            return failed(
                f"{step.target} requires a reason, which cannot be sent at registration; register the version as "
                f"{PENDING} first."
            )
        length = f" of at least {self.characters} characters" if self.characters > 1 else ""
        if change.hypothetical and not reason:
            return RuleResult("needs_input", f"{member} requires a reason{length}.")
        if reason:
            return failed(
                f"The reason {reason!r} has {len(reason)} characters; at least {self.characters} are required."
            )
        sentence = f"{member} is missing; a reason{length} is required."
        if step.target == APPROVED and not change.hypothetical:
            sentence += (
                " The SageMaker SDK sends such a request when it deploys a version that is not approved; approve the "
                "version with a reason first."
            )
        return failed(sentence)


class CreatorMayNotApprove(Rule, frozen=True, tag="creator-may-not-approve"):
    """The creator of a version, and people who changed its content later, cannot approve it.

    Content is everything but the approval, the life cycle, and what a `frozen` rule lists in `may_change`. It cannot
    change while the version is Approved.
    """

    by_others: ClassVar[bool] = True
    _needs: ClassVar[frozenset[str]] = frozenset({CALLERS})

    def evaluate(self, change: Change) -> RuleResult:
        caller = change.caller
        creator = caller.arn if change.is_new else creator_of(change.before)
        if not change.is_known:
            return failed(f"The ARN of {caller.name} is unknown; add it to [identities].", AccessDeniedException)
        if creator is None:
            sentence = (
                "The creator of this version is unknown, because CreatedBy has no Arn; register the version again."
            )
            return failed(sentence, AccessDeniedException)
        if creator == caller.arn:
            return failed(f"{creator} registered this version; another person must approve it.", AccessDeniedException)
        if caller.arn in change.editors:
            sentence = f"{display_name(caller)} changed the content of this version; another person must approve it."
            return failed(sentence, AccessDeniedException)
        return passed(f"{creator} registered this version, not {caller.arn}.")


class Only(Rule, frozen=True, tag="only"):
    """Only the people in `who` can decide: names or `group:NAME` of registry.toml, `role:NAME`, or patterns of ARNs."""

    guarded: ClassVar[tuple[str, ...]] = (APPROVED, REJECTED)

    who: Words

    def check(self, identities: Identities, place: Place) -> None:
        super().check(identities, place)
        identities.check(self.who, (*place, "who"))

    def evaluate(self, change: Change) -> RuleResult:
        caller = change.caller
        allowed = " or ".join(self.who)
        if Who(caller.name, caller.arn, caller.groups).is_one_of(self.who):
            return passed(f"{display_name(caller)} is one of {allowed}.")
        return failed(f"{display_name(caller)} is not one of {allowed}.", AccessDeniedException)


class Approvers(Rule, frozen=True, tag="approvers"):
    """A version becomes Approved after `count` different people have approved it.

    With `who` (as in `only`), only approvals of these people count. Approvals of people who changed the content never
    do (see `creator-may-not-approve`). Each approval but the last is recorded and leaves the status unchanged. A
    rejection, a return to pending or a change of the content discards all recorded approvals.
    """

    of_life_cycle: ClassVar[bool] = False
    by_others: ClassVar[bool] = True
    _needs: ClassVar[frozenset[str]] = frozenset({APPROVALS})

    count: Annotated[int, msgspec.Meta(ge=1)] = 2
    who: tuple[str, ...] = ()

    def check(self, identities: Identities, place: Place) -> None:
        super().check(identities, place)
        identities.check(self.who, (*place, "who"))

    def evaluate(self, change: Change) -> RuleResult:
        result = partial(RuleResult, approvals=self.count)
        caller = change.caller
        people = [Who(one["Name"], one["Arn"], tuple(one["Groups"])) for one in change.approvals]
        counting = [one for one in people if not self.who or one.is_one_of(self.who)]
        me = Who(caller.name, caller.arn, caller.groups)
        allowed = " or ".join(self.who)
        by = f" by {allowed}" if allowed else ""
        names = f" ({', '.join(one.name for one in counting)})" if counting else ""
        so_far = f"{len(counting)} of {self.count} approvals{by} are recorded{names}"
        if len(counting) >= self.count:
            return result("passed", f"{so_far}.")
        if change.is_new and self.count > 1:
            return result(
                "failed", f"{self.count} approvals{by} are required; register the version as {PENDING} first."
            )
        if any(one.arn == me.arn for one in people):
            sentence = f"{display_name(caller)} has already approved this version; {so_far}."
            return result("failed", sentence, ConflictException)
        if me.arn in change.editors:
            sentence = f"{display_name(caller)} changed the content of this version and cannot approve it; {so_far}."
            return result("failed", sentence, AccessDeniedException)
        if self.who and not me.is_one_of(self.who):
            sentence = f"{display_name(caller)} is not one of {allowed}; {so_far}."
            return result("pending", sentence, AccessDeniedException)
        if len(counting) + 1 < self.count:
            sentence = f"{so_far}; this approval is number {len(counting) + 1}."
            return result("pending", sentence, AccessDeniedException, counts=True)
        return result("passed", f"{so_far}; this approval is the last one required.", counts=True)


class MetadataRequired(Rule, frozen=True, tag="metadata-required"):
    """The version must have a value for each of `keys` and `members`.

    `keys` are keys of CustomerMetadataProperties; `members` are paths such as `MetadataProperties.CommitId`.
    """

    keys: tuple[str, ...] = ()
    members: tuple[str, ...] = ()

    @classmethod
    def works_without_options(cls) -> bool:
        return False

    def check(self, identities: Identities, place: Place) -> None:
        super().check(identities, place)
        check_words(self.members, _described(), (*place, "members"))
        if not (self.keys or self.members):
            raise Misconfigured(
                f"[rules.{place[-1]}]: a `metadata-required` rule requires `keys`, `members` or both", place
            )

    def evaluate(self, change: Change) -> RuleResult:
        metadata = change.after.get(METADATA, {})
        missing = [f"{METADATA}.{key}" for key in self.keys if not metadata.get(key, "").strip()]
        missing += [path for path in self.members if member_of(change.after, path) in (None, "", {}, [])]
        if missing:
            return failed(f"Required values are missing: {', '.join(missing)}.")
        return passed(f"The version has the required values: {', '.join((*self.keys, *self.members))}.")


class TagsRequired(Rule, frozen=True, tag="tags-required"):
    """The group must have all `tags`, such as `owner` or, with a pattern of the value, `stage=prod*`."""

    _needs: ClassVar[frozenset[str]] = frozenset({TAGS})

    tags: Words

    def evaluate(self, change: Change) -> RuleResult:
        for wanted in self.tags:
            key, _, pattern = wanted.partition("=")
            if key not in change.tags:
                return failed(f"The group has no tag {key}, which is required.")
            if not fnmatchcase(change.tags[key], pattern or "*"):
                return failed(f"The tag {key} of the group is {change.tags[key]!r}; {pattern} is required.")
        return passed(f"The group has the required tags: {', '.join(self.tags)}.")


class Metric(Rule, frozen=True, tag="metric"):
    """The number `metric` must be at least `min` and at most `max`.

    It is a value in CustomerMetadataProperties. With a `source` such as `ModelQuality.Statistics`, it is read from this
    file of ModelMetrics in S3, and `metric` is a path in its JSON (`binary_classification_metrics.accuracy.value`).
    """

    metric: str
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
            raise Misconfigured(f"[rules.{place[-1]}]: a `metric` rule requires `min`, `max` or both", place)

    def evaluate(self, change: Change) -> RuleResult:
        bounds = {"metric": self.metric, "source": self.source, "min": self.min, "max": self.max}
        result = partial(RuleResult, threshold=bounds)
        limits = [f"at least {self.min:g}"] if self.min is not None else []
        limits += [f"at most {self.max:g}"] if self.max is not None else []
        required = f"{' and '.join(limits)} is required."
        try:
            value = value_of(self.metric, self.source, change.after, change.caller, change.probe)
        except ValidationException as error:
            return result("failed", f"{error.message.removesuffix('.')}; {required}")
        is_low, is_high = self.min is not None and value < self.min, self.max is not None and value > self.max
        return result("failed" if is_low or is_high else "passed", f"{self.metric} is {value:g}; {required}")


class ImageFrom(Rule, frozen=True, tag="image-from"):
    """Every image must match one of the patterns in `images`, such as `123456789012.dkr.ecr.*.amazonaws.com/*`."""

    images: Words

    def evaluate(self, change: Change) -> RuleResult:
        found = model.structures("DescribeModelPackage", change.after, "ModelPackageContainerDefinition")
        images = [container["Image"] for container in found if "Image" in container]
        for image in images:
            if not any(fnmatchcase(image, pattern) for pattern in self.images):
                return failed(f"The image {image} does not match {' or '.join(self.images)}.")
        return passed(f"All images match {' or '.join(self.images)}." if images else "The version has no image.")


class ArtifactExists(Rule, frozen=True, tag="artifact-exists"):
    """Every model artifact must exist in S3 at the time of the decision."""

    _needs: ClassVar[frozenset[str]] = frozenset({OBJECTS})

    def evaluate(self, change: Change) -> RuleResult:
        found = list(artifacts(change.after))
        for bucket, key, is_prefix in found:
            if not change.probe.artifact_exists(change.caller, bucket, key, is_prefix=is_prefix):
                return failed(f"The artifact s3://{bucket}/{key} does not exist.")
        return passed("All artifacts exist in S3." if found else "The version has no artifact.")


class MinimumAge(Rule, frozen=True, tag="minimum-age"):
    """The version must have been registered at least `age` ago: `90s`, `30m`, `24h`, `7d`."""

    age: Duration

    def evaluate(self, change: Change) -> RuleResult:
        wait = milliseconds(self.age)
        if change.age >= wait:
            return passed(f"The version is at least {self.age} old, as required.")
        ends = moment(change.now - change.age + wait)
        return failed(f"The version must be at least {self.age} old, which it will be at {ends}.", ConflictException)


class Expires(Rule, frozen=True, tag="expires"):
    """A version that was registered longer ago than `after` (such as `7d`) can no longer be approved."""

    after: Duration

    def evaluate(self, change: Change) -> RuleResult:
        if change.age <= milliseconds(self.after):
            return passed(f"The version is not older than {self.after}.")
        sentence = f"The version is older than {self.after} and can no longer be approved; register it again."
        return failed(sentence, ConflictException)


class ApprovalIs(Rule, frozen=True, tag="approval-is"):
    """The approval status must be one of `status`; for life-cycle transitions."""

    status: Words = (APPROVED,)

    def check(self, identities: Identities, place: Place) -> None:
        super().check(identities, place)
        check_words(self.status, STATES, (*place, "status"))

    def evaluate(self, change: Change) -> RuleResult:
        status = change.after.get(APPROVAL)
        sentence = f"The approval status is {status}"
        if status in self.status:
            return passed(f"{sentence}.")
        return failed(f"{sentence}; {' or '.join(self.status)} is required.", ConflictException)


class Frozen(Rule, frozen=True, tag="frozen"):
    """Of an Approved version, only the approval status and `may_change` can change; `delete = true` allows deletion."""

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

    def evaluate(self, change: Change) -> RuleResult:
        status = change.before.get(APPROVAL)
        if status not in (self.on or self.guarded):
            return passed(f"The version is {status or 'new'}.")
        if not change.after:
            if self.delete:
                return passed(f"The version is {status}, and can be deleted.")
            return failed(f"The version is {status} and cannot be deleted; reject it first.", ConflictException)
        if touched := sorted(change.touched - set(self.may_change)):
            return failed(f"The version is {status}, so its {', '.join(touched)} cannot change.", ConflictException)
        others = ", ".join(self.may_change) or "nothing"
        return passed(f"The version is {status}; besides its approval status, {others} can change.")


KINDS: Mapping[str, type[Rule]] = {rule.kind(): rule for rule in Rule.__subclasses__()}

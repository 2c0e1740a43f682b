"""Apply a plan: check each step against the current state of the destination, then run the steps in order."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from ...backends.views import METADATA
from ..registry.requests import listed, unless_refused
from .plans import Plan, Step, name_of
from .provenance import Origin
from .records import Record, carried, creation, leaves, members, updates

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

PATIENCE = (0.0, 0.2, 0.5, 1.0, 2.0)
"""Seconds to wait before each attempt to read a new version, because AWS may need a moment."""

NOT_SETTLED = ("Pending", "InProgress")
GROUP_PATIENCE = (0.0, *(1.0,) * 60)

NUMBER = "ModelPackageVersion"
NOT_DESCRIBED = "Tags["
"""Prefix of the paths of members that are sent, and that Describe does not return."""

Outcome = Literal["created", "changed", "already done"]


class Stale(ValueError):
    """The destination has changed since the plan was made."""


class Forgotten(ValueError):
    """The destination does not store the origin of a copy, so every promotion would create another copy."""


@dataclass(frozen=True, slots=True)
class Done:
    """A completed step; `copy` is the ARN of the group or version in the destination."""

    step: Step
    outcome: Outcome
    copy: str


def apply(
    plan: Plan,
    destination: SageMakerClient,
    *,
    on_step: Callable[[Done], object] = lambda done: None,
    sleep: Callable[[float], object] = time.sleep,
) -> tuple[Done, ...]:
    """Apply a plan and return the completed steps.

    Steps that an earlier, interrupted apply completed are skipped, so a plan can be applied again. The destination
    assigns the numbers of new versions.

    Args:
        plan: a plan from `plan()` or `Plan.from_json()`.
        destination: a boto3 client of the registry the plan was made for.
        on_step: called with each step as soon as it is completed.
        sleep: called with the seconds to wait until AWS has created a group or version.

    Raises:
        Stale: a resource that the plan affects has changed since the plan was made; nothing was changed. Also if a new
            version is deleted while the plan is applied.
        Forgotten: the destination does not store CustomerMetadataProperties, which identify copies.
        ClientError: the destination rejects a request; steps passed to `on_step` are completed.
    """
    groups = {step.group: group_of(destination, step.group) for step in plan.steps}
    present = list(zip(plan.steps, _present(destination, plan, groups), strict=True))
    reasons = [reason for step, there in present for reason in _stale(destination, step, there)]
    made = {step.group for step in plan.steps if step.action == "create-group"}
    reasons += [f"group {name} was deleted" for name, group in groups.items() if group is None and name not in made]
    if reasons:
        raise Stale(f"the destination has changed since the plan was made; make a new plan: {'; '.join(reasons)}")
    done = []
    for step, there in present:
        done.append(_ACTIONS[step.action](destination, step, there, sleep))
        on_step(done[-1])
    return tuple(done)


def group_of(client: Any, name: str) -> Record | None:
    with unless_refused(client, "does not exist"):
        group: Record = client.describe_model_package_group(ModelPackageGroupName=name)
        return group
    return None


def found(client: Any, arn: str) -> Record | None:
    with unless_refused(client, "does not exist"):
        version: Record = client.describe_model_package(ModelPackageName=arn)
        return version
    return None


def versions_of(client: Any, group: str) -> list[Record]:
    found = listed(client, ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Ascending")
    return sorted(found, key=lambda summary: int(summary[NUMBER]))


def copies_of(client: Any, summaries: Iterable[Record]) -> Iterator[tuple[Record, Origin]]:
    for summary in summaries:
        version = found(client, summary["ModelPackageArn"])
        origin = version and Origin.named_by(version)
        if version and origin:
            yield version, origin


def _present(client: Any, plan: Plan, groups: Mapping[str, Record | None]) -> Iterator[Record | None]:
    """Yield for each step what exists in the destination: the group, the version to change, or a copy made since."""
    new: dict[str, list[tuple[Record, Origin]]] = {}
    for step in plan.steps:
        group = groups[step.group]
        if step.action == "create-group" or group is None:
            yield group
        elif step.copy is not None:
            yield found(client, step.copy)
        else:
            if step.group not in new:
                listed = versions_of(client, group["ModelPackageGroupArn"])
                new[step.group] = [*copies_of(client, (one for one in listed if one[NUMBER] > step.beyond))]
            ours = Origin.named_by(step.wanted) or Origin(step.source, "")
            yield next((version for version, origin in new[step.group] if origin.is_of(ours)), None)


def _stale(client: Any, step: Step, there: Record | None) -> Iterator[str]:
    """Yield fields that changed in the destination since the plan was made."""
    if there is None:
        if step.copy is not None:
            yield f"{name_of(step.copy)} was deleted"
        return
    name, current = name_of(there.get("ModelPackageArn", step.group)), carried(client, there)
    if step.action == "create-group":
        compared = members(client, "CreateModelPackageGroup").keys() - {"ModelPackageGroupName", "Tags"}
        name, current = f"group {step.group}", {member: there[member] for member in compared if member in there}
    now, seen, wanted = leaves(current), leaves(step.seen), leaves(step.wanted)
    for path in {**now, **seen, **wanted}:
        if now.get(path) not in (seen.get(path), wanted.get(path)) and not path.startswith(NOT_DESCRIBED):
            yield f"{path} of {name} is {json.dumps(now.get(path), default=str)}"


def _create_group(client: Any, step: Step, there: Record | None, sleep: Callable[[float], object]) -> Done:
    if there is not None:
        return Done(step, "already done", there["ModelPackageGroupArn"])
    arn = client.create_model_package_group(ModelPackageGroupName=step.group, **step.wanted)["ModelPackageGroupArn"]
    for seconds in GROUP_PATIENCE:
        sleep(seconds)
        group = group_of(client, step.group)
        if group and group["ModelPackageGroupStatus"] not in NOT_SETTLED:
            break
    return Done(step, "created", arn)


def _create(client: Any, step: Step, there: Record | None, sleep: Callable[[float], object]) -> Done:
    """Create a version, update members that CreateModelPackage rejects, and check that its origin was stored."""
    if there is not None:
        return _updated(client, step, there, "already done")
    done = _updated(client, step, _created(client, step, sleep), "created")
    marked = found(client, done.copy)
    if marked is not None and Origin.named_by(marked) is None:
        raise Forgotten(
            f"{name_of(done.copy)} was created from {name_of(step.source)}, but the destination does not store "
            f"{METADATA}, which identify copies; every promotion to it would create another copy"
        )
    return done


def _created(client: Any, step: Step, sleep: Callable[[float], object]) -> Record:
    """Create a version once, with a ClientToken derived from its request.

    If the registry returns a deleted version that was created with this token, try again with another token.
    """
    request = {"ModelPackageGroupName": step.group, **creation(client, step.wanted)}
    answered: list[str] = []
    while True:
        told = json.dumps([step.source, request, answered], sort_keys=True)
        token = sha256(told.encode()).hexdigest()[:36]
        arn = client.create_model_package(**request, ClientToken=token)["ModelPackageArn"]
        for seconds in PATIENCE:
            sleep(seconds)
            if there := found(client, arn):
                return there
        if arn in answered:
            raise Stale(f"{name_of(arn)} was deleted at the destination while the plan was applied; run `plan` again")
        answered.append(arn)


def _update(client: Any, step: Step, there: Record | None, _: Callable[[float], object]) -> Done:
    if there is None:
        raise Stale(f"the copy of {name_of(step.source)} was deleted; run `plan` again")
    return _updated(client, step, there, "changed")


def _updated(client: Any, step: Step, there: Record, outcome: Outcome) -> Done:
    arn = there["ModelPackageArn"]
    requests = updates(client, carried(client, there), step.wanted)
    for request in requests:
        client.update_model_package(ModelPackageArn=arn, **request)
    return Done(step, outcome if requests or outcome != "changed" else "already done", arn)


_ACTIONS: Mapping[str, Callable[[Any, Step, Record | None, Callable[[float], object]], Done]] = {
    "create-group": _create_group,
    "create": _create,
    "update": _update,
}

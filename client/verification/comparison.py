"""Run the scenario on two registries and compare their responses."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
)

from ...backends.urls import is_aws
from ..connection import connect
from ..extensions import ask
from ..registry.registry import ModelRegistry
from .normalize import Difference, Place, differences
from .scenario import DELETING, STEPS, Made, NotMade, Step

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
CONFIG = Config(parameter_validation=False, retries={"mode": "standard", "total_max_attempts": 5})
"""For clients that also send requests that botocore would reject, and that retry when AWS throttles them."""
MAX_PAGES = 50
PATIENCE_WITH_AWS = 60.0
"""Seconds until searches on AWS should reflect a write, and until a deleted group should not exist anymore."""
POLL = 2.0

UNANSWERED = frozenset(
    {
        # Codes that mean the operation is not supported or not allowed for this caller.
        "404",  # HTTP statuses, as botocore reports a response that is not in AWS's format
        "405",
        "501",
        "AccessDenied",
        "AccessDeniedException",
        "InvalidAction",
        "NotImplemented",
        "ThrottlingException",
        "UnknownOperationException",
    }
)

Verdict = Literal["same", "differs", "not answered", "not run"]


@dataclass(frozen=True, slots=True)
class StepReport:
    """The result of one step; `note` contains the error of an unsupported step, or why it was not run."""

    says: str
    operation: str
    verdict: Verdict
    differences: tuple[Difference, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The results of all steps; `left_behind` lists resources that could not be deleted."""

    left: str
    right: str
    steps: tuple[StepReport, ...]
    left_behind: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Return whether no response differs; an unsupported operation is not a difference."""
        return not self.steps_with("differs")

    def steps_with(self, verdict: Verdict) -> tuple[StepReport, ...]:
        return tuple(step for step in self.steps if step.verdict == verdict)


def compare(
    left: SageMakerClient,
    right: SageMakerClient | None = None,
    *,
    names: tuple[str, str] = ("left", "right"),
    image: str = IMAGE,
    on_aws: bool = False,
    keep: bool = False,
    progress: Callable[[int, int, StepReport], None] = lambda done, of, step: None,
    patience: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """Run the scenario on two registries and return the differences between their responses.

    All resources are created in groups named `verify-` and eight random characters. They are deleted at the end, also
    after an error or an interrupt; the notes of the exception list groups that could not be deleted.

    Args:
        left: a boto3 client of the service `sagemaker`. Use `Config(parameter_validation=False)` to also send requests
            that botocore would reject.
        right: another client; by default one of an empty registry in memory, in this process.
        names: the names of the two registries in the report.
        image: the image of every container; AWS requires one that exists.
        on_aws: allow creating and deleting groups in an AWS account; otherwise no request is sent to AWS.
        keep: keep the resources, and omit the steps that delete.
        progress: called after each step with the number of finished steps, their total, and the result.
        patience: seconds during which steps that AWS may delay are repeated; by default 60 with AWS, otherwise 0.
        sleep: called with the seconds to wait between repetitions.
        clock: returns the time in seconds.

    Raises:
        ValueError: a client reaches AWS, and `on_aws` is False.
        BackendUnavailable: `right` is None and the extra [server] is not installed.
        BotoCoreError: a registry cannot be reached.
    """
    with_aws = any(reaches_aws(client) for client in (left, right) if client is not None)
    if with_aws and not on_aws:
        raise ValueError(
            "a client reaches AWS; pass on_aws=True to allow creating and deleting groups named verify-..."
        )
    fresh = None
    if right is None:
        right = fresh = connect("sqlite://", region_name=left.meta.region_name, config=CONFIG)
    waiting = _Patience((PATIENCE_WITH_AWS if with_aws else 0.0) if patience is None else patience, sleep, clock)
    asked = STEPS[: -len(DELETING)] if keep else STEPS
    sides = _Side(left, names[0], image), _Side(right, names[1], image)
    steps: list[StepReport] = []
    left_behind: list[str] = []
    try:
        with _torn_down(sides, waiting, left_behind, keep=keep):
            for step in asked:
                steps.append(_run(step, sides, waiting))
                progress(len(steps), len(asked), steps[-1])
    finally:
        if fresh is not None:
            fresh.close()
    return Report(*names, tuple(steps), tuple(left_behind))


def reaches_aws(client: SageMakerClient) -> bool:
    """Return whether a client reaches AWS, directly or through a server that reports forwarding requests to AWS."""
    if is_aws(client.meta.endpoint_url):
        return True
    try:
        return is_aws(str(ask(client, "info").get("registry", "")))
    except (ClientError, BotoCoreError):  # another emulator, or no server at all, which the first step reports
        return False


class _Patience:
    def __init__(self, seconds: float, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._seconds, self._sleep, self._clock = seconds, sleep, clock

    def looks(self) -> Iterator[None]:
        """Yield once, and again every POLL seconds until the time is over."""
        deadline = self._clock() + self._seconds
        yield
        while self._clock() < deadline:
            self._sleep(POLL)
            yield


class _Side:
    def __init__(self, client: SageMakerClient, name: str, image: str) -> None:
        self.client, self.name = client, name
        self.made = Made(f"verify-{secrets.token_hex(4)}-", image)
        self._place = Place(self.made.prefix, client.meta.region_name)
        self._groups: list[str] = []

    def ask(self, step: Step) -> dict[str, Any]:
        """Send a step and return its comparable response or error.

        Raise NotMade if the step cannot be sent, and _Unanswered if its operation is not supported.
        """
        params, pages = step.params(self.made), []
        for _ in range(MAX_PAGES if step.pages else 1):
            try:
                answer = self._call(step.operation, params)
            except ClientError as error:
                said = error.response["Error"]
                if said["Code"] in UNANSWERED:
                    raise _Unanswered(f"{said['Code']}: {said['Message']}") from error
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                return self._place.refusal(said["Code"], said["Message"], status)
            if step.keep:
                self.made.answers[step.keep] = answer
            if not self._place.arn and "ModelPackageGroupArn" in answer:
                self._place = replace(self._place, arn=answer["ModelPackageGroupArn"])
            pages.append(self._place.comparable(answer))
            if not answer.get("NextToken"):
                break
            params = {**params, "NextToken": answer["NextToken"]}
        return {"Pages": pages} if step.pages else pages[0]

    def kept(self) -> Iterator[str]:
        return (f"{group} on {self.name}: kept" for group in self._groups)

    def leave(self) -> Iterator[str]:
        """Delete every group with its versions, and yield those that still exist, with the reason."""
        for group in self._groups:
            said = ""
            try:
                ModelRegistry.from_client(self.client).delete_group(group, with_versions=True)
            except (BotoCoreError, ClientError) as error:
                said = str(error)
            try:
                self._call("DescribeModelPackageGroup", {"ModelPackageGroupName": group})
            except (BotoCoreError, ClientError) as error:
                if isinstance(error, ClientError) and "does not exist" in str(error):
                    continue
                said = said or str(error)
            yield f"{group} on {self.name}: {said or 'still being deleted'}"

    def _call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        group = str(params.get("ModelPackageGroupName", ""))
        makes = operation == "CreateModelPackageGroup" and group not in ("", *self._groups)
        if makes:  # recorded before the request, whose response may be lost
            self._groups.append(group)
        try:
            answer: dict[str, Any] = getattr(self.client, xform_name(operation))(**params)
        except (ConnectTimeoutError, EndpointConnectionError):
            if makes:  # the request was not sent
                self._groups.remove(group)
            raise
        except ClientError as error:
            if makes and error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                self._groups.remove(group)
            raise
        except ParamValidationError as error:
            raise _Unanswered("the client rejects the request") from error
        return answer


class _Unanswered(Exception):
    """A registry does not support an operation; the message has its error."""


def _run(step: Step, sides: Sequence[_Side], patience: _Patience) -> StepReport:
    """Run one step on both sides; repeat a step that lags until its responses are the same or the time is over."""
    answers: list[dict[str, Any]] = [{}, {}]
    found: tuple[Difference, ...] = ()
    repeated = [0, 1]
    for _ in patience.looks() if step.lags else [None]:
        verdict, notes = _ask(step, sides, repeated, answers)
        if verdict != "same":
            return StepReport(step.says, step.operation, verdict, note=notes)
        found = tuple(differences(answers[0], answers[1]))
        if not found:
            break
        repeated = [side for side in (0, 1) if "Error" in answers[side]] or [
            0,
            1,
        ]  # a request that succeeded is not repeated
    return StepReport(step.says, step.operation, "differs" if found else "same", found)


def _ask(
    step: Step, sides: Sequence[_Side], repeated: Sequence[int], answers: list[dict[str, Any]]
) -> tuple[Verdict, str]:
    verdict: Verdict = "same"
    notes = []
    for index in repeated:
        side = sides[index]
        try:
            answers[index] = side.ask(step)
        except _Unanswered as error:
            verdict = "not answered"
            notes.append(f"{side.name}: {error}")
        except NotMade as error:
            verdict = "not run" if verdict == "same" else verdict
            notes.append(f"{side.name}: {error}")
    return verdict, "; ".join(notes)


@contextmanager
def _torn_down(sides: Sequence[_Side], patience: _Patience, left_behind: list[str], *, keep: bool) -> Iterator[None]:
    """Delete all groups when the block ends, also after an error, unless `keep`; list groups that remain."""

    def leave() -> list[str]:
        return [kept for side in sides for kept in side.kept()] if keep else _leave(sides, patience)

    try:
        yield
    except BaseException as error:
        for left in leave():
            error.add_note(f"not deleted: {left}")
        raise
    left_behind += leave()


def _leave(sides: Sequence[_Side], patience: _Patience) -> list[str]:
    left: list[str] = []
    try:
        for _ in patience.looks():
            left = [found for side in sides for found in side.leave()]
            if not left:
                break
    except BaseException as error:
        error.add_note(
            f"possibly not deleted: groups whose names start with {' or '.join(s.made.prefix for s in sides)}"
        )
        raise
    return left

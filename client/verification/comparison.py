"""Whether two registries answer alike: one scenario on both, compared answer by answer, for `verify` and for tests.

Everything is made in groups of a random name and deleted in the end, also after an error or an interrupt.
"""

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
"""Of a client that sends everything, also what botocore would refuse by itself, and waits where AWS throttles."""
MAX_PAGES = 50
PATIENCE_WITH_AWS = 60.0
"""Seconds until what was written to AWS should show in its searches, and what was deleted be gone."""
POLL = 2.0

UNANSWERED = frozenset(
    {
        # Codes that say nothing of how a registry behaves, only that it does not do this, or not for this caller.
        "404",  # HTTP statuses, as botocore reads an answer that is not AWS's
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
    """How one step went; `note` says who has not answered it, or why it was not run."""

    says: str
    operation: str
    verdict: Verdict
    differences: tuple[Difference, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """How two registries compare; `left_behind` is what could not be deleted in the end."""

    left: str
    right: str
    steps: tuple[StepReport, ...]
    left_behind: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether no answer differs; what one of them does not answer is no difference."""
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
    """Run the scenario on two registries and report in what their answers differ.

    Everything is made in groups named `verify-` and eight random characters, and deleted in the end, also after an
    error or an interrupt, whose notes then say what could not be deleted.

    Args:
        left: a boto3 client of the service `sagemaker`. One with `Config(parameter_validation=False)` also sends what
            botocore would refuse by itself.
        right: another; without one, a registry that is fresh, in memory and in this process.
        names: what they are called in the report.
        image: of every container; AWS wants one that exists.
        on_aws: consent to make and delete groups in an AWS account; without it AWS is not asked anything.
        keep: leave everything there, and end before the steps that delete.
        progress: told after each step how many are done, of how many, and how it went.
        patience: for how many seconds to look again at what may show late; 60 with AWS, else 0, unless said otherwise.
        sleep: waits between looks at what takes AWS a while.
        clock: the seconds by which patience ends.

    Raises:
        ValueError: a client is one of AWS, without consent.
        BackendUnavailable: without a right client: the extra [server] is missing.
        BotoCoreError: a registry cannot be reached.
    """
    with_aws = any(reaches_aws(client) for client in (left, right) if client is not None)
    if with_aws and not on_aws:
        raise ValueError("a client is one of AWS: pass on_aws=True to make and delete groups named verify-... there")
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
    """Whether a client is one of AWS, or of a server that says it passes its calls on to AWS."""
    if is_aws(client.meta.endpoint_url):
        return True
    try:
        return is_aws(str(ask(client, "info").get("registry", "")))
    except (ClientError, BotoCoreError):  # somebody else's emulator; or nobody, as the first step will say
        return False


class _Patience:
    def __init__(self, seconds: float, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._seconds, self._sleep, self._clock = seconds, sleep, clock

    def looks(self) -> Iterator[None]:
        """Yield once, and again every POLL seconds while there is time."""
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
        """Send a step and return its comparable answer or refusal; raise NotMade or _Unanswered if it has none."""
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
            yield f"{group} on {self.name}: {said or 'it is still being deleted'}"

    def _call(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        group = str(params.get("ModelPackageGroupName", ""))
        makes = operation == "CreateModelPackageGroup" and group not in ("", *self._groups)
        if makes:  # noted before it is asked: an answer may be lost
            self._groups.append(group)
        try:
            answer: dict[str, Any] = getattr(self.client, xform_name(operation))(**params)
        except (ConnectTimeoutError, EndpointConnectionError):
            if makes:  # it was not even asked
                self._groups.remove(group)
            raise
        except ClientError as error:
            if makes and error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                self._groups.remove(group)
            raise
        except ParamValidationError as error:
            raise _Unanswered("its client refuses to send it") from error
        return answer


class _Unanswered(Exception):
    """A registry does not support an operation; the message has its error."""


def _run(step: Step, sides: Sequence[_Side], patience: _Patience) -> StepReport:
    """Run one step on both sides, and repeat a step that lags while its answers differ and there is time."""
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
        repeated = [side for side in (0, 1) if "Error" in answers[side]] or [0, 1]  # what was done is not done again
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
    """Delete all groups when the block ends, also after an error, unless they are kept, and note what is left."""

    def leave() -> list[str]:
        return [kept for side in sides for kept in side.kept()] if keep else _leave(sides, patience)

    try:
        yield
    except BaseException as error:
        for left in leave():
            error.add_note(f"left behind: {left}")
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
            f"left behind, perhaps: groups whose names begin with {' or '.join(s.made.prefix for s in sides)}"
        )
        raise
    return left

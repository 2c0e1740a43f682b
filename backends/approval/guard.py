"""A backend that enforces approval rules in front of another one: moto, a served registry, or AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from .. import arns
from ..base import Backend, BackendOptions, Caller, NoProbe, no_identity, parsed
from ..errors import ValidationException
from ..service import constraints, records
from . import evaluation
from .change import APPROVAL, Change, creator_of
from .explain import Asked, explain
from .profiles import INITIAL
from .rule import CALLERS, OBJECTS, TAGS
from .rulebook import Policy, Rulebook

EXPLAIN = "explain"
BYPASSES = frozenset({"decide", "import", "seed"})
"""Extensions that set the status of versions without the rules of a guard."""


def guarded(
    backend: Backend, options: BackendOptions, name: str = "this registry", account: str | None = None
) -> Backend:
    """Return a backend behind the approval rules of its options; without rules, the backend itself."""
    settings = options.settings
    ruled = settings.approval or settings.identities
    return GuardedBackend(backend, options, name=name, account=account) if ruled else backend


class GuardedBackend(Backend):
    """A backend that evaluates rules before it passes a request on to another one, which it also closes.

    This is not atomic: other clients can change the version in between, or bypass the guard. The guard stores nothing,
    so rules that record something with the version (`approvers`) are rejected at startup. It needs the ARNs of its
    callers ([identities]) to compare them with the creators of versions, which are ARNs of the backend.

    Args:
        account: the account of the backend's groups; the caller's account if it is None.

    Raises:
        Misconfigured: a rule requires something that the backend lacks.
    """

    def __init__(
        self,
        backend: Backend,
        options: BackendOptions,
        clock: Callable[[], float] | None = None,
        name: str = "this registry",
        account: str | None = None,
    ) -> None:
        self._backend = backend
        self.operations, self.outbox = backend.operations, backend.outbox
        self.extensions = {**{k: v for k, v in backend.extensions.items() if k not in BYPASSES}, EXPLAIN: False}
        self._account = account
        self._probe = options.probe
        self._clock = clock or options.clock
        self._rulebook = Rulebook(options.settings, options.identify)
        has = {
            OBJECTS: not isinstance(self._probe, NoProbe),
            CALLERS: bool(options.settings.identities) or options.identify is not no_identity,
        }
        self._rulebook.check_needs({*backend.operations, *(word for word in has if has[word])}, name)

    def call(self, operation: str, params: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        caller = self._seen(caller)
        check = _CHECKS.get(operation)
        if check is not None and operation in self.operations:
            constraints.check(operation, params)
            params = check(self, params, caller)
        return self._backend.call(operation, params, caller)

    def extension(self, name: str, params: Mapping[str, Any], caller: Caller) -> Any:
        """Explain a version, or pass the request on; see `Backend.extension`."""
        if name not in self.extensions:
            return super().extension(name, params, caller)
        caller = self._seen(caller)
        if name != EXPLAIN:
            return self._backend.extension(name, params, caller)
        return self._explain(parsed(name, params, Asked), caller)

    def ping(self) -> None:
        self._backend.ping()

    def close(self) -> None:
        self._backend.close()

    def _seen(self, caller: Caller) -> Caller:
        """Return a caller with its identity, in the account of the backend's groups."""
        known = self._rulebook.identities.recognize(caller)
        return replace(known, account=self._account) if self._account else known

    def _check_create(self, params: Mapping[str, Any], caller: Caller) -> Mapping[str, Any]:
        """Evaluate the initial status of a version, which is PendingManualApproval by default, as in the registry."""
        if "ModelPackageGroupName" not in params:
            return params
        group = arns.parse(caller, arns.GROUP, params["ModelPackageGroupName"])
        policy = self._rulebook.policy(group.name)
        if policy.is_free:
            return params
        sent = {APPROVAL: INITIAL, **params}
        record = {**sent, "ModelPackageGroupName": group.name}
        evaluation.evaluate(policy, self._change(policy, str(group), caller, {}, record), record)
        return sent

    def _check_update(self, params: Mapping[str, Any], caller: Caller) -> Mapping[str, Any]:
        record = self._record(params["ModelPackageArn"], caller)
        self._evaluate(record, records.edited(record, params), params, caller)
        return params

    def _check_delete(self, params: Mapping[str, Any], caller: Caller) -> Mapping[str, Any]:
        self._evaluate(self._record(params["ModelPackageName"], caller), {}, {}, caller)
        return params

    def _evaluate(
        self, before: dict[str, Any], after: Mapping[str, Any], request: Mapping[str, Any], caller: Caller
    ) -> None:
        if "ModelPackageVersion" in before:
            policy = self._rulebook.policy(before["ModelPackageGroupName"])
            change = self._change(policy, _group(before, caller), caller, before, after)
            evaluation.evaluate(policy, change, request)

    def _explain(self, asked: Asked, caller: Caller) -> dict[str, Any]:
        if not asked.arn and not (asked.group and asked.version > 0):
            raise ValidationException("explain requires arn, or group and version.")
        name = asked.arn or f"{asked.group.replace(':model-package-group/', ':model-package/')}/{asked.version}"
        constraints.check("DescribeModelPackage", {"ModelPackageName": name})
        record = self._record(name, caller)
        if "ModelPackageVersion" not in record:
            raise ValidationException(
                f"ModelPackage {record['ModelPackageArn']} is unversioned and has no approval status."
            )
        who = self._rulebook.identities.called(asked.identity, caller) if asked.identity else caller
        policy = self._rulebook.policy(record["ModelPackageGroupName"])
        change = self._change(policy, _group(record, caller), who, record, record, tags_for=caller)
        return explain(policy, change, reason=asked.reason)

    def _record(self, name: str, caller: Caller) -> dict[str, Any]:
        """Return a version from the backend as a record, with times in epoch seconds."""
        described = self._backend.call("DescribeModelPackage", {"ModelPackageName": name}, caller)
        return {k: v.timestamp() if isinstance(v, datetime) else v for k, v in described.items()}

    def _change(
        self,
        policy: Policy,
        group: str,
        caller: Caller,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        tags_for: Caller | None = None,
    ) -> Change:
        tags: dict[str, str] = {}
        if TAGS in policy.needs:
            found = self._backend.call(TAGS, {"ResourceArn": group}, tags_for or caller)["Tags"]
            tags = {tag["Key"]: tag["Value"] for tag in found}
        now, is_known = int(self._clock() * 1000), caller.identity is not None
        # The backend does not say who changed the content, so the caller who made its last change counts (our choice).
        last = creator_of(before, "LastModifiedBy")
        editors = [last] if last else []
        change = Change(caller, now, before, after, tags, editors=editors, probe=self._probe, is_known=is_known)
        return evaluation.with_review(policy, change)


_CHECKS: dict[str, Callable[[GuardedBackend, Mapping[str, Any], Caller], Mapping[str, Any]]] = {
    "CreateModelPackage": GuardedBackend._check_create,
    "UpdateModelPackage": GuardedBackend._check_update,
    "DeleteModelPackage": GuardedBackend._check_delete,
}


def _group(record: Mapping[str, Any], caller: Caller) -> str:
    arn = arns.parse(caller, arns.PACKAGE, record["ModelPackageArn"])
    return str(arns.Arn(arn.partition, arn.region, arn.account, arns.GROUP, arn.name))

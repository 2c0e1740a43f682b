"""Simulated package validation: Pending, InProgress, then Completed or Failed over time.

AWS runs transform jobs; here none run. The duration and the failing profiles are fixed at registration, so the status
at any moment follows from the record and the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from ...settings import Validation

PLAN = "_Validation"
"""The member of a record with its validation plan; it is in no shape, so no answer shows it."""

PENDING_PART = 0.25
"""The fraction of the time before the jobs start (our choice)."""

MEMBERS: Final = ("ModelPackageStatus", "ModelPackageStatusDetails")
"""Members that are derived from the plan and shown instead of the stored ones."""

Record = dict[str, Any]


def begin(record: Record, now: int, settings: Validation) -> None:
    record["ModelPackageStatus"] = "Completed"
    record["ModelPackageStatusDetails"] = {"ValidationStatuses": [], "ImageScanStatuses": []}
    profiles = record.get("ValidationSpecification", {}).get("ValidationProfiles", [])
    if not profiles or record.get("SkipModelValidation") == "All":
        return
    for profile in profiles:
        profile["TransformJobDefinition"]["TransformOutput"].setdefault("KmsKeyId", "")  # seen in a fixture of ACK
    names = [profile["ProfileName"] for profile in profiles]
    record[PLAN] = {
        "begins": now,
        "ends": now + round(settings.seconds * 1000),
        "failing": [name for name in names if any(fnmatchcase(name, pattern) for pattern in settings.failing)],
    }


def as_of(record: Record, now: int) -> Record:
    """Return the state of a record at a moment, in epoch ms."""
    plan = record.get(PLAN)
    if plan is None:
        return record
    status, of_profile = _state(plan, now)
    profiles = record["ValidationSpecification"]["ValidationProfiles"]
    details = [_item(profile["ProfileName"], plan, of_profile) for profile in profiles]
    shown = (status, {"ValidationStatuses": details, "ImageScanStatuses": []})
    return {**record, **dict(zip(MEMBERS, shown, strict=True))}


def _state(plan: Mapping[str, Any], now: int) -> tuple[str, str]:
    started = plan["begins"] + (plan["ends"] - plan["begins"]) * PENDING_PART
    if now >= plan["ends"]:
        return ("Failed" if plan["failing"] else "Completed"), "Completed"
    return ("Pending", "NotStarted") if now < started else ("InProgress", "InProgress")


def _item(name: str, plan: Mapping[str, Any], status: str) -> dict[str, str]:
    if status == "Completed" and name in plan["failing"]:
        return {"Name": name, "Status": "Failed", "FailureReason": "The registry's settings make this profile fail."}
    return {"Name": name, "Status": status}

"""The two-person approval example: two identities, two rejected decisions, a deployment, and its history."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

STORY = Path(__file__).parents[2] / "examples" / "two_people" / "story.py"


def test_the_two_person_example_rejects_the_creator_and_deploys_the_approved_version(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, str(STORY)], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert told.returncode == 0, told.stderr
    refused = re.findall("refused: (.*)", told.stdout)
    assert "`creator-may-not-approve`: arn:aws:iam::123456789012:user/alice registered this version" in refused[0]
    assert "`reason-required`: ApprovalDescription is missing" in refused[1]
    assert re.search(r"^  deployed churn/1 \(event [0-9a-f-]{36}\)$", told.stdout, re.MULTILINE)
    by_bob, by_alice, verified = told.stdout.splitlines()[-3:]
    assert re.search(r"user/bob +UpdateModelPackage +churn/1 +PendingManualApproval -> Approved", by_bob)
    assert re.search(r"user/alice +CreateModelPackage +churn/1 +new -> PendingManualApproval", by_alice)
    assert verified.strip() == "3 changes in 1 chain, no faults found"
    assert list(tmp_path.iterdir()) == []

"""Every member of the API has a decision in docs/decisions.toml; new members of botocore fail here until then."""

from __future__ import annotations

from support import parity


def test_every_member_has_a_decision() -> None:
    decisions = parity.decisions()
    undecided = [
        member for member in parity.members() if member[2] not in decisions.get(member[0], {}).get(member[1], {})
    ]
    assert undecided == [], "add a decision for each to docs/decisions.toml"


def test_every_decision_is_about_an_existing_member() -> None:
    known = set(parity.members())
    decisions = {name: table for name, table in parity.decisions().items() if name != "nested"}
    stale = [
        (operation, side, name)
        for operation, sides in decisions.items()
        for side, table in sides.items()
        for name in table
        if (operation, side, name) not in known
    ]
    assert stale == []


def test_every_decision_has_a_known_kind() -> None:
    decisions = parity.decisions()
    assert {parity.decided(decisions, member)[0] for member in parity.members()} <= set(parity.KINDS)
    without_note = [
        member
        for member in parity.members()
        if parity.decided(decisions, member)[0] in ("choice", "missing") and not parity.decided(decisions, member)[1]
    ]
    assert without_note == [], "decisions of kind choice and missing need a note"


def test_every_nested_member_was_reviewed() -> None:
    reviewed = set(parity.decisions()["nested"]["members"])
    assert parity.nested() - reviewed == set(), (
        "new in botocore: decide, then add them to [nested] in docs/decisions.toml"
    )

"""Every member of the API is decided on; what a new botocore adds fails here until somebody does."""

from __future__ import annotations

from support import parity


def test_every_member_is_decided_on() -> None:
    said = parity.decisions()
    undecided = [member for member in parity.members() if member[2] not in said.get(member[0], {}).get(member[1], {})]
    assert undecided == [], "decide on them in docs/decisions.toml"


def test_no_decision_is_about_nothing() -> None:
    known = set(parity.members())
    said = {name: table for name, table in parity.decisions().items() if name != "nested"}
    stale = [
        (operation, side, name)
        for operation, sides in said.items()
        for side, table in sides.items()
        for name in table
        if (operation, side, name) not in known
    ]
    assert stale == []


def test_every_decision_is_of_a_known_kind() -> None:
    said = parity.decisions()
    assert {parity.decided(said, member)[0] for member in parity.members()} <= set(parity.KINDS)
    without_note = [
        member
        for member in parity.members()
        if parity.decided(said, member)[0] in ("choice", "missing") and not parity.decided(said, member)[1]
    ]
    assert without_note == [], "a choice, or what is missing, says what it is"


def test_nested_members_are_those_somebody_looked_at() -> None:
    looked_at = set(parity.decisions()["nested"]["members"])
    assert parity.nested() - looked_at == set(), "new in botocore: decide, then add them to [nested] in decisions.toml"

"""The approval tables of registry.toml: errors with their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagemaker_registry.backends import BackendUnavailable
from sagemaker_registry.backends.approval.rulebook import covers
from sagemaker_registry.backends.config import line_of, load

INVALID = [
    ('\n[[aproval]]\ngroups = ["*"]', 2, "unknown key `aproval`; did you mean 'approval'?"),
    ("[rules]\na = 3", 2, "`rules.a` is 3; expected a table"),
    ("approval = 3", 1, "`approval` is 3; expected a list of tables"),
    ('[[approval]]\ngroup = ["*"]', 2, "unknown key `approval[0].group`; did you mean 'groups'?"),
    ("[[approval]]\ngroups = []", 2, "`approval[0].groups` is an empty list; expected a list of at least one string"),
    (
        '[[approval]]\ngroups = ["*"]\nprofile = "stritc"',
        3,
        "[[approval]]: unknown profile 'stritc'; did you mean 'strict'?",
    ),
    ('[[approval]]\ngroups = ["*"]\nrules = [\n "reason-requird",\n]', 4, "did you mean 'reason-required'?"),
    (
        '[[approval]]\ngroups = ["*"]\nrules = ["metric"]',
        3,
        "rule `metric` requires options; add a table [rules.NAME] with",
    ),
    ('[[approval]]\ngroups = ["*"]\nlife_cycle = "x"', 3, "[[approval]]: unknown life cycle 'x'; none is defined"),
    (
        '[[approval]]\ngroups = ["churn-*"]\n[[approval]]\ngroups = ["fraud", "churn-a*"]',
        4,
        "pattern 'churn-a*' never applies: 'churn-*' above matches the same groups",
    ),
    (
        '[rules.a]\nkind = "only"',
        1,
        "[rules.a]: `is` must name the kind of the rule; expected one of reason-required, ",
    ),
    ('[rules.a]\nis = "onyl"', 2, "[rules.a]: unknown kind 'onyl'; did you mean 'only'?"),
    ('[rules.a]\n\nis = "approvers"\nsize = 3', 4, "unknown key `rules.a.size`; expected one of count, who, on"),
    ('[rules.a]\nis = "approvers"\ncount = 0', 3, "`rules.a.count` is 0; expected an integer of 1 or more"),
    (
        '[rules.a]\nis = "only"\nwho = ["group:x"]',
        3,
        '[rules.a]: group `x` has no members; add `groups = ["x"]` to an identity',
    ),
    ('[rules.a]\nis = "only"\nwho = ["gruop:x"]', 3, "[rules.a]: invalid value 'gruop:x' for `who`: expected a"),
    (
        '[identities.alice]\naccess_key = "A"\n[rules.a]\nis = "only"\nwho = [\n  "alcie"\n]',
        6,
        "[rules.a]: unknown identity 'alcie'; did you mean 'alice'?",
    ),
    (
        '[identities.alice]\naccess_key = "A"\n[rules.a]\nis = "only"\nwho = ["arn:aws:iam::*:user/bob"]',
        5,
        "[rules.a]: no identity has an ARN that matches 'arn:aws:iam::*:user/bob'",
    ),
    ('[rules.a]\nis = "metric"\nmetric = "f1"', 1, "[rules.a]: a `metric` rule requires `min`, `max` or both"),
    (
        '[rules.a]\nis = "metric"\nmetric = "f1"\nmin = 1\nsource = "Quality"',
        5,
        "[rules.a]: invalid value 'Quality' for `source`; ",
    ),
    (
        '[rules.a]\nis = "metadata-required"',
        1,
        "[rules.a]: a `metadata-required` rule requires `keys`, `members` or both",
    ),
    (
        '[rules.a]\nis = "reason-required"\non = ["Approve"]',
        3,
        "[rules.a]: invalid value 'Approve' for `on`; did you mean 'Approved'?",
    ),
    ('[rules.a]\nis = "frozen"\nmay_change = ["ModelLifecycle"]', 3, "did you mean 'ModelLifeCycle'?"),
    (
        '[rules.a]\nis = "minimum-age"\nage = "1 day"',
        3,
        "`rules.a.age` is '1 day'; expected a duration, such as",
    ),
    ("[profiles.a]\ntransitions = []", 2, "expected a list of at least one table"),
    (
        '[profiles.aws]\ntransitions = [{from = "new", to = "Approved"}]',
        1,
        "[profiles.aws]: `aws` is a built-in profile",
    ),
    ('[profiles.a]\ntransitions = [{from = "new", to = "Aproved"}]', 2, "did you mean 'Approved'?"),
    (
        '[profiles.a]\ntransitions = [{from = "Approved", to = "Rejected"}]',
        2,
        "[profiles.a]: at least one transition must start from 'new'",
    ),
    ('[profiles.a]\ntransitions = [{from = "new", to = "new"}]', 2, "[profiles.a]: `to` must not contain 'new'"),
    (
        '[profiles.a]\ntransitions = [\n {from = "new", to = "Approved"},\n {from = "Rejected", to = "Approved"},\n]',
        4,
        "[profiles.a]: no transition leads to 'Rejected'",
    ),
    ('[profiles.a]\ntransitions = [{from = "new", to = "Approved", requires = ["x"]}]', 2, "unknown rule 'x'"),
    (
        '[profiles.a]\ntransitions = [{from = "new", to = "Approved", requires = ["frozen"]}]',
        2,
        "rule `frozen` applies to every change; list",
    ),
    (
        '[life_cycles.a]\ntransitions = [{from = "new", to = "Staging"}]',
        2,
        "[life_cycles.a]: invalid state 'Staging': expected Stage/StageStatus",
    ),
    (
        '[life_cycles.a]\ntransitions = [{from = "new", to = "a/b", requires = ["approvers"]}]',
        2,
        "applies only to approval statuses",
    ),
    ("[identities.a]\ngroups = []", 1, "[identities.a]: one of `access_key`, `arn` or `role` is required"),
    (
        '[identities.a]\naccess_key = "A"\n[identities.b]\naccess_key = "A"',
        4,
        "[identities.b]: `access_key` is the same as in [identities.a]",
    ),
    (
        '[identities.a]\naccess_key = "A"\narn = "arn:aws:iam::*:user/a"',
        3,
        "[identities.a]: `arn` must not contain `*` if `access_key` is set",
    ),
    ('[identities.a]\naccesskey = "A"', 2, "did you mean 'access_key'?"),
    ('[identities.a]\naccess_key = "A"\naccount = "12"', 3, "`identities.a.account` is '12'; expected 12 digits"),
]


@pytest.mark.parametrize(("toml", "line", "sentence"), INVALID, ids=[sentence[:40] for *_, sentence in INVALID])
def test_an_invalid_value_is_rejected_with_its_line_and_a_suggestion(
    tmp_path: Path, toml: str, line: int, sentence: str
) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(toml, encoding="utf-8")
    with pytest.raises(BackendUnavailable) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}, line {line}: ")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "other", "expected"),
    [
        ("*", "a*", True),
        ("a*", "*", False),
        ("?", "*", False),
        ("a*", "a", True),
        ("a-*", "a*", False),
        ("?*", "a*", True),
    ],
)
def test_a_pattern_covers_another_if_it_matches_everything_the_other_matches(
    pattern: str, other: str, expected: bool
) -> None:
    assert covers(pattern, other) is expected


def test_lines_are_found_by_key_path() -> None:
    text = '[a]\nx = 1\n[[b]]\ny = [\n "one",\n "two",\n]\n[[b]]\n"quoted key" = 2\n[c.d]\nz = 1\n'
    assert line_of(text, ("a", "x")) == 2
    assert line_of(text, ("b", 0, "y"), "two") == 6
    assert line_of(text, ("b", 1, "quoted key")) == 9
    assert line_of(text, ("c", "d", "z", "deeper")) == 11
    assert line_of(text, ("nowhere",)) is None
    dotted = 'a.x.k = 1\na."y z".k = 2\na.z = 3\n'
    assert [line_of(dotted, ("a", name, "k")) for name in ("x", "y z", "z")] == [1, 2, 3]

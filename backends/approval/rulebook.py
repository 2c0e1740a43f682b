"""The policies of all groups, compiled from registry.toml and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cached_property

import msgspec

from ..conversion import Place
from ..errors import Misconfigured
from ..identities import Identify, Identities, meet
from ..settings import ProfileTable, Settings, TransitionTable, convert, suggestion
from .profiles import NEW, PROFILES, STATES, Profile, Transition
from .rule import APPROVALS, CALLERS, OBJECTS, TAG, Rule
from .rules import KINDS

MAX_NAME = 63
"""Length of the longest group name that a pattern can match."""


class Policy(msgspec.Struct, frozen=True, dict=True):
    """The policy of a group: a profile, rules, and the transitions of a life cycle, if it has one.

    `known` has all rules by name, because transitions can require any of them.
    """

    profile: Profile
    rules: Mapping[str, Rule]
    life_cycle: Profile | None
    known: Mapping[str, Rule]

    @cached_property
    def is_free(self) -> bool:
        """Whether everything is allowed, as on AWS."""
        return self.profile is PROFILES["aws"] and not self.rules and self.life_cycle is None

    @cached_property
    def needs(self) -> frozenset[str]:
        """What its rules require of a backend; see `Rule.needs`."""
        return frozenset().union(*(rule.needs for rule in self.used().values()))

    def used(self) -> dict[str, Rule]:
        """Return its rules, and those that its transitions require."""
        found = dict(self.rules)
        for profile in (self.profile, self.life_cycle):
            for transition in profile.transitions if profile is not None else ():
                found |= self.required(transition)
        return found

    def required(self, transition: Transition) -> dict[str, Rule]:
        return {name: self.known[name] for name in transition.requires}


FREE = Policy(PROFILES["aws"], {}, None, {})


class Rulebook:
    """The policies of a registry's groups, and its identities; `identify` looks up callers that registry.toml lacks.

    Raises:
        Misconfigured: a setting is invalid, or could never apply.
    """

    def __init__(self, settings: Settings, identify: Identify = lambda caller: None) -> None:
        self.identities = Identities(settings.identities, identify)
        self._settings = settings
        self._rules = {kind: rule() for kind, rule in KINDS.items() if rule.works_without_options()}
        self._rules |= {name: self._rule(name, table) for name, table in settings.rules.items()}
        self._profiles = {**PROFILES}
        for name, profile in settings.profiles.items():
            if name in PROFILES:
                sentence = f"[profiles.{name}]: `{name}` is a built-in profile; choose another name"
                raise Misconfigured(sentence, ("profiles", name))
            self._profiles[name] = self._profile(("profiles", name), profile, STATES)
        self._life_cycles = {
            name: self._profile(("life_cycles", name), life_cycle, None)
            for name, life_cycle in settings.life_cycles.items()
        }
        self._policies = [(table.groups, self._policy(number)) for number, table in enumerate(settings.approval)]
        self.needs = frozenset[str]().union(*(policy.needs for _, policy in self._policies))
        self._check_patterns()

    def policy(self, group: str) -> Policy:
        """Return the policy of a group: that of the first table with a pattern that matches its name."""
        for patterns, policy in self._policies:
            if any(fnmatchcase(group, pattern) for pattern in patterns):
                return policy
        return FREE

    def check_needs(self, offered: Iterable[str], place: str) -> None:
        """Check that a backend offers the operations and capabilities that the rules require; `place` is its name.

        Raises:
            Misconfigured: a rule requires something that is not offered.
        """
        available = frozenset(offered)
        for number, (_, policy) in enumerate(self._policies):
            for name, rule in policy.used().items():
                missing = sorted(rule.needs - available)
                if missing:
                    required = _REQUIREMENTS.get(missing[0], f"the operation {missing[0]}")
                    raise Misconfigured(
                        f"rule `{name}` is not supported on {place}: `{rule.kind()}` rules require {required}",
                        ("approval", number),
                    )

    def _rule(self, name: str, table: Mapping[str, object]) -> Rule:
        place: Place = ("rules", name)
        kind = table.get(TAG)
        if not isinstance(kind, str):
            raise Misconfigured(f"[rules.{name}]: `{TAG}` must name the kind of the rule{suggestion('', KINDS)}", place)
        if kind not in KINDS:
            raise Misconfigured(f"[rules.{name}]: unknown kind {kind!r}{suggestion(kind, KINDS)}", (*place, TAG))
        rule: Rule = convert(table, KINDS[kind], place)
        rule.check(self.identities, place)
        return rule

    def _profile(self, place: Place, table: ProfileTable, states: tuple[str, ...] | None) -> Profile:
        name = str(place[1])
        for row in table.transitions:
            self._check_row(row, place, states)
        transitions = tuple(
            Transition(source, target, row.requires, row.note)
            for row in table.transitions
            for source in _each(row.source)
            for target in _each(row.target)
        )
        profile = Profile(name, transitions, table.note)
        keys = (*place, "transitions")
        if not any(transition.source == NEW for transition in transitions):
            raise Misconfigured(f"[{place[0]}.{name}]: at least one transition must start from {NEW!r}", keys)
        stranded = profile.unreachable()
        if stranded is not None:
            raise Misconfigured(
                f"[{place[0]}.{name}]: no transition leads to {stranded!r}; add one, or remove those from it",
                keys,
                stranded,
            )
        return profile

    def _check_row(self, row: TransitionTable, place: Place, states: tuple[str, ...] | None) -> None:
        keys, table = (*place, "transitions"), f"[{place[0]}.{place[1]}]"
        for state in (*_each(row.source), *_each(row.target)):
            if states is not None and state not in (NEW, *states):
                raise Misconfigured(f"{table}: unknown status {state!r}{suggestion(state, states)}", keys, state)
            if states is None and state != NEW and state.count("/") != 1:
                sentence = f"{table}: invalid state {state!r}: expected Stage/StageStatus"
                raise Misconfigured(sentence, keys, state)
        if NEW in _each(row.target):
            raise Misconfigured(f"{table}: `to` must not contain {NEW!r}", keys, NEW)
        for name in row.requires:
            rule = self._known(name, keys)
            if states is None and not rule.of_life_cycle:
                sentence = f"{table}: rule `{name}` applies only to approval statuses, not to a life cycle"
                raise Misconfigured(sentence, keys, name)
            if not rule.of_transitions:
                sentence = f"{table}: rule `{name}` applies to every change; list it in `rules` of [[approval]] instead"
                raise Misconfigured(sentence, keys, name)

    def _policy(self, number: int) -> Policy:
        table = self._settings.approval[number]
        place: Place = ("approval", number)
        if table.profile not in self._profiles:
            known = suggestion(table.profile, self._profiles)
            raise Misconfigured(f"[[approval]]: unknown profile {table.profile!r}{known}", (*place, "profile"))
        if table.life_cycle and table.life_cycle not in self._life_cycles:
            known = suggestion(table.life_cycle, self._life_cycles)
            raise Misconfigured(f"[[approval]]: unknown life cycle {table.life_cycle!r}{known}", (*place, "life_cycle"))
        rules = {name: self._known(name, (*place, "rules")) for name in table.rules}
        life_cycle = self._life_cycles[table.life_cycle] if table.life_cycle else None
        return Policy(self._profiles[table.profile], rules, life_cycle, self._rules)

    def _known(self, name: str, place: Place) -> Rule:
        if name in KINDS and name not in self._rules:
            sentence = f'rule `{name}` requires options; add a table [rules.NAME] with `{TAG} = "{name}"`'
            raise Misconfigured(sentence, place, name)
        if name not in self._rules:
            raise Misconfigured(f"unknown rule {name!r}{suggestion(name, self._rules)}", place, name)
        return self._rules[name]

    def _check_patterns(self) -> None:
        earlier: list[str] = []
        for number, table in enumerate(self._settings.approval):
            for pattern in table.groups:
                first = next((one for one in earlier if covers(one, pattern)), None)
                if first is not None:
                    sentence = (
                        f"[[approval]]: pattern {pattern!r} never applies: {first!r} above matches the same groups"
                    )
                    raise Misconfigured(sentence, ("approval", number, "groups"), pattern)
                if not meet(pattern.replace("*", "").replace("?", "a"), pattern) or len(pattern) > MAX_NAME:
                    sentence = f"[[approval]]: pattern {pattern!r} does not match any valid group name"
                    raise Misconfigured(sentence, ("approval", number, "groups"), pattern)
            earlier += table.groups


_REQUIREMENTS = {
    APPROVALS: "sqlite:// or postgresql://",
    CALLERS: "[identities] with the ARNs that CreatedBy shows",
    OBJECTS: "access to S3; serve the registry, or remove the rule",
}


def covers(pattern: str, other: str) -> bool:
    """Return whether a pattern matches everything that another one matches, tested with a few names."""
    names = [other.replace("?", "~").replace("*", stand_in) for stand_in in ("", "~", "~" * MAX_NAME)]
    return all(fnmatchcase(name, pattern) for name in names)


def _each(states: str | tuple[str, ...]) -> tuple[str, ...]:
    return (states,) if isinstance(states, str) else states

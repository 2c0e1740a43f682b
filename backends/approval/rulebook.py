"""The rulebook of a registry: the policy of each group, compiled from registry.toml and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cached_property

import msgspec

from ..errors import Misconfigured
from ..identities import Identify, Identities, meet
from ..settings import Place, ProfileTable, Settings, TransitionTable, convert, suggestion
from .profiles import NEW, PROFILES, STATES, Profile, Transition
from .rules import APPROVALS, CALLERS, KINDS, OBJECTS, TAG, Rule

MAX_NAME = 63
"""Characters of a group's name: what a pattern can stand for."""


class Policy(msgspec.Struct, frozen=True, dict=True):
    """What applies to the versions of a group: a profile, rules, and the transitions of a life cycle, if it has one.

    `known` are all rules, by name, which transitions may require.
    """

    profile: Profile
    rules: Mapping[str, Rule]
    life_cycle: Profile | None
    known: Mapping[str, Rule]

    @cached_property
    def is_free(self) -> bool:
        """Whether everything is allowed, as by AWS."""
        return self.profile is PROFILES["aws"] and not self.rules and self.life_cycle is None

    @cached_property
    def needs(self) -> frozenset[str]:
        """What its rules need of a backend; see `Rule.needs`."""
        return frozenset().union(*(rule.needs for rule in self.used().values()))

    def used(self) -> dict[str, Rule]:
        """Return its rules, and those its transitions require."""
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
        Misconfigured: something in the settings makes no sense, or could never apply.
    """

    def __init__(self, settings: Settings, identify: Identify = lambda caller: None) -> None:
        self.identities = Identities(settings.identities, identify)
        self._settings = settings
        self._rules = {kind: rule() for kind, rule in KINDS.items() if rule.works_without_options()}
        self._rules |= {name: self._rule(name, table) for name, table in settings.rules.items()}
        self._profiles = {**PROFILES}
        for name, profile in settings.profiles.items():
            if name in PROFILES:
                sentence = f"the profile {name!r} is there already: give yours another name"
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
        """Return a group's policy: that of the first table with a pattern that matches its name."""
        for patterns, policy in self._policies:
            if any(fnmatchcase(group, pattern) for pattern in patterns):
                return policy
        return FREE

    def check_needs(self, offered: Iterable[str], place: str) -> None:
        """Raise if a rule needs an operation, or a word of `rules`, that is not offered; `place` names the backend.

        Raises:
            Misconfigured: the first such rule.
        """
        having = frozenset(offered)
        for number, (_, policy) in enumerate(self._policies):
            for name, rule in policy.used().items():
                lacking = sorted(rule.needs - having)
                if lacking:
                    why = _LACKING.get(lacking[0], f"it needs {lacking[0]}")
                    raise Misconfigured(f"the rule {name!r} cannot be kept on {place}: {why}", ("approval", number))

    def _rule(self, name: str, table: Mapping[str, object]) -> Rule:
        place: Place = ("rules", name)
        kind = table.get(TAG)
        if not isinstance(kind, str):
            raise Misconfigured(f'rule {name!r}: say which kind it is: {TAG} = "{next(iter(KINDS))}"', place)
        if kind not in KINDS:
            raise Misconfigured(f"rule {name!r}: there is no kind {kind!r}{suggestion(kind, KINDS)}", (*place, TAG))
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
            raise Misconfigured(f'{name}: no transition begins at "{NEW}", so no version could have a status', keys)
        stranded = profile.unreachable()
        if stranded is not None:
            raise Misconfigured(f"{name}: no transition leads to {stranded!r}", keys, stranded)
        return profile

    def _check_row(self, row: TransitionTable, place: Place, states: tuple[str, ...] | None) -> None:
        keys = (*place, "transitions")
        for state in (*_each(row.source), *_each(row.target)):
            if states is not None and state not in (NEW, *states):
                raise Misconfigured(
                    f"{place[-1]}: there is no status {state!r}{suggestion(state, states)}", keys, state
                )
            if states is None and state != NEW and state.count("/") != 1:
                sentence = f"{place[-1]}: {state!r} is not a state of a life cycle: write Stage/StageStatus"
                raise Misconfigured(sentence, keys, state)
        if NEW in _each(row.target):
            raise Misconfigured(f"{place[-1]}: nothing can become {NEW!r} again", keys, NEW)
        for name in row.requires:
            rule = self._known(name, keys)
            if states is None and not rule.of_life_cycle:
                sentence = f"{place[-1]}: the rule {name!r} is about approval, not about a life cycle"
                raise Misconfigured(sentence, keys, name)
            if not rule.of_transitions:
                sentence = f"{place[-1]}: the rule {name!r} judges every change: name it under [[approval]]"
                raise Misconfigured(sentence, keys, name)

    def _policy(self, number: int) -> Policy:
        table = self._settings.approval[number]
        place: Place = ("approval", number)
        if table.profile not in self._profiles:
            known = suggestion(table.profile, self._profiles)
            raise Misconfigured(f"there is no profile {table.profile!r}{known}", (*place, "profile"))
        if table.life_cycle and table.life_cycle not in self._life_cycles:
            known = suggestion(table.life_cycle, self._life_cycles)
            raise Misconfigured(f"there is no life cycle {table.life_cycle!r}{known}", (*place, "life_cycle"))
        rules = {name: self._known(name, (*place, "rules")) for name in table.rules}
        life_cycle = self._life_cycles[table.life_cycle] if table.life_cycle else None
        return Policy(self._profiles[table.profile], rules, life_cycle, self._rules)

    def _known(self, name: str, place: Place) -> Rule:
        if name in KINDS and name not in self._rules:
            raise Misconfigured(f'{name!r} needs options: [rules.NAME] {TAG} = "{name}" ...', place, name)
        if name not in self._rules:
            raise Misconfigured(f"there is no rule {name!r}{suggestion(name, self._rules)}", place, name)
        return self._rules[name]

    def _check_patterns(self) -> None:
        earlier: list[str] = []
        for number, table in enumerate(self._settings.approval):
            for pattern in table.groups:
                first = next((one for one in earlier if covers(one, pattern)), None)
                if first is not None:
                    sentence = f"{pattern!r} never applies: {first!r} comes first and fits every such group"
                    raise Misconfigured(sentence, ("approval", number, "groups"), pattern)
                if not meet(pattern.replace("*", "").replace("?", "a"), pattern) or len(pattern) > MAX_NAME:
                    raise Misconfigured(f"{pattern!r} fits no group", ("approval", number, "groups"), pattern)
            earlier += table.groups


_LACKING = {
    APPROVALS: "it keeps approvals with the version, in the transaction that changes it, and needs sqlite:// or "
    "postgresql:// for that",
    CALLERS: "it compares who registered a version with who asks: name those who ask under [identities], with the ARNs "
    "that CreatedBy shows",
    OBJECTS: "it looks into S3, and there is none beside it: serve the registry, or leave the rule out",
}


def covers(pattern: str, other: str) -> bool:
    """Whether a pattern matches everything that another matches, judging by a few of its names."""
    names = [other.replace("?", "~").replace("*", stand_in) for stand_in in ("", "~", "~" * MAX_NAME)]
    return all(fnmatchcase(name, pattern) for name in names)


def _each(states: str | tuple[str, ...]) -> tuple[str, ...]:
    return (states,) if isinstance(states, str) else states

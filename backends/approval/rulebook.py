"""The rulebook of a registry: which profile and rules each group obeys, compiled from registry.toml and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property

import msgspec
import msgspec.structs

from ..errors import Misconfigured, did_you_mean
from ..identities import Identify, Identities, meet
from ..service import model
from ..settings import MoveTable, ProfileTable, Settings
from .metrics import sources
from .profiles import NEW, PROFILES, STATES, Move, Profile
from .rules import CALLERS, KINDS, OBJECTS, Approvers, MetadataRequired, Metric, Only, Rule

Place = tuple[str | int, ...]

TAG = "is"
"""The key of a rule's table that says which kind it is."""

MAX_NAME = 63
"""Characters of a group's name: what a pattern can stand for."""


class Regime(msgspec.Struct, frozen=True, dict=True):
    """What the versions of a group obey: the moves of a profile, rules, and the moves of a life cycle, if it has one.

    `known` are all rules, by name, which moves may require.
    """

    profile: Profile
    rules: tuple[Rule, ...]
    life_cycle: Profile | None
    known: Mapping[str, Rule]

    @cached_property
    def is_free(self) -> bool:
        """Whether everything is allowed, as by AWS."""
        return self.profile is PROFILES["aws"] and not self.rules and self.life_cycle is None

    @cached_property
    def needs(self) -> frozenset[str]:
        """What its rules need of a backend; see `rules`."""
        return frozenset().union(*(rule.needs for rule in self.used()))

    def used(self) -> list[Rule]:
        """Return its rules, and those its moves require."""
        profiles = [self.profile] if self.life_cycle is None else [self.profile, self.life_cycle]
        required = [self.known[name] for profile in profiles for move in profile.moves for name in move.requires]
        return list({rule.name: rule for rule in (*self.rules, *required)}.values())

    def guarding(self, move: Move, target: str) -> list[Rule]:
        """Return the rules that guard an approval's move to a status: those it requires, then the group's."""
        own = [self.known[name] for name in move.requires]
        return list({rule.name: rule for rule in (*own, *(r for r in self.rules if r.guards(target)))}.values())


FREE = Regime(PROFILES["aws"], (), None, {})


class Rulebook:
    """The regimes of a registry's groups, and its identities.

    Args:
        settings: as registry.toml has them.
        identify: who knows callers that registry.toml does not.

    Raises:
        Misconfigured: something in the settings means nothing, or could never apply.
    """

    def __init__(self, settings: Settings, identify: Identify = lambda caller: None) -> None:
        self.identities = Identities(settings.identities, identify)
        self._settings = settings
        self._rules = {
            kind: Rule(kind, row, row.options()) for kind, row in KINDS.items() if not _required(row.options)
        }
        for name, table in settings.rules.items():
            self._rules[name] = self._rule(name, table)
        self._profiles = {**PROFILES, **self._compiled("profiles", settings.profiles, STATES)}
        self._life_cycles = self._compiled("life_cycles", settings.life_cycles, None)
        self._regimes = [(table.groups, self._regime(number)) for number, table in enumerate(settings.approval)]
        self.needs = frozenset[str]().union(*(regime.needs for _, regime in self._regimes))
        self._check_patterns()

    def regime(self, group: str) -> Regime:
        """Return what the versions of a group obey: by the first table whose pattern fits its name."""
        for patterns, regime in self._regimes:
            if any(fnmatchcase(group, pattern) for pattern in patterns):
                return regime
        return FREE

    def check_needs(self, offered: Iterable[str], place: str) -> None:
        """Refuse rules that need what a backend lacks.

        Args:
            offered: what it has: operations, and the words of `rules`.
            place: the backend, for the sentence.

        Raises:
            Misconfigured: the first such rule.
        """
        having = frozenset(offered)
        for number, (_, regime) in enumerate(self._regimes):
            for rule in regime.used():
                lacking = sorted(rule.needs - having)
                if lacking:
                    why = _LACKING.get(lacking[0], f"it needs {lacking[0]}")
                    raise Misconfigured(
                        f"the rule {rule.name!r} cannot be kept on {place}: {why}", ("approval", number)
                    )

    def _rule(self, name: str, table: Mapping[str, object]) -> Rule:
        place: Place = ("rules", name)
        kind = table.get(TAG)
        if not isinstance(kind, str):
            raise Misconfigured(f'rule {name!r}: say which kind it is: {TAG} = "{next(iter(KINDS))}"', place)
        if kind not in KINDS:
            raise Misconfigured(f"rule {name!r}: there is no kind {kind!r}{_or(kind, KINDS)}", (*place, TAG))
        try:
            options = msgspec.convert(table, KINDS[kind].options)
        except msgspec.ValidationError as error:
            from ..settings import misread

            raise misread(error, KINDS[kind].options, place) from error
        self._check_options(options, place)
        return Rule(name, KINDS[kind], options)

    def _check_options(self, options: object, place: Place) -> None:
        """Refuse options that their types allow, and that mean nothing."""
        for key, known in WORDS.items():
            for word in _each(getattr(options, key, None) or ()):
                if word.partition(".")[0] not in known and word not in known:
                    raise Misconfigured(f"{place[-1]}: there is no {word!r}{_or(word, known)}", (*place, key), word)
        if isinstance(options, MetadataRequired) and not (options.keys or options.members):
            raise Misconfigured(f"{place[-1]}: name the keys or the members it must have", place)
        if isinstance(options, Metric) and options.min is None and options.max is None:
            raise Misconfigured(f"{place[-1]}: give min or max, or every number will do", place)
        if isinstance(options, Only | Approvers):
            self.identities.check(options.who, (*place, "who"))

    def _compiled(
        self, kind: str, tables: Mapping[str, ProfileTable], states: tuple[str, ...] | None
    ) -> dict[str, Profile]:
        return {name: self._profile((kind, name), table, states) for name, table in tables.items()}

    def _profile(self, place: Place, table: ProfileTable, states: tuple[str, ...] | None) -> Profile:
        kind, name = str(place[0]), str(place[1])
        if kind == "profiles" and name in PROFILES:
            raise Misconfigured(f"the profile {name!r} is there already: give yours another name", place)
        for row in table.moves:
            self._check_row(row, place, states)
        moves = tuple(
            Move(source, target, row.requires, row.note)
            for row in table.moves
            for source in _each(row.source)
            for target in _each(row.target)
        )
        profile = Profile(name, moves, table.note)
        if not any(move.source == NEW for move in moves):
            raise Misconfigured(
                f'{name}: no move begins at "{NEW}", so no version could have a status', (*place, "moves")
            )
        stranded = profile.unreachable()
        if stranded is not None:
            raise Misconfigured(f"{name}: no move leads to {stranded!r}", (*place, "moves"), stranded)
        return profile

    def _check_row(self, row: MoveTable, place: Place, states: tuple[str, ...] | None) -> None:
        moves = (*place, "moves")
        for state in (*_each(row.source), *_each(row.target)):
            if states is not None and state not in (NEW, *states):
                raise Misconfigured(f"{place[-1]}: there is no status {state!r}{_or(state, states)}", moves, state)
            if states is None and state != NEW and state.count("/") != 1:
                sentence = f"{place[-1]}: {state!r} is not a state of a life cycle: write Stage/StageStatus"
                raise Misconfigured(sentence, moves, state)
        if NEW in _each(row.target):
            raise Misconfigured(f"{place[-1]}: nothing can become {NEW!r} again", moves, NEW)
        for name in row.requires:
            rule = self._known(name, moves)
            if states is None and not rule.kind.of_life_cycle:
                sentence = f"{place[-1]}: the rule {name!r} is about approval, not about a life cycle"
                raise Misconfigured(sentence, moves, name)
            if not rule.kind.of_moves:
                sentence = f"{place[-1]}: the rule {name!r} judges every change: name it under [[approval]]"
                raise Misconfigured(sentence, moves, name)

    def _regime(self, number: int) -> Regime:
        table = self._settings.approval[number]
        place: Place = ("approval", number)
        if table.profile not in self._profiles:
            known = _or(table.profile, self._profiles)
            raise Misconfigured(f"there is no profile {table.profile!r}{known}", (*place, "profile"))
        if table.life_cycle and table.life_cycle not in self._life_cycles:
            known = _or(table.life_cycle, self._life_cycles)
            raise Misconfigured(f"there is no life cycle {table.life_cycle!r}{known}", (*place, "life_cycle"))
        rules = tuple(self._known(name, (*place, "rules")) for name in table.rules)
        life_cycle = self._life_cycles[table.life_cycle] if table.life_cycle else None
        return Regime(self._profiles[table.profile], rules, life_cycle, self._rules)

    def _known(self, name: str, place: Place) -> Rule:
        if name in KINDS and name not in self._rules:
            raise Misconfigured(f'{name!r} needs options: [rules.NAME] {TAG} = "{name}" ...', place, name)
        if name not in self._rules:
            raise Misconfigured(f"there is no rule {name!r}{_or(name, self._rules)}", place, name)
        return self._rules[name]

    def _check_patterns(self) -> None:
        """Refuse patterns of groups that never get their turn."""
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


_MEMBERS = tuple(model.members(model.output_shape("DescribeModelPackage")))

WORDS: Mapping[str, Sequence[str]] = {
    "on": STATES,
    "status": STATES,
    "may_change": _MEMBERS,
    "members": _MEMBERS,
    "source": sources(),
}
"""Options whose values are words of the service model, or begin with one and a dot."""

_LACKING = {
    "approvals": "it keeps approvals with the version, in the transaction that changes it, and needs sqlite:// or "
    "postgresql:// for that",
    CALLERS: "it compares who registered a version with who asks: name those who ask under [identities], with the ARNs "
    "that CreatedBy shows",
    OBJECTS: "it looks into S3, and there is none beside it: serve the registry, or leave the rule out",
}


def covers(pattern: str, other: str) -> bool:
    """Whether a pattern fits everything that another fits, as far as a few of its names show."""
    names = [other.replace("?", "~").replace("*", stand_in) for stand_in in ("", "~", "~" * MAX_NAME)]
    return all(fnmatchcase(name, pattern) for name in names)


def _required(options: type[msgspec.Struct]) -> bool:
    """Whether a kind of rule means nothing without options."""
    return any(field.required for field in msgspec.structs.fields(options)) or options is MetadataRequired


def _each(states: str | tuple[str, ...]) -> tuple[str, ...]:
    return (states,) if isinstance(states, str) else states


def _or(word: str, known: Iterable[str]) -> str:
    """Return what a word was meant to be, else what there is."""
    names = [*known]
    return did_you_mean(word, names) or f": there is {', '.join(names) or 'none'}"

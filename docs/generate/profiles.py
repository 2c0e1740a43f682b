"""The page Profiles and rules, from PROFILES and KINDS."""

from __future__ import annotations

from typing import Final

from msgspec import inspect

from sagemaker_registry.backends.approval.profiles import NEW, PROFILES, STATES, Profile
from sagemaker_registry.backends.approval.rule import TAG, Rule
from sagemaker_registry.backends.approval.rules import KINDS

from . import examples, types
from .markdown import code, docstring, link, prose, sentence, table
from .markdown import page as page_of
from .settings import invalid

ON: Final = "on"
"""The parameter of every rule; `Rule` describes it."""


def page() -> str:
    contents = [
        f"- Profiles: {', '.join(link(f'`{name}`') for name in PROFILES)}",
        f"- Rules: {', '.join(link(f'`{kind}`') for kind in KINDS)}",
    ]
    profiles = [_profile(profile) for profile in PROFILES.values()]
    return page_of(
        "profiles-and-rules", "\n".join(contents), PROFILES_TEXT, *profiles, _rules(), *map(_rule, KINDS.values())
    )


PROFILES_TEXT = f"""## Profiles

A profile is a table of allowed transitions. Registering a version is a transition from `{NEW}`. A change that repeats
the status is a transition as well. A transition without a row is rejected with `ConflictException`; at registration,
with `ValidationException`. Define your own under [`[profiles.NAME]`](settings.md#profilesname)."""


def _profile(profile: Profile) -> str:
    rows = [[f"`{source}`", *(_cell(profile, source, state) for state in STATES)] for source in (NEW, *STATES)]
    heads = ["from \\ to", *(f"`{state}`" for state in STATES)]
    return "\n\n".join(
        [f"### `{profile.name}`", prose(profile.note), code(diagram(profile), "mermaid"), table(heads, rows)]
    )


def diagram(profile: Profile) -> str:
    """Return a profile as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for row in profile.transitions:
        source = "[*]" if row.source == NEW else row.source
        lines.append(f"    {source} --> {row.target}{' : ' if row.requires else ''}{', '.join(row.requires)}")
    return "\n".join(lines)


def _cell(profile: Profile, source: str, target: str) -> str:
    row = profile.transition(source, target)
    if row is None:
        return "rejected"
    required = ", ".join(f"{link(f'`{name}`')}" for name in row.requires)
    return "; ".join(filter(None, ["yes" + (f", requires {required}" if required else ""), row.note]))


def _rules() -> str:
    rows = [[link(f"`{kind}`"), prose(sentence(rule.__doc__ or "")), _guards(rule)] for kind, rule in KINDS.items()]
    return "\n\n".join(
        [
            "## Rules",
            f"`{TAG}` in [`[rules.NAME]`](settings.md#rulesname) is the kind of a rule. A kind without required "
            "parameters can be used under its own name, without a table. A table under the name of a kind, such as "
            "`[rules.reason-required]`, replaces the kind wherever it is named.",
            f"Every rule takes `{ON}`, an array of approval statuses. It replaces those in the column “applies to”.",
            table(["kind", "requirement", "applies to"], rows),
        ]
    )


def _guards(rule: type[Rule]) -> str:
    if not rule.of_transitions:
        return "every change"
    return f"transitions to {' and '.join(f'`{state}`' for state in rule.guarded)}"


def _rule(rule: type[Rule]) -> str:
    example = examples.of_rules()[rule.kind()]
    rows = [_parameter(field) for field in parameters(rule)]
    shown = table(["parameter", "type", "default"], rows) if rows else "No parameters."
    return "\n\n".join(
        [
            f"### `{rule.kind()}`",
            docstring(rule),
            shown,
            code(example.valid, 'toml title="registry.toml"'),
            invalid(example),
        ]
    )


def parameters(rule: type[Rule]) -> list[inspect.Field]:
    """Return the parameters of a rule, without `on`."""
    found = inspect.type_info(rule)
    return [field for field in getattr(found, "fields", ()) if field.name != ON]


def _parameter(field: inspect.Field) -> list[str]:
    default = "required" if field.required else types.default(field) or "none"
    return [f"`{field.encode_name}`", types.described(field.type), default]

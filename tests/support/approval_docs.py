"""Generate the diagrams and tables of profiles, and the table of rules, in docs/reference/profiles-and-rules.md.

`python tests/support/approval_docs.py` rewrites the page; a test fails when that is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sagemaker_registry.backends.approval.profiles import NEW, PROFILES, STATES, Profile
from sagemaker_registry.backends.approval.rules import KINDS, Rule

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "profiles-and-rules.md"
PART = re.compile(r"(<!-- generated: (?P<name>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def page() -> str:
    """Return the page with its generated parts as they should be."""
    text = PAGE.read_text(encoding="utf-8")
    return PART.sub(lambda found: found[1] + PARTS[found["name"]]() + found[3], text)


def profiles() -> str:
    return "\n".join(line for profile in PROFILES.values() for line in _profile(profile))


def _profile(profile: Profile) -> Iterator[str]:
    yield f"### {profile.name}\n\n{profile.note}\n"
    yield f"```mermaid\n{diagram(profile)}\n```\n"
    yield f"| from | {' | '.join(STATES)} |\n|---|{'---|' * len(STATES)}"
    for source in (NEW, *STATES):
        yield f"| {source} | {' | '.join(_cell(profile, source, target) for target in STATES)} |"
    yield ""


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
        return "refused"
    return "; ".join(filter(None, [f"yes, `{'`, `'.join(row.requires)}`" if row.requires else "yes", row.note]))


def rules() -> str:
    lines = ["| `is` | what it demands | options (with their defaults) | guards transitions to |", "|---|---|---|---|"]
    return "\n".join([*lines, *(_row(rule) for rule in KINDS.values()), ""])


def _row(rule: type[Rule]) -> str:
    demand = " ".join((rule.__doc__ or "").split())
    guards = " and ".join(rule.guarded) if rule.of_transitions else "every change"
    return f"| `{rule.kind()}` | {demand} | {', '.join(_options(rule)) or 'none'} | {guards} |"


def _options(rule: type[Rule]) -> Iterator[str]:
    for field in msgspec.structs.fields(rule):
        if field.name == "on":
            continue
        if field.required:
            yield f"`{field.name}`"
        else:
            shown = [*field.default] if isinstance(field.default, tuple) else field.default
            yield f"`{field.name}` ({msgspec.json.encode(shown).decode() if shown is not None else 'none'})"


PARTS = {"profiles": profiles, "rules": rules}

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

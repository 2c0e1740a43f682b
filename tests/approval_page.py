"""The generated parts of docs/approval.md: profiles as pictures and tables, rules as a table, drawn from the rows.

`python tests/approval_page.py` writes them anew; a test says when that is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sagemaker_registry.backends.approval.profiles import NEW, PROFILES, STATES, Profile, diagram
from sagemaker_registry.backends.approval.rules import KINDS, Kind, Options

PAGE = Path(__file__).parents[1] / "docs" / "approval.md"
PART = re.compile(r"(<!-- generated: (?P<name>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def page() -> str:
    """Return the page as it should be: its prose as it is, its generated parts from the rows."""
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


def _cell(profile: Profile, source: str, target: str) -> str:
    move = profile.move(source, target)
    if move is None:
        return "refused"
    return "; ".join(filter(None, [f"yes, `{'`, `'.join(move.requires)}`" if move.requires else "yes", move.note]))


def rules() -> str:
    lines = ["| `is` | what it demands | options (with their defaults) | guards moves to |", "|---|---|---|---|"]
    return "\n".join([*lines, *(_row(kind) for kind in KINDS.values()), ""])


def _row(kind: Kind) -> str:
    demand = " ".join((kind.options.__doc__ or "").split())
    guards = " and ".join(kind.on) if kind.of_moves else "every change"
    return f"| `{kind.name}` | {demand} | {', '.join(_options(kind.options)) or 'none'} | {guards} |"


def _options(options: type[Options]) -> Iterator[str]:
    for field in msgspec.structs.fields(options):
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

"""The page Extension API and events, from the OpenAPI document, the metrics and the faults."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sagemaker_registry.backends import settings
from sagemaker_registry.backends.local.extensions import EXTENSIONS
from sagemaker_registry.backends.testing import controlled, faults
from sagemaker_registry.emulator.api import openapi
from sagemaker_registry.emulator.api.metrics import Metrics
from sagemaker_registry.emulator.routes import EXTENSION_PREFIX

from .markdown import INTROS, anchor, code, link, table
from .markdown import page as page_of

FAULTS: Final[Mapping[str, str]] = {
    "throttling": "Fails with `ThrottlingException` (400), which SDKs retry.",
    "unavailable": "Fails with `ServiceUnavailable` (503).",
    "failure": "Fails with `InternalFailure` (500).",
    "conflict": "Fails with `ConflictException` (400).",
    "latency": "Responds after `seconds`.",
    "answer-lost": "Does what was requested, then closes the connection without a response.",
    "stale-list": "Leaves resources out of lists and Search that are newer than `seconds`.",
    "validation-fails": "Registers the version; its validation ends with the status `Failed`.",
}

SECTIONS: Final[Mapping[str, frozenset[str]]] = {
    "Registry": frozenset(EXTENSIONS),
    "Test control": frozenset(controlled.EXTENSIONS),
}


def document() -> dict[str, Any]:
    """Return the OpenAPI document of a server with every extension."""
    rows = {**EXTENSIONS, **controlled.EXTENSIONS}
    return openapi.document({name: row.writes for name, row in rows.items()})


def page() -> str:
    found = document()
    paths = {path.removeprefix(f"{EXTENSION_PREFIX}/"): methods for path, methods in found["paths"].items()}
    known = frozenset().union(*SECTIONS.values())
    sections = {"Server": frozenset(paths) - known, **SECTIONS}
    parts = [_contents(paths, sections)]
    for title, names in sections.items():
        parts.append(f"## {title}")
        if title == "Test control":
            parts.append(TEST_CONTROL)
        parts += [_path(name, methods) for name, methods in paths.items() if name in names]
    events = (INTROS / "events.md").read_text(encoding="utf-8")
    return page_of("extension-api", *parts, _faults(), _metrics(), events, *_objects(found["components"]["schemas"]))


TEST_CONTROL: Final = (
    "Available for a registry in memory, and with `serve --test-controls`. A gateway, such as `aws://`, offers only "
    "faults and recorded requests."
)


def _contents(paths: Mapping[str, Any], sections: Mapping[str, frozenset[str]]) -> str:
    rows = [
        [link(f"`{name}`"), _methods(methods), _summary(methods), title]
        for title, names in sections.items()
        for name, methods in paths.items()
        if name in names
    ]
    return table(["path", "methods", "purpose", "section"], rows)


def _methods(methods: Mapping[str, Any]) -> str:
    return ", ".join(method.upper() for method in methods)


def _summary(methods: Mapping[str, Any]) -> str:
    return str(next(iter(methods.values()))["summary"])


def _path(name: str, methods: Mapping[str, Any]) -> str:
    operation = next(iter(methods.values()))
    parts = [f"### `{name}`", operation["summary"], code(f"{_methods(methods)} {EXTENSION_PREFIX}/{name}")]
    rows = list(_parameters(name))
    if rows:
        parts.append(table(["parameter", "type", "default", "meaning"], rows))
    media = operation["responses"]["200"]["content"]
    (kind,) = media
    shown = _type(media[kind]["schema"]) if "json" in kind else f"text (`{kind}`)"
    parts.append(f"Response: {shown}.")
    return "\n\n".join(parts)


def _parameters(name: str) -> Iterator[list[str]]:
    row = openapi.row_of(name)
    schema = openapi.parameters(name, row.params, {}) if row is not None else {}
    for parameter, one in schema.get("properties", {}).items():
        is_required = parameter in schema.get("required", ())
        default = one.get("default")
        shown = "required" if is_required else "" if default is None else f"`{json.dumps(default)}`"
        yield [f"`{parameter}`", _type(one).removesuffix(" or null"), shown, one["description"]]


def _faults() -> str:
    rows = [[f"`{kind}`", FAULTS[kind], _only(kind)] for kind in faults.KINDS]
    return "\n\n".join(
        ["## Kinds of faults", "Values of `kind` in `faults/add`:", table(["kind", "effect", "operations"], rows)]
    )


def _only(kind: str) -> str:
    only = {"stale-list": "`List...` and `Search`", "validation-fails": "`CreateModelPackage`"}
    return only.get(kind, "all") if kind in faults.ONLY else "all"


def metrics() -> list[tuple[str, str, str]]:
    """Return the name, type and help of each metric, as the server shows them."""
    shown = Metrics()
    shown.note("DescribeModelPackage", "ok", 0.1)
    text = shown.text()
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    return [(name, kinds[name], said) for name, said in re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE)]


def _metrics() -> str:
    rows = [[f"`{name}`", kind, said] for name, kind, said in metrics()]
    text = f"`GET {EXTENSION_PREFIX}/metrics` returns these metrics in the text format of Prometheus."
    return "\n\n".join(["## Names of metrics", text, table(["metric", "type", "meaning"], rows)])


def _objects(schemas: Mapping[str, Any]) -> Iterator[str]:
    yield "## Objects"
    for name, schema in schemas.items():
        if name.endswith("Parameters") or hasattr(settings, name) or not schema.get("properties"):
            continue
        required = schema.get("required", ())
        rows = [
            [f"`{member}`{'' if member in required else ' (optional)'}", _type(one)]
            for member, one in schema["properties"].items()
        ]
        parts = [f"### {_object(name)}", _description(schema), table(["member", "type"], rows)]
        yield "\n\n".join(filter(None, parts))


def _object(name: str) -> str:
    """Return the heading of an object, which differs from that of an extension of the same name."""
    return f"Object `{name}`"


def _description(schema: Mapping[str, Any]) -> str:
    text = schema.get("description", "").split("\n\nRaises:")[0]
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _type(schema: Mapping[str, Any]) -> str:
    """Return a JSON schema in words."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(openapi.REFERENCE)
        if name == "Empty":
            return "empty object"
        return f"[`{name}`]({f'#{anchor(_object(name))}' if not hasattr(settings, name) else 'settings.md'})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    kind = schema.get("type", "any value")
    if kind == "array":
        return f"array of {_type(schema.get('items', {}))}"
    limits = {
        "minimum": "at least",
        "maximum": "at most",
        "minLength": "length at least",
        "maxLength": "length at most",
    }
    found = [f"{words} {schema[limit]}" for limit, words in limits.items() if limit in schema]
    pattern = [f"matches `{schema['pattern']}`"] if "pattern" in schema else []
    return ", ".join([kind, *found, *pattern])

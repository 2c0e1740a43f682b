"""The OpenAPI document of the extension API, built from the tables of extensions when it is first requested."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

import msgspec

from ...backends.base import Empty, Extension
from ...backends.local.extensions import EXTENSIONS
from ...backends.testing.controlled import EXTENSIONS as TEST_CONTROLS
from ..routes import EXTENSION_PREFIX
from .metrics import CONTENT_TYPE
from .schemas import RESPONSES

Json = dict[str, Any]

REFERENCE: Final = "#/components/schemas/"
OPEN: Final = ("health", "ready")
"""Paths that never require a signature."""
OWN: Final = (*OPEN, "info")
"""Paths of the server itself, which exist in front of every registry."""

PARAMETERS: Final[Mapping[str, str]] = {
    # name, or extension:name where a name has another meaning
    "account": "An account ID.",
    "actor": "A pattern (`*`, `?`) of the ARN of the caller, or of the name at its end.",
    "after": "Only events after this position.",
    "approval": "Only versions with this approval status.",
    "arn": "The version: its ARN, or GROUP/N.",
    "at": "The moment: ISO 8601 or epoch seconds; now by default.",
    "before": "Only entries before this position.",
    "count": "The number of requests that are affected; unlimited by default.",
    "dry_run": "Only report what an import would do.",
    "every": "With `on`: also events of versions that had the status before.",
    "first_line": "The number of the first line in its file, for error messages.",
    "follow": "Wait up to 20 seconds for the next event.",
    "group": "A group: its name, its ARN, or GROUP/N for one version.",
    "events:group": "A group: its name, its ARN, a pattern (`*`, `?`), or GROUP/N for one version.",
    "events/replay:group": "A group: its name, its ARN, a pattern (`*`, `?`), or GROUP/N for one version.",
    "reset:group": "A group, or an unversioned model package.",
    "groups": "Patterns (`*`, `?`) of groups; all by default.",
    "seed:groups": "The groups, each with its versions.",
    "id": "The ID of an event.",
    "identity": "The person who would decide: a name, an ARN or an access key ID; the caller by default.",
    "kind": "The kind of fault.",
    "lines": "The lines of an archive, as JSON objects.",
    "max_results": "The maximum size of a page.",
    "message": "The error message; by default that of the kind.",
    "moment": "ISO 8601 or epoch seconds; a date alone is the end of that day, in UTC.",
    "name": "The name of a snapshot; `start` is the state when the server started.",
    "next_token": "The token of the previous page.",
    "number": "The number of a fault; all by default.",
    "on": "Only events of versions that got this approval status.",
    "operation": "An operation of AWS, such as UpdateModelPackage.",
    "faults/add:operation": "A pattern (`*`, `?`) of operations.",
    "order": "The order of the results.",
    "rate": "The share of requests that are affected.",
    "reason": "The reason of the decision, stored as ApprovalDescription.",
    "region": "An AWS region.",
    "replace": "Overwrite resources that exist with other content.",
    "rev": "The revision that the decision is about; it fails with ConflictException if the version has another one.",
    "seconds": "Seconds to move the clock forward.",
    "faults/add:seconds": "The delay of `latency`, or the age of a `stale-list`.",
    "since": "Only from this moment on: ISO 8601 or epoch seconds.",
    "calls:since": "Only requests after the one with this number.",
    "sink": "The name of an event target.",
    "state": "Only deliveries in this state.",
    "status": "The new approval status.",
    "until": "Only up to this moment: ISO 8601 or epoch seconds; a date alone includes the day.",
    "version": "The number of a version.",
}

ERROR: Final[Json] = {
    "type": "object",
    "description": "An error in AWS's format: the code, and a sentence as `message` or `Message`.",
    "properties": {"__type": {"type": "string"}, "message": {"type": "string"}, "Message": {"type": "string"}},
    "required": ["__type"],
}


def document(extensions: Mapping[str, bool]) -> Json:
    """Return the document for a server with these extensions, each with whether it writes."""
    components: Json = {"Error": ERROR}
    paths: Json = {f"{EXTENSION_PREFIX}/{name}": {"get": _get(name, Empty, components)} for name in OWN}
    paths |= {
        f"{EXTENSION_PREFIX}/openapi.json": {"get": _own("openapi.json", "Return this document.", "application/json")},
        f"{EXTENSION_PREFIX}/metrics": {"get": _own("metrics", "Return metrics for Prometheus.", CONTENT_TYPE)},
    }
    for name, writes in extensions.items():
        paths[f"{EXTENSION_PREFIX}/{name}"] = _path(name, writes, components)
    found = {
        "openapi": "3.1.0",
        "info": {
            "title": "sagemaker-registry extension API",
            "version": version("sagemaker-registry"),
            "description": "Features of this registry beyond the API of Amazon SageMaker. Requests apply to the "
            "account and region of the signature.",
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS Signature Version 4 for the service `sagemaker`. Only servers that were "
                    "started with --credentials verify it.",
                }
            },
        },
        "security": [{}, {"sigv4": []}],
    }
    decoded: Json = msgspec.json.decode(msgspec.json.encode(found))  # defaults are tuples
    return decoded


def row_of(name: str) -> Extension | None:
    """Return the row of an extension; None for one of a third-party backend."""
    return EXTENSIONS.get(name) or TEST_CONTROLS.get(name)


def meaning(name: str, parameter: str) -> str:
    """Return the description of a parameter of an extension."""
    return PARAMETERS.get(f"{name}:{parameter}") or PARAMETERS.get(parameter, "")


def parameters(name: str, params: type[msgspec.Struct], components: Json) -> Json:
    """Return the schema of an extension's parameters, with their descriptions; put those that it refers to aside."""
    ((reference,), found) = msgspec.json.schema_components([params], ref_template=REFERENCE + "{name}")
    schema: Json = found.pop(reference["$ref"].removeprefix(REFERENCE))
    components |= found
    for parameter, one in schema.get("properties", {}).items():
        one["description"] = meaning(name, parameter)
    return schema


def _path(name: str, writes: bool, components: Json) -> Json:
    row = row_of(name)
    post = _operation("post", name, components)
    if row is None:
        post["requestBody"] = {"content": {"application/json": {"schema": {"type": "object"}}}}
    elif row.params is not Empty:
        post["requestBody"] = _body(name, row.params, components)
    return {"post": post} if writes else {"get": _get(name, row.params if row else Empty, components), "post": post}


def _get(name: str, params: type[msgspec.Struct], components: Json) -> Json:
    schema = parameters(name, params, {})
    required = schema.get("required", ())
    query = [
        {
            "name": parameter,
            "in": "query",
            "required": parameter in required,
            "description": one.pop("description"),
            "schema": one,
        }
        for parameter, one in schema.get("properties", {}).items()
        if not _is_nested(one)
    ]
    operation = _operation("get", name, components)
    if name in OPEN:
        operation["security"] = []
    return {**operation, **({"parameters": query} if query else {})}


def _operation(method: str, name: str, components: Json) -> Json:
    found = RESPONSES.get(name)
    schema = {} if found is None else _referenced(found.response, components)
    return {
        "operationId": f"{method}_{name.replace('/', '_').replace('-', '_')}",
        "summary": found.summary if found else f"The extension {name} of this backend.",
        "responses": {
            "200": _content("The result.", schema),
            "default": _content("An error.", {"$ref": f"{REFERENCE}Error"}),
        },
    }


def _own(name: str, summary: str, content_type: str) -> Json:
    kind = "object" if content_type == "application/json" else "string"
    operation = _operation("get", name, {}) | {"summary": summary}
    operation["responses"]["200"] = _content("The result.", {"type": kind}, content_type)
    return operation


def _body(name: str, params: type[msgspec.Struct], components: Json) -> Json:
    title = "".join(word.capitalize() for word in name.replace("/", "-").split("-")) + "Parameters"
    components[title] = parameters(name, params, components)
    body = {"content": {"application/json": {"schema": {"$ref": REFERENCE + title}}}}
    return {**body, "required": True} if components[title].get("required") else body


def _referenced(response: Any, components: Json) -> Json:
    ((schema,), found) = msgspec.json.schema_components([response], ref_template=REFERENCE + "{name}")
    components |= found
    return schema


def _content(description: str, schema: Json, content_type: str = "application/json") -> Json:
    return {"description": description, "content": {content_type: {"schema": schema}}}


def _is_nested(schema: Json) -> bool:
    """Whether a parameter cannot be sent in a query string."""
    kinds = [schema, *schema.get("anyOf", ())]
    return any(one.get("type") in ("array", "object") for one in kinds)

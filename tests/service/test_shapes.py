"""The registry reads the service model as botocore does."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from sagemaker_registry.backends.service import model

Pair = tuple[Any, Any]


def pairs(ours: Any, botocores: Any, seen: set[str]) -> list[Pair]:
    """Return pairs of our shape and botocore's, with all nested shapes, each name once."""
    if ours.name in seen:
        return []
    seen.add(ours.name)
    found: list[Pair] = [(ours, botocores)]
    if ours.type_name == "structure":
        for name, member in ours.members.items():
            found += pairs(member, botocores.members[name], seen)
    for inner in {"list": ("member",), "map": ("key", "value")}.get(ours.type_name, ()):
        found += pairs(getattr(ours, inner), getattr(botocores, inner), seen)
    return found


def facts(shape: Any) -> dict[str, Any]:
    limits = {name: shape.metadata.get(name) for name in ("min", "max", "pattern", "enum", "exception")}
    is_structure = shape.type_name == "structure"
    return {
        "name": shape.name,
        "type": shape.type_name,
        **limits,
        "members": list(shape.members) if is_structure else [],
        "required": list(shape.required_members) if is_structure else [],
    }


def test_every_shape_equals_the_shape_of_botocore() -> None:
    seen: set[str] = set()
    assert model.shapes().operations == set(model.service().operation_names)
    for operation in model.service().operation_names:
        botocores = model.service().operation_model(operation)
        for ours, other in (
            (model.input_shape(operation), botocores.input_shape),
            (model.output_shape(operation), botocores.output_shape),
        ):
            assert (ours is None) == (other is None)
            for one, another in pairs(ours, other, seen) if ours is not None else ():
                assert facts(one) == facts(another)
    assert len(seen) > 3000


def test_the_message_member_of_an_error_is_the_one_of_botocore() -> None:
    modelled = {shape.name: next(iter(shape.members)) for shape in model.service().error_shapes}
    assert {code: model.error_member(code) for code in modelled} == modelled
    assert model.error_member("ValidationException") == model.error_member("Tag") == "message"


def test_a_custom_service_model_takes_precedence(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ".aws" / "models" / model.SERVICE / "2030-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(
        '{"metadata": {}, "operations": {"Own": {"name": "Own", "input": {"shape": "In"}}},'
        ' "shapes": {"In": {"type": "structure", "members": {}}}}'
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    script = (
        "from sagemaker_registry.backends.service import model\n"
        "print(sorted(model.shapes().operations), model.input_shape('Own'))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["['Own']", "<Shape", "In:", "structure>"]

"""The first calls of a server, made at once, are answered like all that follow: what is built then is seen whole."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from sagemaker_registry.backends.service import constraints, model, projection, wire
from sagemaker_registry.backends.service.shapes import Shapes

ROUNDS = 60
AT_ONCE = 4

MEMBERS = [f"Member{number:02}" for number in range(40)]
WIDE = {
    "operations": {"Tell": {"input": {"shape": "Told"}, "output": {"shape": "Told"}}},
    "shapes": {
        "Told": {"type": "structure", "members": {name: {"shape": "Text"} for name in MEMBERS}},
        "Text": {"type": "string", "max": 3},
    },
}
TOLD = dict.fromkeys(MEMBERS, "abc")
TOO_LONG = dict.fromkeys(MEMBERS, "abcd")

CONTAINERS = {"InferenceSpecification": {"Containers": [{"Image": "churn:1"}]}}


@pytest.fixture(autouse=True)
def threads_that_give_way_often() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def at_once(ask: Callable[[], Any]) -> list[Any]:
    """Return what several threads are answered that ask in the same moment."""
    ready, answers = threading.Barrier(AT_ONCE), []

    def run() -> None:
        ready.wait()
        answers.append(ask())

    threads = [threading.Thread(target=run) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def wide() -> Any:
    """Return a structure nobody has asked for anything yet."""
    return Shapes(orjson.dumps(WIDE)).named("Told")


def test_the_first_answers_have_every_member() -> None:
    for _ in range(ROUNDS):
        project = projection.projection_of(wide())
        assert at_once(lambda project=project: project(TOLD)) == [TOLD] * AT_ONCE


def test_the_first_requests_are_held_against_every_constraint() -> None:
    for _ in range(ROUNDS):
        shape = wide()
        holds, check = constraints._holds(shape), constraints.checker(shape)
        assert holds is not None
        assert at_once(lambda holds=holds: holds(TOO_LONG)) == [False] * AT_ONCE
        sentences = at_once(lambda check=check: list(check(TOO_LONG, "")))
        assert [len(said) for said in sentences] == [len(MEMBERS)] * AT_ONCE


def test_the_first_requests_are_read_with_every_member() -> None:
    for _ in range(ROUNDS):
        read = wire._shape_reader(wide())
        assert at_once(lambda read=read: read(TOLD, "")) == [TOLD] * AT_ONCE


def test_the_first_requests_show_the_containers_that_are_nested_in_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def containers() -> list[dict[str, Any]]:
        named = "ModelPackageContainerDefinition"
        return list(model.structures("CreateModelPackage", CONTAINERS, named, of_input=True))

    for _ in range(ROUNDS):
        monkeypatch.setattr(model, "_REACHABLE", {})
        assert at_once(containers) == [[{"Image": "churn:1"}]] * AT_ONCE


def test_what_shapes_that_contain_each_other_can_hold_is_known_of_each() -> None:
    described = {
        "Folder": {"type": "structure", "members": {"Files": {"shape": "Files"}, "Owner": {"shape": "Owner"}}},
        "Files": {"type": "list", "member": {"shape": "File"}},
        "File": {"type": "structure", "members": {"Folder": {"shape": "Folder"}}},
        "Owner": {"type": "structure", "members": {}},
    }
    shapes = Shapes(orjson.dumps({"operations": {}, "shapes": described}))
    assert [model._reachable(shapes.named(name)) for name in ("Folder", "File", "Owner")] == [
        {"Folder", "Files", "File", "Owner"},
        {"Folder", "Files", "File", "Owner"},
        {"Owner"},
    ]

"""Concurrent first calls to a server get complete results while caches are being built."""

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
THREADS = 4

MEMBERS = [f"Member{number:02}" for number in range(40)]
WIDE = {
    "operations": {"Tell": {"input": {"shape": "Told"}, "output": {"shape": "Told"}}},
    "shapes": {
        "Told": {"type": "structure", "members": {name: {"shape": "Text"} for name in MEMBERS}},
        "Text": {"type": "string", "max": 3},
    },
}
VALID = dict.fromkeys(MEMBERS, "abc")
TOO_LONG = dict.fromkeys(MEMBERS, "abcd")

CONTAINERS = {"InferenceSpecification": {"Containers": [{"Image": "churn:1"}]}}


@pytest.fixture(autouse=True)
def frequent_thread_switches() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def concurrently(call: Callable[[], Any]) -> list[Any]:
    """Return the results of several threads that call a function at the same moment."""
    ready, answers = threading.Barrier(THREADS), []

    def run() -> None:
        ready.wait()
        answers.append(call())

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def wide() -> Any:
    """Return a structure without any cached results."""
    return Shapes(orjson.dumps(WIDE)).named("Told")


def test_the_first_responses_have_every_member() -> None:
    for _ in range(ROUNDS):
        project = projection.projection_of(wide())
        assert concurrently(lambda project=project: project(VALID)) == [VALID] * THREADS


def test_the_first_requests_are_checked_against_every_constraint() -> None:
    for _ in range(ROUNDS):
        shape = wide()
        holds, check = constraints._holds(shape), constraints.checker(shape)
        assert holds is not None
        assert concurrently(lambda holds=holds: holds(TOO_LONG)) == [False] * THREADS
        sentences = concurrently(lambda check=check: list(check(TOO_LONG, "")))
        assert [len(message) for message in sentences] == [len(MEMBERS)] * THREADS


def test_the_first_requests_are_read_with_every_member() -> None:
    for _ in range(ROUNDS):
        read = wire._shape_reader(wide())
        assert concurrently(lambda read=read: read(VALID, "")) == [VALID] * THREADS


def test_nested_containers_are_found_in_the_first_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    def containers() -> list[dict[str, Any]]:
        named = "ModelPackageContainerDefinition"
        return list(model.structures("CreateModelPackage", CONTAINERS, named, of_input=True))

    for _ in range(ROUNDS):
        monkeypatch.setattr(model, "_REACHABLE", {})
        assert concurrently(containers) == [[{"Image": "churn:1"}]] * THREADS


def test_reachable_shapes_are_complete_for_recursive_shapes() -> None:
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

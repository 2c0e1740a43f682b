"""The soak test: a server under mixed load for the time of its size, repeatedly stopped and started.

Memory, files and threads of the server stay as they were after the warm-up, no acknowledged change is lost, and every
request gets a response. Response times are recorded, but not asserted.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from durability.environment import needs_proc
from sagemaker_registry.client.backup import backup
from support.server import Emulator

GROUPS = [f"churn-{number}" for number in range(4)]
APPROVAL, DELETION = "an approval", "a deletion"
CLIENTS = 3
KEPT_VERSIONS = 50
"""Versions kept in a group, so that searches stay the same size while the history grows."""
SETTINGS = '[events]\nfile = "events.jsonl"\n'
MAX_WARM_UP = 120.0
MAX_GROWTH = 0.05
MOTO_BYTES_PER_OBJECT = 4 * 1024
"""Bytes that moto keeps of every object ever stored, of any size, until it is reset: 4 KiB measured among other
requests, with moto 5.2 (`FakeKey.instances_tracked`). They must not hide a leak of the server.
"""
EXTRA_FILES = 16
"""Connections that may be needed at one moment and not at another; a leak soon exceeds this number."""


@dataclass
class State:
    """The resources of an idle server."""

    memory: int
    files: int
    threads: int

    @classmethod
    def of(cls, process: int) -> State:
        folder = Path(f"/proc/{process}")
        fields = dict(re.findall(r"^(\w+):\s+(\d+)", (folder / "status").read_text(), re.MULTILINE))
        return cls(int(fields["VmRSS"]) * 1024, len([*(folder / "fd").iterdir()]), int(fields["Threads"]))


@dataclass
class Load:
    """The requests so far, over all lives of the server; `changes` by acknowledged kind, creations by group."""

    seed: int
    changes: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, clients: Sequence[Client], seconds: float, first: Sequence[str] = ()) -> list[float]:
        """Let clients send requests for some seconds, at least one each, and `first` before that.

        Returns:\n    The response times.
        """
        deadline = time.monotonic() + seconds
        failed: list[BaseException] = []
        took: list[float] = []

        def ask(client: Client, name: str, group: str) -> None:
            began = time.perf_counter()
            changes = client.ask(name, group)
            took.append(time.perf_counter() - began)
            with self.lock:
                self.requests[name] += 1
                self.changes.update(changes)

        def run_client(client: Client) -> None:
            try:
                group = client.rng.choice(GROUPS)
                for name in first:
                    ask(client, name, group)
                asking = True
                while asking:
                    ask(client, *client.choice())
                    asking = time.monotonic() < deadline
                client.hang_up()
            except BaseException as error:
                failed.append(error)
                raise

        threads = [threading.Thread(target=run_client, args=[client]) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed, failed
        return took


class Client:
    """A client that makes every kind of request."""

    def __init__(self, served: Emulator, cookie: str, rng: random.Random) -> None:
        self.rng = rng
        self.sagemaker, self.s3 = served.client("sagemaker"), served.client("s3")
        self.console = HTTPConnection(served.url.removeprefix("http://"), timeout=60)
        self.cookie = cookie
        self.kinds: dict[str, tuple[int, Callable[[str], list[str]]]] = {
            "create": (4, self.create),
            "approve": (4, self.approve),
            "describe": (4, self.describe),
            "list": (2, self.list_versions),
            "search": (1, self.search),
            "upload": (1, self.upload),
            "page": (1, self.page),
        }

    def choice(self) -> tuple[str, str]:
        """Choose a kind of request and a group."""
        weights = [weight for weight, _ in self.kinds.values()]
        (name,) = self.rng.choices([*self.kinds], weights)
        return name, self.rng.choice(GROUPS)

    def ask(self, name: str, group: str) -> list[str]:
        """Make a request about a group; return the acknowledged changes."""
        return self.kinds[name][1](group)

    def create(self, group: str) -> list[str]:
        arn = self.sagemaker.create_model_package(ModelPackageGroupName=group, ModelPackageDescription="of the soak")
        number = int(arn["ModelPackageArn"].rpartition("/")[2])
        if number > KEPT_VERSIONS:
            self.sagemaker.delete_model_package(ModelPackageName=f"{group}/{number - KEPT_VERSIONS}")
            return [group, DELETION]
        return [group]

    def approve(self, group: str) -> list[str]:
        for arn in self.newest(group)[:1]:
            status, reason = self.rng.choice(["Approved", "Rejected"]), f"{self.rng.random()}"
            self.sagemaker.update_model_package(
                ModelPackageArn=arn, ModelApprovalStatus=status, ApprovalDescription=reason
            )
            return [APPROVAL]
        return []

    def describe(self, group: str) -> list[str]:
        for arn in self.newest(group)[:1]:
            assert self.sagemaker.describe_model_package(ModelPackageName=arn)["ModelPackageArn"] == arn
        return []

    def list_versions(self, group: str) -> list[str]:
        self.newest(group)
        return []

    def newest(self, group: str) -> list[str]:
        found = self.sagemaker.list_model_packages(ModelPackageGroupName=group, MaxResults=10)
        return [one["ModelPackageArn"] for one in found["ModelPackageSummaryList"]]

    def search(self, group: str) -> list[str]:
        wanted = [{"Name": "ModelPackageGroupName", "Operator": "Equals", "Value": group}]
        self.sagemaker.search(Resource="ModelPackage", SearchExpression={"Filters": wanted}, MaxResults=10)
        return []

    def upload(self, group: str) -> list[str]:
        self.s3.put_object(Bucket="soak", Key=f"{group}.tar.gz", Body=self.rng.randbytes(4096))
        return []

    def page(self, group: str) -> list[str]:
        for path in ("/console/", f"/console/groups/{group}"):
            self.console.request("GET", path, headers={"Cookie": self.cookie})
            answer = self.console.getresponse()
            content = answer.read()
            assert answer.status == 200, (path, answer.status, content[:500])
        return []

    def hang_up(self) -> None:
        """Close all connections; the next request opens a new one."""
        self.console.close()
        self.sagemaker.close()
        self.s3.close()


def log_in(served: Emulator) -> str:
    """Log in with the link printed by the server; return the cookie, and read all of its standard output."""
    assert served.process.stdout is not None
    line = next(line for line in served.process.stdout if line.startswith("console:"))
    link = urlsplit(line.split()[1])
    connection = HTTPConnection(link.netloc, timeout=60)
    body = urlencode({"token": (parse_qs(link.query) | parse_qs(link.fragment))["token"][0]})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{link.netloc}"}
    connection.request("POST", "/console/login", body, headers)
    answer = connection.getresponse()
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    answer.read()
    connection.close()
    assert answer.status == 303
    return cookie


def lives(seconds: float) -> Iterator[tuple[float, list[float]]]:
    """Yield the warm-up time and the times of three parts for each life of the server."""
    count = min(24, 2 + int(seconds) // 1_800)
    warm_up = min(MAX_WARM_UP, seconds / count * 0.4)
    yield from [(warm_up, [(seconds / count - warm_up) / 3] * 3)] * count


def p99(seconds: list[float]) -> float:
    return sorted(seconds)[len(seconds) * 99 // 100] * 1000


@needs_proc
@pytest.mark.sized(ci=5, nightly=3_600, release=86_400)
def test_a_server_under_mixed_load_does_not_leak(
    size: int,
    figures: dict[str, Any],
    tmp_path: Path,
    serve: Callable[..., Emulator],
    request: pytest.FixtureRequest,
) -> None:
    (tmp_path / "registry.toml").write_text(SETTINGS)
    load, growth, slow = Load(request.config.option.random_seed), [], []
    seconds = request.config.option.soak_seconds or size
    for number, (warm_up, parts) in enumerate(lives(seconds)):
        served = serve("--backend", "sqlite:///registry.db", "--config", "registry.toml")
        cookie = log_in(served)
        if number == 0:
            prepare(served)
        seeds = [f"{load.seed} {number} {place}" for place in range(CLIENTS)]
        clients = [Client(served, cookie, random.Random(seed)) for seed in seeds]
        load.run(clients, warm_up, [*clients[0].kinds])
        states, uploads = [State.of(served.process.pid)], load.requests["upload"]
        for part in parts:
            slow.append(p99(load.run(clients, part)))
            states.append(State.of(served.process.pid))
        assert served.stop() == 0
        warm, last = states[0], states[-1]
        motos = (load.requests["upload"] - uploads) * MOTO_BYTES_PER_OBJECT
        growth.append((last.memory - motos) / warm.memory - 1)
        figures[f"life {number + 1}"] = " ".join(
            f"{one.memory >> 20}MiB/{one.files}fd/{one.threads}t" for one in states
        )
        assert growth[-1] <= MAX_GROWTH, figures
        assert last.files <= warm.files + EXTRA_FILES, figures
        assert last.threads <= warm.threads, figures
        for line in (tmp_path / "events.jsonl").read_text().splitlines():
            assert line.endswith("}")
        (tmp_path / "events.jsonl").unlink()
    made = backup(f"sqlite:///{tmp_path}/registry.db", tmp_path / "copy.db")
    assert made.broken == ()
    assert {group: newest(tmp_path / "copy.db", group) for group in GROUPS} == {
        group: load.changes[group] for group in GROUPS
    }
    assert load.changes[APPROVAL]
    assert made.history == len(GROUPS) + load.changes.total()
    figures |= {"requests": load.requests.total(), "uploads": load.requests["upload"]}
    figures |= {"maximum growth of memory without moto, %": max(growth) * 100}
    figures |= {"ms p99 at first": slow[0], "ms p99 at last": slow[-1], "changes verified": made.history}
    figures |= {"approvals": load.changes[APPROVAL], "deletions": load.changes[DELETION]}


def prepare(served: Emulator) -> None:
    client = served.client("sagemaker")
    for group in GROUPS:
        client.create_model_package_group(ModelPackageGroupName=group)
    client.close()
    s3 = served.client("s3")
    s3.create_bucket(Bucket="soak")
    s3.close()


def newest(copy: Path, group: str) -> int:
    """Return the number of the newest version of a group; no acknowledged version may be missing before it."""
    from sagemaker_registry.client import ModelRegistry

    with ModelRegistry(f"sqlite:///{copy}") as registry:
        return max(version.version for version in registry.versions(group))

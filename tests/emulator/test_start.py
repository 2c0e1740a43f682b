"""Modules loaded by a server: none before they are needed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.server import Emulator

LOADED = """
import io, json, sys
from sagemaker_registry.backends import open_backend
from sagemaker_registry.emulator import serve
from sagemaker_registry.emulator.app import application
from sagemaker_registry.emulator.console.site import console_of, links
from sagemaker_registry.backends.settings import Settings

console = console_of("sqlite://", [], Settings(), ["alice"])
(link,) = links(console)
app = application(open_backend("sqlite://"), reviewed_at=console)

def ask(method, path, body=b"", query="", **more):
    told = []
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_HOST": "127.0.0.1:1", "SERVER_NAME": "127.0.0.1",
               "SERVER_PORT": "1", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "QUERY_STRING": query,
               "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr, **more}
    answered = b"".join(app(environ, lambda status, headers, *_: told.append(status)))
    return told[0].split()[0], answered.decode()

def loaded():
    names = ("sqlite_utils", "flask", "werkzeug", "jinja2", "botocore", "moto", "http.client",
             "sagemaker_registry.emulator.console.routes", "sagemaker_registry.client.seeding")
    return [name for name in names if name in sys.modules]

json_call = {"CONTENT_TYPE": "application/x-amz-json-1.1"}
create = {"HTTP_X_AMZ_TARGET": "SageMaker.CreateModelPackageGroup", **json_call}
steps = {
    "start": (None, loaded()),
    "call": (ask("POST", "/", b'{"ModelPackageGroupName": "churn"}', **create)[0], loaded()),
    "refused": (ask("POST", "/", b'{}', **create)[0], loaded()),
    "health": (ask("GET", "/_registry/health")[0], loaded()),
    "link": (ask("GET", "/console/login", query=link.rpartition("?")[2]), loaded()),
}
print(json.dumps(steps))
"""


@pytest.fixture(scope="module")
def steps() -> dict[str, Any]:
    result = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_server_answers_calls_without_flask_and_botocore(steps: dict[str, Any]) -> None:
    assert steps["start"] == [None, []]
    assert steps["call"] == ["200", []]
    assert steps["refused"] == ["400", []]


def test_extension_requests_load_flask_but_not_the_console(steps: dict[str, Any]) -> None:
    status, loaded = steps["health"]
    assert status == "200"
    assert "flask" in loaded
    assert "sagemaker_registry.emulator.console.routes" not in loaded


def test_a_login_link_printed_before_the_console_is_loaded_works(steps: dict[str, Any]) -> None:
    (status, page), loaded = steps["link"]
    assert status == "200"
    assert "alice" in page
    assert "sagemaker_registry.emulator.console.routes" in loaded


@pytest.fixture
def pandas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file that exists once pandas is imported, in an environment with a fake pandas."""
    loaded, folder = tmp_path / "loaded", tmp_path / "libraries"
    folder.mkdir()
    (folder / "pandas.py").write_text(f"class Timestamp: pass\nopen({str(loaded)!r}, 'w').close()\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return loaded


def test_a_server_on_a_file_loads_no_data_library(pandas: Path, tmp_path: Path, serve: Callable[..., Emulator]) -> None:
    serve("--backend", f"sqlite:///{tmp_path}/registry.db")
    assert not pandas.exists()

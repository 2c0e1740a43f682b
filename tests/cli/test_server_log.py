"""The log of `serve`: one line for each event, whatever callers send."""

from __future__ import annotations

import logging
import subprocess
import sys

import requests

from sagemaker_registry.client.commands.serve import OneLine

COMMAND = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--backend", "sqlite://", "--port", "0"]


def test_text_of_a_caller_adds_no_line_to_the_log() -> None:
    with subprocess.Popen(
        [*COMMAND, "--log-level", "info"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().removeprefix("listening on ").strip()
        forged = "2026-11-24 12:00:00,000 ERROR forged\x1b[2K"
        answer = requests.get(f"{url}/_registry/history%0A{forged}", timeout=30)
        assert answer.status_code == 400
        server.terminate()
        _, log = server.communicate(timeout=30)
    assert "forged" in log
    assert not [line for line in log.splitlines() if line.startswith("2026-11-24 12:00:00,000 ERROR forged")]
    assert "\x1b" not in log


def test_a_message_is_one_line_and_a_traceback_keeps_its_lines() -> None:
    try:
        raise ValueError("forged\x1b[2K")
    except ValueError:
        raised = sys.exc_info()
    record = logging.makeLogRecord(
        {"msg": "failed to answer %s", "args": ("/console/a\n2026 ERROR forged\u202e",), "exc_info": raised}
    )
    first, *traceback = OneLine("%(levelname)s %(message)s").format(record).split("\n")
    assert first == "Level None failed to answer /console/a\\x0a2026 ERROR forged\\u202e"
    assert traceback[0] == "Traceback (most recent call last):"
    assert traceback[-1] == "ValueError: forged\\x1b[2K"

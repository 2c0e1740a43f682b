"""Listening addresses: only loopback, unless requests must be signed or a flag accepts unsigned ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import requests

from sagemaker_registry.backends import credentials
from sagemaker_registry.backends.errors import BackendUnavailable
from sagemaker_registry.emulator.http.server import listen
from support.server import start

FLAG = "--i-accept-no-authentication"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::ffff:0.0.0.0", "192.0.2.1", "fe80::1", "0"])
def test_a_non_loopback_address_is_rejected(host: str) -> None:
    with pytest.raises(BackendUnavailable, match="accepts connections from other machines"):
        listen(host, 0)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost"),
        pytest.param(
            "127.8.8.8",
            marks=pytest.mark.skipif(sys.platform == "darwin", reason="of 127.0.0.0/8 macOS has 127.0.0.1 alone"),
        ),
    ],
)
def test_loopback_addresses_are_accepted(host: str) -> None:
    with listen(host, 0) as listener:
        assert listener.getsockname()[0].startswith("127.")


def test_serve_rejects_a_non_loopback_address_with_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", "0", "--host", "0.0.0.0"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert "--credentials FILE" in ended.stderr
    assert FLAG in ended.stderr


def test_the_flag_cannot_be_set_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_REGISTRY_I_ACCEPT_NO_AUTHENTICATION", "1")
    test_serve_rejects_a_non_loopback_address_with_one_sentence(tmp_path)


@pytest.mark.parametrize("by", ["flag", "option", "environment", "settings"])
def test_other_addresses_require_the_flag_or_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    file, config = tmp_path / "keys.ini", tmp_path / "registry.toml"
    credentials.add(file, "alice")
    config.write_text(f'[authentication]\ncredentials = "{file}"\n', encoding="utf-8")
    if by == "environment":
        monkeypatch.setenv("SAGEMAKER_REGISTRY_CREDENTIALS", str(file))
    options = {"flag": [FLAG], "option": ["--credentials", str(file)], "settings": ["--config", str(config)]}
    served = start("--backend", "sqlite://", "--host", "0.0.0.0", *options.get(by, []), cwd=tmp_path)
    try:
        url = served.url.replace("0.0.0.0", "127.0.0.1")
        answer = requests.get(f"{url}/_registry/info", timeout=60)
        assert (answer.status_code == 200) == (by == "flag")
    finally:
        assert served.stop() == 0

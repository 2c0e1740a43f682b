"""The credentials file: private, rejected with one sentence if invalid, and never shown."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE

import boto3
import pytest

from safety.auth_app import ALICE, BOB
from sagemaker_registry.backends import credentials
from sagemaker_registry.backends.config import read
from sagemaker_registry.backends.errors import BackendUnavailable, Misconfigured
from sagemaker_registry.backends.identities import with_profiles
from sagemaker_registry.backends.settings import IdentityTable


def test_the_credentials_file_is_private_and_secrets_are_shown_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys.ini"
    made = [credentials.add(file, name) for name in ("alice", "bob", "default")]
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert credentials.load(file) == {one.access_key: one for one in made}
    assert all(len(one.access_key) == 20 and len(one.secret) == 40 for one in made)
    assert made[0].secret not in repr(made[0])
    assert sorted(os.listdir(tmp_path)) == ["keys.ini", "keys.ini.lock"]
    assert stat.S_IMODE((tmp_path / "keys.ini.lock").stat().st_mode) == 0o600
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    found = boto3.Session(profile_name="bob").get_credentials()
    assert found is not None
    assert (found.access_key, found.secret_key) == (made[1].access_key, made[1].secret)
    with pytest.raises(BackendUnavailable, match=r"\[alice\] already exists: choose another name"):
        credentials.add(file, "alice")


def test_concurrently_created_keys_are_all_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "keys.ini"
    barrier = threading.Barrier(8)

    def add(number: int) -> credentials.Credential:
        barrier.wait()
        return credentials.add(file, f"job-{number}")

    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(add, range(8)))
    assert credentials.load(file) == {one.access_key: one for one in made}


def test_one_of_several_concurrent_requests_for_a_name_succeeds(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sagemaker_registry.client.cli", "credentials", "add", "alice", "--json"]
    started = [
        subprocess.Popen([*command, "--file", "keys.ini"], stdout=PIPE, stderr=PIPE, text=True, cwd=tmp_path)
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=120) for process in started]
    assert sorted(process.returncode for process in started) == [0, 2, 2]
    (output,) = [out for out, _ in answers if out]
    assert json.loads(output)["aws_access_key_id"] in credentials.load(tmp_path / "keys.ini")
    assert sum("[alice] already exists" in said for _, said in answers) == 2


def test_a_symbolic_link_to_the_file_is_followed_and_kept(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "keys.ini").symlink_to(Path("secrets") / "keys.ini")  # the target does not exist yet
    made = [credentials.add(tmp_path / "keys.ini", name) for name in ("alice", "bob")]
    assert (tmp_path / "keys.ini").is_symlink()
    assert not (tmp_path / "secrets" / "keys.ini").is_symlink()
    assert credentials.load(tmp_path / "keys.ini") == {one.access_key: one for one in made}
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(BackendUnavailable, match="loop cannot be"):
        credentials.add(tmp_path / "loop", "alice")


SECRET = "a-secret-of-forty-characters-0123456789"
ENTRY = f"aws_access_key_id = AKIAONE\naws_secret_access_key = {SECRET}\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no access keys"),
        (ENTRY, "line 1: invalid syntax"),
        (f"[a]\n{SECRET}\n", "line 2: invalid syntax: expected a unique"),
        (f"[a]\n{ENTRY}[a]\n{ENTRY}", "line 4: invalid syntax"),
        (f"[a]\n{ENTRY}[b]\n{ENTRY}", r"\[a\] and \[b\] have the same aws_access_key_id"),
        ("[a]\naws_access_key_id = AKIAONE\n", r"\[a\]: aws_secret_access_key is missing"),
        (
            "[a]\naws_access_key_id = AKIAONE\naws_secret_access_key = short\n",
            r"\[a\]: aws_secret_access_key is too short; at least 16 characters are required",
        ),
        (f"[a b]\n{ENTRY}", "invalid profile name 'a b': start with a letter"),
        (f"[a]\n{ENTRY}aws_account_id = 12\n", "invalid aws_account_id '12': expected 12 digits"),
        (
            f"[a]\naws_access_key_id = A/B\naws_secret_access_key = {SECRET}\n",
            r"\[a\]: invalid aws_access_key_id: expected 3 to 128 letters",
        ),
    ],
)
def test_an_invalid_credentials_file_is_rejected_without_showing_secrets(
    tmp_path: Path, text: str, sentence: str
) -> None:
    file = tmp_path / "keys.ini"
    file.touch(0o600)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BackendUnavailable, match=sentence) as caught:
        credentials.load(file)
    assert SECRET not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_readable_by_others_is_rejected(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "keys.ini"
    credentials.add(file, "alice")
    file.chmod(mode)
    with pytest.raises(BackendUnavailable, match="is accessible to other users: run `chmod 600"):
        credentials.load(file)
    with pytest.raises(BackendUnavailable, match="chmod 600"):
        credentials.add(file, "bob")


def test_profiles_name_users_without_an_identity() -> None:
    keys = {one.access_key: one for one in (ALICE, BOB)}
    known = IdentityTable(access_key=ALICE.access_key, groups=("reviewers",))
    assert with_profiles({"ann": known}, keys) == {"ann": known, "bob": IdentityTable(access_key=BOB.access_key)}
    with pytest.raises(Misconfigured, match=r"\[identities.bob\]: `access_key` must be the one of \[bob\]"):
        with_profiles({"bob": IdentityTable(access_key="AKIAOTHER")}, keys)
    assert read({"authentication": {"credentials": "keys.ini"}}).authentication.credentials == "keys.ini"

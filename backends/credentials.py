"""Credentials files of servers that verify signatures, in the format of `~/.aws/credentials`."""

from __future__ import annotations

import os
import re
import secrets
import string
from collections.abc import Mapping
from configparser import Error, MissingSectionHeaderError, ParsingError, RawConfigParser
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .errors import BackendUnavailable
from .files import FileLock, atomic_write, make_private_dir
from .settings import ACCOUNT_ID, USER_NAME

KEY: Final = "aws_access_key_id"
SECRET: Final = "aws_secret_access_key"  # noqa: S105 - the name of the key, not a secret
ACCOUNT: Final = "aws_account_id"
SHORTEST: Final = 16
"""Minimum length of a secret, enough to prevent guessing; AWS's secrets have 40 characters."""

_KEY = re.compile(r"\w{3,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key of a profile and its secret; `account` is empty if the profile does not set one."""

    profile: str
    access_key: str
    secret: str = field(repr=False)
    account: str = ""


def load(path: Path) -> Mapping[str, Credential]:
    """Return the credentials in a file by access key.

    Raises:
        BackendUnavailable: the file cannot be read, is readable by other users, or has an invalid profile. The message
            never shows a secret.
    """
    parser = _parsed(path.expanduser())
    found: dict[str, Credential] = {}
    for profile in parser.sections():
        one = _credential(path, profile, dict(parser.items(profile)))
        if one.access_key in found:
            raise BackendUnavailable(f"{path}: [{found[one.access_key].profile}] and [{profile}] have the same {KEY}")
        found[one.access_key] = one
    if not found:
        raise BackendUnavailable(
            f"{path} has no access keys: add one with `sagemaker-registry credentials add NAME --file {path}`"
        )
    return found


def generate(profile: str) -> Credential:
    """Return a new random key pair with the lengths of AWS's."""
    key = "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))
    secret = "".join(secrets.choice(string.ascii_letters + string.digits + "+/") for _ in range(40))
    return Credential(profile, f"AKIA{key}", secret)


def add(path: Path, profile: str) -> Credential:
    """Append a new key pair for a profile to a file.

    The file is replaced atomically. Concurrent calls wait for each other, and a symbolic link to the file is preserved.

    Raises:
        BackendUnavailable: the name is invalid or already in the file, or the file cannot be read or written.
    """
    path = Path(os.path.realpath(path.expanduser()))
    if not re.fullmatch(USER_NAME, profile):
        raise BackendUnavailable(
            f"invalid profile name {profile!r}: start with a letter; use letters, digits and _ . @ -"
        )
    try:
        make_private_dir(path.parent)
        lock = FileLock(path.with_name(path.name + ".lock"))
        with closing(lock), lock:
            return _added(path, profile)
    except OSError as error:
        raise BackendUnavailable(f"{path} cannot be written: {error.strerror}") from error


def _added(path: Path, profile: str) -> Credential:
    exists = os.path.lexists(path)
    if exists and profile in _parsed(path).sections():
        raise BackendUnavailable(
            f"{path}: [{profile}] already exists: choose another name, or remove the profile first"
        )
    made = generate(profile)
    before = path.read_text(encoding="utf-8") if exists else ""
    gap = "" if not before or before.endswith("\n\n") else "\n" if before.endswith("\n") else "\n\n"
    with atomic_write(path) as file:
        file.write(f"{before}{gap}[{profile}]\n{KEY} = {made.access_key}\n{SECRET} = {made.secret}\n".encode())
    return made


def _parsed(path: Path) -> RawConfigParser:
    parser = RawConfigParser(default_section="")
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & 0o077:
                raise BackendUnavailable(f"{path} is accessible to other users: run `chmod 600 {path}`")
            parser.read_file(file)
    except OSError as error:
        raise BackendUnavailable(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BackendUnavailable(f"{path} is not a credentials file: expected UTF-8 text") from error
    except Error as error:  # its message quotes the line, which may contain a secret
        raise BackendUnavailable(
            f"{path}{_line(error)}: invalid syntax: expected a unique [NAME] with {KEY} = ... and {SECRET} = ..."
        ) from None
    return parser


def _line(error: Error) -> str:
    if isinstance(error, ParsingError) and not isinstance(error, MissingSectionHeaderError):
        return f", line {error.errors[0][0]}"
    number = getattr(error, "lineno", None)
    return f", line {number}" if number else ""


def _credential(path: Path, profile: str, values: Mapping[str, str]) -> Credential:
    for name in (KEY, SECRET):
        if not values.get(name):
            raise BackendUnavailable(f"{path}: [{profile}]: {name} is missing")
    if not re.fullmatch(USER_NAME, profile):
        raise BackendUnavailable(
            f"{path}: invalid profile name {profile!r}: start with a letter; use letters, digits and _ . @ -"
        )
    if not _KEY.fullmatch(values[KEY]):
        raise BackendUnavailable(
            f"{path}: [{profile}]: invalid {KEY}: expected 3 to 128 letters, digits or underscores"
        )
    if len(values[SECRET]) < SHORTEST:
        raise BackendUnavailable(
            f"{path}: [{profile}]: {SECRET} is too short; at least {SHORTEST} characters are required"
        )
    if (account := values.get(ACCOUNT, "")) and not re.fullmatch(ACCOUNT_ID, account):
        raise BackendUnavailable(f"{path}: [{profile}]: invalid {ACCOUNT} {account!r}: expected 12 digits")
    return Credential(profile, values[KEY], values[SECRET], account)

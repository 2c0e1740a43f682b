"""Access keys in a file of AWS's own format, `~/.aws/credentials`: who may sign requests, for servers that verify them.

The file is its owner's alone, and nothing here ever shows a secret: not even the line of one that cannot be read.
"""

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
SECRET: Final = "aws_secret_access_key"  # noqa: S105 - the name of one
ACCOUNT: Final = "aws_account_id"
SHORTEST: Final = 16
"""Characters of a secret; AWS's have 40. There is no guessing a secret of so many."""

_KEY = re.compile(r"\w{3,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key of a profile's, and the secret that proves it; `account` where the profile says one."""

    profile: str
    access_key: str
    secret: str = field(repr=False)
    account: str = ""


def load(path: Path) -> Mapping[str, Credential]:
    """Return the credentials of a file by their access keys.

    Raises:
        BackendUnavailable: it cannot be read, others can read it, or a profile in it makes no sense.
    """
    parser = _parsed(path.expanduser())
    found: dict[str, Credential] = {}
    for profile in parser.sections():
        one = _credential(path, profile, dict(parser.items(profile)))
        if one.access_key in found:
            raise BackendUnavailable(f"{path}: [{found[one.access_key].profile}] and [{profile}] have the same {KEY}")
        found[one.access_key] = one
    if not found:
        raise BackendUnavailable(f"{path} has no access keys: sagemaker-registry credentials add NAME --file {path}")
    return found


def generate(profile: str) -> Credential:
    """Return a new key pair of random characters, as long as AWS's."""
    key = "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16))
    secret = "".join(secrets.choice(string.ascii_letters + string.digits + "+/") for _ in range(40))
    return Credential(profile, f"AKIA{key}", secret)


def add(path: Path, profile: str) -> Credential:
    """Write a new key pair for a profile at the end of a file, which is there as a whole or as it was.

    Whoever adds another one at the same time waits; a link to the file stays one.

    Raises:
        BackendUnavailable: the name is none, the file has it already, or the file cannot be read or written.
    """
    path = Path(os.path.realpath(path.expanduser()))
    if not re.fullmatch(USER_NAME, profile):
        raise BackendUnavailable(
            f"{profile!r} is not a name: it begins with a letter, and has letters, digits and _ . @ -"
        )
    try:
        make_private_dir(path.parent)
        lock = FileLock(path.with_name(path.name + ".lock"))
        with closing(lock), lock:
            return _added(path, profile)
    except OSError as error:
        raise BackendUnavailable(f"{path} cannot be written: {error.strerror}") from error


def _added(path: Path, profile: str) -> Credential:
    is_there = os.path.lexists(path)
    if is_there and profile in _parsed(path).sections():
        raise BackendUnavailable(f"{path} has keys for [{profile}] already: take them out first, or give another name")
    made = generate(profile)
    before = path.read_text(encoding="utf-8") if is_there else ""
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
                raise BackendUnavailable(f"{path} can be read by others than its owner: chmod 600 {path}")
            parser.read_file(file)
    except OSError as error:
        raise BackendUnavailable(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BackendUnavailable(f"{path} is not a credentials file: it is not text in UTF-8") from error
    except Error as error:  # whose own words are the line, which may be a secret
        raise BackendUnavailable(
            f"{path}{_line(error)} is not as in a credentials file: [NAME], {KEY} = ..., {SECRET} = ..."
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
            raise BackendUnavailable(f"{path}: [{profile}] has no {name}")
    if not re.fullmatch(USER_NAME, profile):
        raise BackendUnavailable(f"{path}: {profile!r} names nobody: a letter first, then letters, digits and _ . @ -")
    if not _KEY.fullmatch(values[KEY]):
        raise BackendUnavailable(f"{path}: the {KEY} of [{profile}] is none: letters and digits, 20 of them in AWS's")
    if len(values[SECRET]) < SHORTEST:
        raise BackendUnavailable(
            f"{path}: the {SECRET} of [{profile}] can be guessed: it needs {SHORTEST} characters or more"
        )
    if (account := values.get(ACCOUNT, "")) and not re.fullmatch(ACCOUNT_ID, account):
        raise BackendUnavailable(f"{path}: the {ACCOUNT} of [{profile}] is none: twelve digits")
    return Credential(profile, values[KEY], values[SECRET], account)

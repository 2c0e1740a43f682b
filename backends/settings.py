"""What a registry may be set to do otherwise: the switches of `registry.toml`, each with AWS's behaviour as default."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import msgspec.structs

from .errors import CannotOpen

Check = Literal["off", "auto", "always"]


class Checks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether what a package names must exist when it is registered.

    `auto` looks where somebody here could hold it: an artefact whose bucket exists, an image whose repository does.
    `always` refuses what cannot be found at all.
    """

    artifacts: Check = "auto"
    images: Check = "off"
    s3_endpoint: str = ""
    """Where artefacts are, when not in the S3 of the same endpoint."""


class Validation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long packages with a ValidationSpecification take to be Completed, and which of them fail."""

    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    failing: tuple[str, ...] = ()
    """Patterns (`*`, `?`) of profile names whose validation fails."""


class Lists(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How ListModelPackages answers where AWS's documentation and practice differ, or practice surprises."""

    default_order: Literal["Ascending", "Descending"] = "Descending"
    approval_filter: Literal["after-page", "before-page"] = "after-page"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The switches of a registry, by table of `registry.toml`."""

    checks: Checks = Checks()
    validation: Validation = Validation()
    lists: Lists = Lists()


def load(path: Path | None) -> Settings:
    """Read `registry.toml`; without a path, return the defaults.

    Raises:
        CannotOpen: there is no such file, it is not TOML, or a key or value is not one of ours; the sentence says
            which and where.
    """
    if path is None:
        return Settings()
    try:
        with path.open("rb") as file:
            return msgspec.convert(tomllib.load(file), Settings)
    except OSError as error:
        raise CannotOpen(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CannotOpen(f"{path} is not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise CannotOpen(f"{path}: {error}") from error


def override(settings: Settings, **tables: dict[str, Any]) -> Settings:
    """Return settings with some switches set otherwise, by table; None leaves a switch as it is."""
    changes = {
        table: msgspec.structs.replace(getattr(settings, table), **{k: v for k, v in given.items() if v is not None})
        for table, given in tables.items()
    }
    return msgspec.structs.replace(settings, **changes)

"""Examples of registry.toml from docs/examples.toml, loaded as a server loads them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sagemaker_registry.backends import BackendUnavailable
from sagemaker_registry.backends.config import load
from sagemaker_registry.backends.settings import Settings

FILE = Path(__file__).parents[1] / "examples.toml"


@dataclass(frozen=True)
class Example:
    """A valid and an invalid registry.toml for one key or rule."""

    valid: str
    invalid: str

    def settings(self) -> Settings:
        """Load the valid file.

        Raises:
            BackendUnavailable: the example is wrong.
        """
        return _load(self.valid)

    @property
    def error(self) -> str:
        """The message for the invalid file."""
        try:
            _load(self.invalid)
        except BackendUnavailable as error:
            return str(error)
        raise ValueError(f"this example of an error is valid:\n{self.invalid}")


@cache
def of_settings() -> Mapping[str, Example]:
    """Return the examples by key: `events.attempts`, or `identities.NAME.arn` in a table of tables."""
    return {
        key: Example(*(text if text.startswith("[") else f"[{key.rpartition('.')[0]}]\n{text}" for text in given))
        for key, given in _tables("settings").items()
    }


@cache
def of_rules() -> Mapping[str, Example]:
    """Return the examples by kind of rule; each text is the table of the rule, after its header and `is`."""
    return {
        kind: Example(*(text if text.startswith("[") else f'[rules.my-rule]\nis = "{kind}"\n{text}' for text in given))
        for kind, given in _tables("rules").items()
    }


def _tables(name: str) -> dict[str, tuple[str, str]]:
    tables = tomllib.loads(FILE.read_text(encoding="utf-8"))[name]
    return {key: (table["example"].strip(), table["invalid"].strip()) for key, table in tables.items()}


def _load(text: str) -> Settings:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "registry.toml"
        file.write_text(text, encoding="utf-8")
        try:
            return load(file)
        except BackendUnavailable as error:
            raise BackendUnavailable(str(error).replace(str(file), file.name)) from error

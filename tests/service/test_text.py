"""Text of callers is safe to print, and to pass on in environment variables."""

from __future__ import annotations

import pytest

from sagemaker_registry.backends.text import for_environment, is_environment, printable, without_environment


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe 東京 ✓ é", "Größe 東京 ✓ é"),
        ("a\x1b[2Kb", "a\\x1b[2Kb"),
        ("a\rb\nc\td", "a\\x0db\\x0ac\\x09d"),
        ("a\x00b\x7fc\x9bd", "a\\x00b\\x7fc\\x9bd"),
        ("a\u202eb\u2066c\u2028d\ufeff", "a\\u202eb\\u2066c\\u2028d\\ufeff"),
        ("a\ud800b", "a\\ud800b"),
    ],
)
def test_control_and_direction_characters_become_visible(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_line_feeds_can_be_kept() -> None:
    assert printable("a\nb\rc", keep="\n") == "a\nb\\x0dc"


@pytest.mark.parametrize(("text", "value"), [("a\x00b", "a\\x00b"), ("a\ud800b", "a\\ud800b"), ("a\nb", "a\nb")])
def test_text_for_an_environment_variable_has_no_nul(text: str, value: str) -> None:
    assert for_environment(text) == value


def test_values_of_environment_variables_are_hidden_at_any_depth() -> None:
    record = {"Containers": [{"Image": "a", "Environment": {"KEY": "secret"}}], "Environment": "a name"}
    hidden = {"Containers": [{"Image": "a", "Environment": {"KEY": "(hidden)"}}], "Environment": "a name"}
    assert without_environment(record) == hidden


@pytest.mark.parametrize(
    ("path", "secret"), [("Containers[0].Environment.KEY", True), ("Environment", False), ("EnvironmentKey.a", False)]
)
def test_paths_into_an_environment_are_secret(path: str, secret: bool) -> None:
    assert is_environment(path) is secret

"""The code blocks of the documentation run as they are written; support/blocks.py says how."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clients_of_others.programs import aws_cli
from support.blocks import SHOWN, Block, Session, commands, normalize, parse
from support.server import Emulator

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("[!_]*/*.md")), ROOT / "docs" / "index.md"]
}
NOT_RUN: set[str] = {
    "CI runs this command",
    "installs packages",
    "needs AWS",
    "needs Docker",
    "needs another registry",
    "runs in a clone of this repository",
    "test_recipes.py runs this block",
    "installs a release",
}
"""The reasons of blocks that do not run: at most twelve."""

NEEDS = {
    "docs/how-to/serve-a-team.md": {"postgresql://registry@db.example/models": "postgres_url"},
    "docs/how-to/guard-aws.md": {"aws://us-east-1?account=111122223333": "aws_url"},
}
"""Of each page, the texts that stand for something else here, with the fixture that provides it."""

EXCERPTS = [
    path.read_text(encoding="utf-8")
    for path in (ROOT / "examples").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
]
RUN = {"console", "sh", "python"}
SIGNATURES = {"docs/reference/python.md": {"py", "pycon"}}
"""Languages that are only shown on a page: signatures, and examples that test_docs.py runs in the docstrings."""

pytest_plugins = ("support.postgres",)


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page that run or write a file."""
    return [
        block
        for block in parse(PAGES[page])
        if not block.reason
        and block.language not in SHOWN | SIGNATURES.get(page, set())
        and (block.language in RUN or block.title or not is_excerpt(block))
    ]


def is_excerpt(block: Block) -> bool:
    return any(block.code in text for text in EXCERPTS)


@pytest.fixture
def aws_url(emulator: Emulator) -> str:
    """Return a URL of AWS whose calls go to an emulator."""
    return f"aws://us-east-1?endpoint_url={emulator.url}&sts_endpoint_url={emulator.url}"


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_the_blocks_of_a_page_run(page: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    found = blocks(page)
    asks_aws_cli = any(re.search(r"^(\$ )?aws ", block.code, re.MULTILINE) for block in found)
    programs = [str(Path(aws_cli()).parent)] if asks_aws_cli else []
    replaced = {text: request.getfixturevalue(name) for text, name in NEEDS.get(page, {}).items()}
    session = Session(tmp_path, replaced, programs)
    try:
        for block in found:
            try:
                session.run(block)
            except AssertionError as error:
                raise AssertionError(f"{page}, line {block.line}: {error}") from None
    finally:
        session.close()


def test_blocks_that_do_not_run_have_a_known_reason() -> None:
    reasons = {block.reason for text in PAGES.values() for block in parse(text) if block.reason}
    assert reasons == NOT_RUN
    assert len(NOT_RUN) <= 12


# The runner


def run(tmp_path: Path, text: str) -> Session:
    session = Session(tmp_path)
    try:
        for block in parse(text):
            session.run(block)
    finally:
        session.close()
    return session


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ export NAME=you\n$ cd /tmp\n```\n\n```sh\ntest $NAME-$PWD = you-/tmp\n```\n",
        "```console\n$ false\n$ echo $?\n1\n```\n",
        "```console\n$ echo one && echo two && date -I && echo '[a.b]'\n...\n2026-11-30\n[...]\n```\n",
        '```sh title="hello.sh"\necho hello 8080 $HOME\n```\n\n```console\n$ ./hello.sh\nhello 8080 /home/you\n```\n',
        "```python\nimport os\nx = os.environ['HOME']\n```\n\n```python\nassert x.endswith('you')\n```\n",
        "```python\ndef test_it():\n    pass\n```\n",
        "```console\n$ echo key: AKIABCDEFGHIJKLMNOPQ AKIABCDEFGHIJKLMNOPQ\nkey: AKIAALICE0001 AKIAALICE0001\n```\n"
        "```sh\ntest AKIAALICE0001 = AKIABCDEFGHIJKLMNOPQ\n```\n",
    ],
    ids=["environment", "exit code", "output", "file", "python", "pytest", "access key"],
)
def test_blocks_do_what_the_page_says(tmp_path: Path, text: str) -> None:
    run(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ false\n```\n",
        "```console\n$ echo one\ntwo\n```\n",
        "```sh\nfalse\ntrue\n```\n",
        "```python\nassert False\n```\n",
        "```python\ndef test_it():\n    assert False\n```\n",
        "```toml\nx = 1\n```\n",
        "```console\n$ sagemaker-registry serve --no-such-option\n```\n",
    ],
    ids=["exit code", "output", "script", "python", "pytest", "untitled", "serve"],
)
def test_a_block_that_does_not_do_what_the_page_says_fails(tmp_path: Path, text: str) -> None:
    with pytest.raises(AssertionError):
        run(tmp_path, text)


def test_a_server_runs_until_the_page_ends_and_the_next_on_its_port_replaces_it(tmp_path: Path) -> None:
    started = "listening on http://127.0.0.1:8080\n...\n"
    serve = f"```console\n$ sagemaker-registry serve --backend sqlite://\n{started}```\n"
    ask = "```sh\nsagemaker-registry groups --url http://127.0.0.1:8080\n```\n"
    session = run(tmp_path, serve + ask + serve + ask)
    assert [background.process.returncode for background, _ in session._background] == [0, 0]


def test_the_environment_of_a_page_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    run(tmp_path, "```sh\ntest -z ${AWS_REGION-}\nwhich sagemaker-registry | grep -q /bin/\n```\n")


def test_commands_keep_their_lines_together() -> None:
    code = "$ a \\\n    b\nx\n$ c <<END\n> d\n> END\ny\n"
    assert list(commands(code)) == [("a \\\n    b", "x\n"), ("c <<END", "> d\n> END\ny\n")]


def test_times_and_hashes_do_not_count() -> None:
    assert normalize("2026-11-30 22:42:41  x") == normalize("2027-01-01T00:00:00.123Z    x\n")

"""Parser and runner of the code blocks in Markdown pages.

How to write blocks that run. The blocks of a page run in order, in one empty folder (shown as /home/you/demo) with its
own home folder (/home/you), environment and ports. 8080 to 8089 and 5000 stand for free ports; `serve` gets `--port`.

- `console`: each line after `$ ` is a command; a line that ends in a backslash continues on the next one. Its output
  (stdout and stderr) must match: a line `...` matches any lines, `...` within a line any text. Times, dates, UUIDs,
  hashes and widths of columns do not count. An access key (AKIA...) in expected output stands for the key that is
  really printed, also in later blocks. A command must succeed, unless the next one is `$ echo $?`.
- `sh`: runs as one bash script that must succeed (`set -euo pipefail`). Its output is ignored.
- Exported variables and the current folder last until the page ends.
- `serve`, `watch`, `moto_server` and `events --follow` run in the background until the page ends; the next `serve` on
  the same port replaces the first. The output of `serve` is compared at once, that of others at the end of the page.
- `python`: all blocks run in one interpreter, with the variables that the page has exported. A block that defines
  `test_...` functions runs with pytest. To show output, give the block a title and run the file in a `console` block.
- Any language with `title="FILE"`: writes the file (`~` is the home folder); a script in `sh` is made executable.
- Other languages without a title must be an excerpt of a file in examples/. `text` and `mermaid` are not run.
- `<!-- not run: REASON -->` on the line before a block: it does not run. NOT_RUN in test_pages.py lists the reasons.

A page begins with front matter that has a `description` of at most 120 characters; docs/index.md has the navigation.
Links to files outside of docs/ become downloads. docs/words.txt has words that the pages avoid.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOME, FOLDER = "/home/you", "/home/you/demo"
TIMEOUT = 120.0
SHOWN = {"text", "mermaid", "sql", "py", "pycon"}
"""Languages that do not run here; test_sqlite_export.py runs the queries in `sql`."""

_BLOCK = re.compile(
    r"(?:^ *<!-- not run: (?P<reason>[^\n]+?) -->\n+)?"
    r'^(?P<indent> *)(?P<fence>`{3,})(?P<language>[^\s`]*)(?: title="(?P<title>[^"]+)")?\n'
    r"(?P<code>.*?)^(?P=indent)(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_FOREVER = re.compile(
    r"^(?:\w+=\S* )*(?P<what>sagemaker-registry serve|sagemaker-registry watch|sagemaker-registry events.* --follow|"
    r"moto_server)(?!.* (?:--help|--once))(?:(?! &$).)*$",
    re.DOTALL,
)
_PORT = re.compile(r"(?<![\w.])(5000|808\d)(?!\w)")
_ACCESS_KEY = re.compile(r"\bAKIA[A-Z0-9]{8,}")
_SERVE = re.compile(r"(sagemaker-registry serve)\b(?![^\n|;]*--port)")
_VARYING = {
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?": "<time>",
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b": "<uuid>",
    r"\b[0-9a-f]{32,64}\b": "<hash>",
    r"(?<=\S) {2,}": "  ",
    r" +$": "",
}
_INTERPRETER = """
import json, os, sys, traceback
space = {"__name__": "__main__"}
for line in sys.stdin:
    order = json.loads(line)
    if dict(os.environ) != order["env"]:
        os.environ.clear(); os.environ.update(order["env"])
        if "boto3" in sys.modules: sys.modules["boto3"].DEFAULT_SESSION = None
    os.chdir(order["folder"])
    sys.path[0] = order["folder"]
    try: exec(compile(order["code"], order["name"], "exec"), space)
    except BaseException: traceback.print_exc(); code = 1
    else: code = 0
    sys.stderr.flush()
    print(f"\\n<done {code}>", flush=True)
"""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    line: int
    language: str
    code: str
    title: str | None = None
    reason: str | None = None


def parse(text: str) -> Iterator[Block]:
    """Yield the blocks of a page, without directives such as `{toctree}`."""
    for found in _BLOCK.finditer(text):
        if found["language"].startswith("{"):
            continue
        code = re.sub(f"^{found['indent']}", "", found["code"], flags=re.MULTILINE)
        yield Block(
            text.count("\n", 0, found.start("fence")) + 1, found["language"], code, found["title"], found["reason"]
        )


def commands(code: str) -> Iterator[tuple[str, str]]:
    """Yield the commands of a `console` block with their output."""
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        command, _, output = re.sub(r"(?<=\\\n)> ", "", part).partition("\n")
        while command.endswith("\\") and output:
            line, _, output = output.partition("\n")
            command += f"\n{line}"
        yield command, output


class Background:
    """A command that runs until the page ends."""

    def __init__(self, command: str, env: Mapping[str, str], folder: str) -> None:
        self.command, self.output, self._changed = command, "", threading.Condition()
        self.process = subprocess.Popen(
            ["bash", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=dict(env),
            cwd=folder,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                with self._changed:
                    self.output += line
                    self._changed.notify_all()
        with self._changed:
            self.process.wait()
            self._changed.notify_all()

    def wait_for(self, fits: Any) -> bool:
        """Wait until the output fits or the command ends; return whether it fits."""
        with self._changed:
            self._changed.wait_for(lambda: fits(self.output) or self.process.returncode is not None, TIMEOUT / 2)
            return bool(fits(self.output))

    def stop(self) -> None:
        stop_group(self.process.pid)
        self.process.wait(TIMEOUT)


def await_end(process: subprocess.Popen[Any]) -> None:
    """Wait for a process, but at most TIMEOUT; `wait` with a timeout would look only every 50 ms."""
    too_late = threading.Timer(TIMEOUT, stop_group, [process.pid])
    too_late.start()
    process.wait()
    too_late.cancel()


def stop_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)


class Session:
    """The shell, the Python interpreter and the servers of one page."""

    def __init__(self, folder: Path, replaced: Mapping[str, str] | None = None, programs: Sequence[str] = ()) -> None:
        """Start in an empty folder.

        Args:
            folder: where to create the home folder.
            replaced: texts of the page, such as a URL, and what stands for them here.
            programs: folders to add to PATH.
        """
        self.home, self.folder = folder / "you", str(folder / "you" / "demo")
        Path(self.folder).mkdir(parents=True)
        self.env = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), *os.defpath.split(os.pathsep), *programs]),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.replaced = {**(replaced or {}), FOLDER: self.folder, HOME: str(self.home)}
        self._status, self._groups = 0, list[int]()
        self._python: subprocess.Popen[str] | None = None
        self._background: list[tuple[Background, str]] = []

    def run(self, block: Block) -> None:
        """Run a block; raise AssertionError if it does not do what the page says."""
        if block.title:
            self._write(block)
        elif block.language == "console":
            for number, (command, output) in enumerate(found := list(commands(block.code))):
                asks = number + 1 < len(found) and found[number + 1][0] == "echo $?"
                self._console(command, output, may_fail=asks)
        elif block.language == "sh":
            self._script(block.code)
        elif block.language == "python":
            self._run_python(block)
        elif block.language not in SHOWN:
            raise AssertionError(f"`{block.language}` without a title is not an excerpt of a file in examples/")

    def close(self) -> None:
        """Compare what commands in the background have printed, and stop them."""
        try:
            for background, expected in self._background:
                if expected and background.process.returncode is None:
                    self._await(background, expected)
        finally:
            for background, _ in reversed(self._background):
                background.stop()
            for pid in self._groups:
                stop_group(pid)
            if self._python is not None:
                self._python.kill()
                self._python.communicate()

    def _write(self, block: Block) -> None:
        file = Path(self.folder, str(block.title).replace("~", str(self.home)))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self._real(block.code), encoding="utf-8")
        if block.language == "sh":
            file.chmod(0o755)

    def _console(self, command: str, expected: str, may_fail: bool) -> None:
        if _FOREVER.match(command):
            self._start(command, expected)
            return
        output, self._status = self._shell(f"(exit {self._status})\n{self._real(command)}")
        assert may_fail or self._status == 0, f"$ {command}\nexit code {self._status}:\n{output}"
        self._compare(command, expected, output)

    def _script(self, code: str) -> None:
        part: list[str] = []
        for line in code.replace("\\\n", "\0").splitlines():
            command = line.replace("\0", "\\\n")
            if _FOREVER.match(command):
                self._succeed(part)
                self._start(command, "")
                part = []
            else:
                part.append(command)
        self._succeed(part)

    def _succeed(self, lines: list[str]) -> None:
        if any(lines):
            output, status = self._shell("set -euo pipefail\n" + self._real("\n".join(lines)))
            assert status == 0, f"exit code {status}:\n{output}"

    def _start(self, command: str, expected: str) -> None:
        serves = "sagemaker-registry serve" in command
        real = self._real(command)
        if serves and (port := re.search(r"--port (\S+)", real)):
            for other, _ in self._background:
                if re.search(rf"--port {port[1]}\b", other.command):
                    other.stop()
        background = Background(real, self.env, self.folder)
        self._background.append((background, "" if serves else expected))
        if serves:
            ready = background.wait_for(lambda output: "listening on " in output)
            assert ready or expected, f"$ {command}\n{background.output}"
            if expected:
                self._await(background, expected)

    def _await(self, background: Background, expected: str) -> None:
        if not background.wait_for(lambda output: self._match(expected, output)):
            self._compare(background.command, expected, background.output)

    def _shell(self, script: str) -> tuple[str, int]:
        """Run a script in bash; keep its folder and exported variables."""
        kept, printed = self.home / ".environment", self.home / ".printed"
        with printed.open("w") as file:
            process = subprocess.Popen(
                ["bash", "-c", f"trap 'env -0 >{kept}' EXIT\n{script}"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.folder,
                start_new_session=True,
            )
            self._groups.append(process.pid)
            await_end(process)
        found = dict(pair.partition("=")[::2] for pair in kept.read_text(encoding="utf-8").split("\0") if pair)
        self.folder = found.pop("PWD")
        self.env = {name: value for name, value in found.items() if name not in {"_", "SHLVL", "OLDPWD"}}
        return printed.read_text(encoding="utf-8"), process.returncode

    def _run_python(self, block: Block) -> None:
        code, name = self._real(block.code), f"block at line {block.line}"
        if re.search(r"^(?:async )?def test_", code, re.MULTILINE):
            file = Path(self.folder, f"test_line_{block.line}.py")
            file.write_text(code, encoding="utf-8")
            output, status = self._shell(f"python -m pytest -q -p no:cacheprovider -p no:hypothesispytest {file.name}")
            file.unlink()
            assert status == 0, output
            return
        if self._python is None:
            self._python = subprocess.Popen(
                [sys.executable, "-c", _INTERPRETER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=self.env,
            )
        assert self._python.stdin is not None
        assert self._python.stdout is not None
        order = {"code": code, "name": name, "env": self.env, "folder": self.folder}
        print(json.dumps(order), file=self._python.stdin, flush=True)
        lines: list[str] = []
        for line in self._python.stdout:
            if re.fullmatch(r"<done \d>\n", line):
                assert line == "<done 0>\n", f"{name}:\n{''.join(lines)}"
                return
            lines.append(line)
        raise AssertionError(f"{name}: the interpreter ended\n{''.join(lines)}")

    def _real(self, text: str) -> str:
        """Return a text of the page with the ports, keys and URLs of this session."""
        text = _SERVE.sub(r"\1 --port 8080", text)
        text = _PORT.sub(lambda found: self._port(found[1]), text)
        for shown, real in self.replaced.items():
            text = text.replace(shown, real)
        return text

    def _port(self, shown: str) -> str:
        if shown not in self.replaced:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.replaced[shown] = str(free.getsockname()[1])
        return self.replaced[shown]

    def _shown(self, output: str) -> str:
        """Return an output as the page may show it."""
        for shown, real in self.replaced.items():
            output = output.replace(real, shown)
        return normalize(output)

    def _match(self, expected: str, output: str) -> bool:
        found = re.fullmatch(self._pattern(expected), self._shown(output), re.DOTALL)
        if found:
            self.replaced |= {f"AKIA{name[1:]}": key for name, key in found.groupdict().items()}
        return bool(found)

    def _pattern(self, expected: str) -> str:
        """Return the pattern of an expected output, with a group for each access key that is new."""
        pattern = ""
        for line in normalize(expected).splitlines():
            part = "[^\n]*".join(map(re.escape, line.split("...")))
            for key in dict.fromkeys(_ACCESS_KEY.findall(line)):
                if key not in self.replaced and f"(?P<k{key[4:]}>" not in pattern:
                    first, *rest = part.split(key)
                    part = first + f"(?P<k{key[4:]}>[A-Z0-9]{{16,}})" + f"(?P=k{key[4:]})".join(rest)
            pattern += r"(?:[^\n]*\n)*" if line.strip() == "..." else f"{part}\n"
        return pattern

    def _compare(self, command: str, expected: str, output: str) -> None:
        assert self._match(expected, output), f"$ {command}\nexpected:\n{expected}\nprinted:\n{self._shown(output)}"


def normalize(text: str) -> str:
    for pattern, shown in _VARYING.items():
        text = re.sub(pattern, shown, text, flags=re.MULTILINE)
    return text if not text or text.endswith("\n") else f"{text}\n"

"""Draw the images of the console in docs/images from a registry with fixed content: `python -m docs.screenshots`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sagemaker_registry.client import ModelRegistry
from sagemaker_registry.client.testing.control import Control

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES: Final = Path(__file__).with_name("images")
PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
SIZE: Final = {"width": 1120, "height": 680}
USERS: Final = ("alice", "bob")
RULES: Final = """
[[approval]]
groups = ["*"]
rules = ["accurate", "reason"]
[rules.accurate]
is = "metric"
metric = "accuracy"
min = 0.925
[rules.reason]
is = "reason-required"
"""
ACCURACIES: Final = (0.9148, 0.9105, 0.9169, 0.91, 0.9228, 0.9305, 0.9266, 0.9339, 0.9355, 0.9263, 0.9432, 0.9428)
"""The accuracy of each version of churn-eu; those below 0.925 are rejected, and the last two are pending."""
DAY: Final = 86_400
NOW: Final = "2026-11-24T12:00:00+00:00"
"""The time in the images, so that they change only with the console."""
SERVER: Final = f"""
from datetime import datetime
from sagemaker_registry.client.cli import main
from sagemaker_registry.emulator.console import filters
from sagemaker_registry.emulator.console.pages import inbox

class Stopped(datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromisoformat("{NOW}")

filters.datetime = inbox.datetime = Stopped  # the console's ages use the time of the machine
main()
"""
"""The command, with a console whose clock is stopped; test control stops the clock of the registry."""


def inbox(pages: dict[str, Page], address: str) -> Page:
    page = pages["alice"]
    page.goto(f"{address}/console/")
    return page


def review(pages: dict[str, Page], address: str) -> Page:
    page = pages["alice"]
    page.goto(f"{address}/console/groups/churn-eu/12")
    return page


def conflict(pages: dict[str, Page], address: str) -> Page:
    for page in pages.values():
        page.goto(f"{address}/console/groups/churn-eu/12/decide?to=Approved")
    for user, reason in (("bob", "residuals checked"), ("alice", "ticket 42")):
        pages[user].get_by_label("Reason").fill(reason)
        pages[user].get_by_role("button", name="Approve churn-eu/12").click()
    return pages["alice"]


SHOTS: Final[dict[str, Callable[[dict[str, Page], str], Page]]] = {
    # image: the function that opens its page, in this order
    "console-inbox": inbox,
    "console-review": review,
    "console-conflict": conflict,
}


def main() -> None:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        sys.exit("screenshots: Chromium is not installed; run: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with served() as (address, links), sync_playwright() as playwright:
        fill(address)
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        pages = {user: browser.new_context(viewport=SIZE).new_page() for user in USERS}  # type: ignore[arg-type]
        for user, page in pages.items():
            page.goto(links[user])
            page.get_by_role("button").first.click()
            page.wait_for_url("**/console/**")
        for name, opened in SHOTS.items():
            opened(pages, address).screenshot(path=IMAGES / f"{name}.png")
            print(IMAGES / f"{name}.png")
        browser.close()


@contextmanager
def served() -> Iterator[tuple[str, dict[str, str]]]:
    """Serve a registry in memory; yield its address and a login link of each user."""
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "registry.toml"
        rules.write_text(RULES, encoding="utf-8")
        command = [sys.executable, "-c", SERVER, "serve", "--port", "0", "--backend", "sqlite://"]
        command += ["--config", str(rules), *(part for user in USERS for part in ("--console-user", user))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603
            try:
                output = ""
                for line in server.stdout or ():
                    output += line
                    if line.startswith("press Ctrl+C"):
                        break
                else:
                    sys.exit(f"screenshots: the server did not start\n{output}")
                links = re.findall(r"(http://\S+/login\?token=\S+)\s+\((\w+)\)", output)
                yield re.findall(r"listening on (\S+)", output)[0], {user: link for link, user in links}
            finally:
                server.terminate()


def fill(address: str) -> None:
    """Register and decide about the versions that the images show, in the 27 days before NOW."""
    boto = {"region_name": "us-east-1", "aws_secret_access_key": "any"}
    with (
        Control(address) as control,
        ModelRegistry(address, aws_access_key_id="training-pipeline", **boto) as pipeline,
        ModelRegistry(address, aws_access_key_id="bob", **boto) as bob,
    ):
        end = datetime.fromisoformat(NOW).timestamp()
        control.freeze(end - 27 * DAY)
        for number, accuracy in enumerate(ACCURACIES, 1):
            metadata = {"accuracy": accuracy, "precision": accuracy - 0.1, "recall": accuracy - 0.14}
            version = pipeline.register(
                "churn-eu",
                image=f"123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:{number}",
                model_data=f"s3://models/churn-eu/{number}/model.tar.gz",
                description="Same data, learning rate halved after the last review" if number == 12 else None,
                metadata={
                    **{name: round(value, 4) for name, value in metadata.items()},
                    "git_commit": f"4f2a9{number:02}",
                },
            )
            if number <= 10:
                control.advance(DAY / 4)
                if accuracy < 0.925:
                    bob.reject(version, f"accuracy {accuracy} is below 0.925")
                else:
                    bob.approve(version, "residuals checked")
            control.advance(2 * DAY)
        for group, accuracy in (("churn-us", 0.9381), ("fraud", 0.9012)):
            pipeline.register(
                group,
                image=f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{group}:1",
                model_data=f"s3://models/{group}/1/model.tar.gz",
                description=f"First version of {group}",
                metadata={"accuracy": accuracy},
            )
            control.advance(3_600)
        control.freeze(end)


if __name__ == "__main__":
    main()

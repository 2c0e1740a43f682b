"""The documentation site: a strict build that is complete, self-contained and easy to navigate."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import pytest

from docs import screenshots
from sagemaker_registry.backends.testing import faults

pytest_plugins = ("support.browser",)

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.glob("[!_]*/*.md")), DOCS / "index.md"]
KINDS = {"tutorials": 3, "how-to": 15, "reference": 9, "explanation": 6, "project": 3}
WORDS = {"tutorials": (600, 1200), "how-to": (200, 600), "explanation": (400, 1000)}
"""The length of a page of each kind: at least, with its tables; at most, without them. Code does not count."""
LONGER = {"how-to/connect-a-client": 800}
"""Pages that readers do not read from beginning to end: this one has a section for each client."""
DESCRIPTION = re.compile(r"\A---\ndescription: (.+)\n---\n\n")

FROM_CODE = {"api.md", "performance.md", "profiles-and-rules.md", "python.md"}
"""Pages whose words come from docstrings, names of tests and measurements."""

QUESTIONS = {
    # where the answer is, and words to find there
    "How do I install it and see it work?": ("tutorials/get-started", "sagemaker-registry quickstart"),
    "Does my boto3 code run unchanged?": ("how-to/connect-a-client", "AWS_ENDPOINT_URL"),
    "How do I use it in pytest?": ("tutorials/test-a-pipeline", "sagemaker_registry"),
    "How do I run it in CI?": ("how-to/run-in-ci", "GitHub Actions"),
    "How is it different from moto and from AWS?": ("explanation/fidelity", "our choice"),
    "Where is my data, and does it survive a restart?": ("explanation/durability", "data folder"),
    "How do I point Terraform at it?": ("how-to/connect-a-client", "aws_sagemaker_model_package_group"),
    "How do I make two people approve a model?": ("how-to/require-two-approvers", "count = 2"),
    "How do I deploy when a version is approved?": ("how-to/deploy-approved-versions", "watch --on Approved"),
    "How do I go to production?": ("how-to/promote-versions", "sagemaker-registry apply"),
    "How do I back up?": ("how-to/back-up-and-restore", "sagemaker-registry backup"),
    "How do I upgrade?": ("how-to/back-up-and-restore", "install the new release"),
    "Can several people use one registry safely?": ("how-to/serve-a-team", "--credentials"),
    "What does the error I see mean?": ("reference/errors", "error"),
    "Which options can I set, and what are the defaults?": ("reference/settings", "registry.toml"),
}


class Reader(HTMLParser):
    """The text of a page, its links, and the files that it loads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.links, self.loaded = "", list[str](), list[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        if tag == "a":
            self.links.append(found.get("href", ""))
        elif tag in {"script", "img"} or (tag == "link" and "stylesheet" in found.get("rel", "")):
            self.loaded.append(found.get("src") or found.get("href", ""))

    def handle_data(self, data: str) -> None:
        self.text += data


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS).with_suffix(""))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a site that was built without a warning."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", "--keep-going", str(DOCS), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def pages_of(site: Path) -> Iterator[tuple[str, Reader]]:
    for page in PAGES:
        yield name_of(page), Reader((site / f"{name_of(page)}.html").read_text(encoding="utf-8"))


def test_the_site_is_complete(site: Path) -> None:
    for name in ("searchindex.js", "objects.inv", "llms.txt", "llms-full.txt"):
        assert (site / name).stat().st_size > 1000, name
    listed, full = ((site / name).read_text(encoding="utf-8") for name in ("llms.txt", "llms-full.txt"))
    for page in PAGES:
        assert (site / f"{name_of(page)}.html").exists()
        assert f"(_sources/{name_of(page)}.md): " in listed
        assert (site / "_sources" / f"{name_of(page)}.md").exists()
        assert f"<!-- {name_of(page)}.md -->" in full
    assert {kind: len(list((DOCS / kind).glob("*.md"))) for kind in KINDS} == KINDS


def test_the_home_page_links_to_every_section(site: Path) -> None:
    links = Reader((site / "index.html").read_text(encoding="utf-8")).links
    assert {kind for kind in KINDS if any(link.startswith(f"{kind}/") for link in links)} == KINDS.keys()


@pytest.mark.parametrize("question", QUESTIONS)
def test_newcomers_find_answers_within_two_clicks(site: Path, question: str) -> None:
    answer, words = QUESTIONS[question]
    one_click = linked(site, "index")
    assert answer in one_click | {page for first in one_click for page in linked(site, first)}
    assert words in Reader((site / f"{answer}.html").read_text(encoding="utf-8")).text


def linked(site: Path, page: str) -> set[str]:
    """Return the pages that a page links to."""
    links = Reader((site / f"{page}.html").read_text(encoding="utf-8")).links
    targets = {((site / page).parent / urldefrag(link).url).resolve() for link in links if "://" not in link}
    return {name_of(path) for path in PAGES if site / f"{name_of(path)}.html" in targets}


def test_every_internal_link_leads_somewhere(site: Path) -> None:
    """Sphinx checks those between pages; these include downloads and the navigation."""
    missing = [
        f"{name}: {link}"
        for name, page in pages_of(site)
        for link in page.links
        if not re.match(r"[a-z]+:", link) and not ((site / name).parent / urldefrag(link).url).exists()
    ]
    assert missing == []


def test_no_page_loads_from_another_host(site: Path) -> None:
    assert [file for _, page in pages_of(site) for file in page.loaded if re.match(r"(https?:)?//", file)] == []
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)]*", styles) == []


def test_diagrams_and_search_work_offline(site: Path, chromium: Any) -> None:
    with chromium.new_context(offline=True) as context:
        page = context.new_page()
        page.goto((site / "explanation" / "how-a-request-travels.html").as_uri())
        page.wait_for_selector("pre.mermaid svg")
        page.goto((site / "search.html").as_uri() + "?q=webhook")
        page.wait_for_selector("#search-results li a")
        assert any("how-to/deploy" in str(link.get_attribute("href")) for link in page.query_selector_all("li a"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_page_has_a_description(page: Path) -> None:
    found = DESCRIPTION.match(page.read_text(encoding="utf-8"))
    assert found
    assert 20 < len(found[1]) <= 120


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name in WORDS], ids=name_of)
def test_each_kind_of_page_has_its_length(page: Path) -> None:
    least, most = WORDS[page.parent.name]
    text = DESCRIPTION.sub("", page.read_text(encoding="utf-8"))
    text = re.sub(r"<!--.*?-->|^( *)```.*?^\1```$", "", text, flags=re.DOTALL | re.MULTILINE)
    without_tables = re.sub(r"^\|.*$", "", text, flags=re.MULTILINE)
    assert len(text.split()) >= least
    assert len(without_tables.split()) <= LONGER.get(name_of(page), most)


def test_the_guide_to_failures_lists_every_fault() -> None:
    text = (DOCS / "how-to" / "simulate-failures.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE) == list(faults.KINDS)


def test_the_diagram_names_modules_that_exist() -> None:
    text = (DOCS / "explanation" / "how-a-request-travels.md").read_text(encoding="utf-8")
    named = re.findall(r"(?:emulator|backends|client)/[\w/]+\.py", text)
    assert len(named) >= 10
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_the_readme_states_the_results_of_the_contract_suite() -> None:
    """The README repeats two figures of the table on the page about fidelity, which a test run writes."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    passed, moto, applies = re.findall(r"all\s+(\d+) contract tests; moto [\d.]+ passes (\d+) of the (\d+)", readme)[0]
    page = (DOCS / "explanation" / "fidelity.md").read_text(encoding="utf-8")
    table = page.split("<!-- contract: begin -->")[1].split("<!-- contract: end -->")[0]
    cells = [re.findall(r"(\d+) of (\d+)|not answered", row) for row in table.strip().splitlines()[2:]]
    here, other = ([row[column] for row in cells] for column in (0, -1))
    assert sum(int(done) for done, _ in here) == sum(int(all_) for _, all_ in here) == int(passed)
    assert (sum(int(done or 0) for done, _ in other), sum(int(all_ or 0) for _, all_ in other)) == (
        int(moto),
        int(applies),
    )


def test_the_page_of_a_missing_address_works_in_every_folder(site: Path) -> None:
    """GitHub Pages shows 404.html, at the address that does not exist."""
    page = (site / "404.html").read_text(encoding="utf-8")
    head = page.partition("</head>")[0]
    assert head.index('<base href="/sagemaker-registry/">') < head.index("<link")
    assert "Page not found" in Reader(page).text
    missing = [
        path
        for path in [*Reader(page).links, *Reader(page).loaded]
        if path and ":" not in path and not path.startswith("#") and not (site / re.split("[?#]", path)[0]).exists()
    ]
    assert missing == []


def test_every_image_is_drawn_by_the_script() -> None:
    texts = [page.read_text(encoding="utf-8") for page in [*PAGES, ROOT / "README.md"]]
    shown = {name for text in texts for name in re.findall(r"images/([\w-]+)\.png", text)}
    assert shown == screenshots.SHOTS.keys()
    assert shown == {path.stem for path in (DOCS / "images").iterdir()}


def test_words_are_spelled_as_the_glossary_says() -> None:
    pages = [str(path) for path in [ROOT / "README.md", ROOT / "AGENTS.md", *PAGES] if path.name not in FROM_CODE]
    words = ["-D", "-", "-D", str(DOCS / "words.txt"), "--builtin", "clear,en-GB_to_en-US", "-L", "aproved,aprove"]
    command = [sys.executable, "-m", "codespell_lib", *words, *pages]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == ""

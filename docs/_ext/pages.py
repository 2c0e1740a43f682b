"""Sphinx extension of this site: diagrams, titles of code blocks, descriptions of pages, and llms.txt."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

SUMMARY = "A local Amazon SageMaker Model Registry for development, CI and small teams."

_TITLED = re.compile(r'^( *)(`{3,})(\w+) title="([^"]+)"$', re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)


class Mermaid(SphinxDirective):
    """A diagram that mermaid.tiny.js draws in the browser."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        source = html.escape("\n".join(self.content))
        return [nodes.raw("", f'<pre class="mermaid">{source}</pre>', format="html", classes=["diagram"])]


def show_titles(app: Sphinx, name: str, source: list[str]) -> None:
    """Turn ```toml title="FILE" into a code block with a caption."""
    source[0] = _TITLED.sub(r"\1\2{code-block} \3\n\1:caption: \4\n", source[0])


def prepare_page(app: Sphinx, name: str, template: str, context: dict[str, Any], tree: nodes.document | None) -> None:
    """Add the description of a page to its head, and the scripts of diagrams where there are any."""
    if description := app.env.metadata.get(name, {}).get("description"):
        context["metatags"] = context.get("metatags", "") + f'<meta name="description" content="{html.escape(description)}">'
    if tree is not None and any("diagram" in node["classes"] for node in tree.findall(nodes.raw)):
        app.add_js_file("mermaid.tiny.js", loading_method="defer")
        app.add_js_file("diagrams.js", loading_method="defer")


def write_llms_files(app: Sphinx, error: Exception | None) -> None:
    """Write llms.txt, which lists the pages, and llms-full.txt, which contains them."""
    if error or app.builder.name != "html":
        return
    listed, full = [f"# {app.config.project}", f"> {SUMMARY}"], [f"# {app.config.project} {app.config.release}"]
    for kind, pages in sections(app.env):
        lines = [f"## {kind}", ""] if kind else []
        for page in pages:
            title, description = app.env.titles[page].astext(), app.env.metadata[page].get("description", "")
            lines.append(f"- [{title}](_sources/{page}.md): {description}")
            text = _FRONT_MATTER.sub("", Path(app.env.doc2path(page)).read_text(encoding="utf-8"))
            full.append(f"<!-- {page}.md -->\n\n{text.strip()}")
        listed.append("\n".join(lines))
    for name, parts in (("llms.txt", listed), ("llms-full.txt", full)):
        (Path(app.outdir) / name).write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def sections(env: BuildEnvironment) -> Iterator[tuple[str, list[str]]]:
    """Yield the kinds of pages in the order of the navigation, each with its pages."""
    root = env.config.root_doc
    yield "", [root]
    for toctree in env.get_doctree(root).findall(condition=lambda node: node.tagname == "toctree"):
        yield toctree["caption"], [page for _, page in toctree["entries"]]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", show_titles)
    app.connect("html-page-context", prepare_page)
    app.connect("build-finished", write_llms_files)
    return {"parallel_read_safe": True}

"""Sphinx extension of this site: diagrams, titles of code blocks, descriptions of pages, and llms.txt."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

NOT_FOUND = "404"
"""The page that GitHub Pages shows for an address that does not exist."""

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)
_INCLUDED = re.compile(r"^\{\{ (\S+) \}\}$", re.MULTILINE)
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?![a-z]+:|#)(?P<path>[^)#\s]+)(?P<anchor>#[^)]*)?\)")
_TITLED = re.compile(r'^( *)(`{3,})(\w+) title="([^"]+)"$', re.MULTILINE)


class Mermaid(SphinxDirective):
    """A diagram that mermaid.tiny.js draws in the browser."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        source = html.escape("\n".join(self.content))
        return [nodes.raw("", f'<pre class="mermaid">{source}</pre>', format="html", classes=["diagram"])]


def read_source(app: Sphinx, name: str, source: list[str]) -> None:
    """Include files of the root, adapt links, and turn ```toml title="FILE" into a block with a caption."""
    text = page_text(app.env, name, source[0])
    source[0] = _TITLED.sub(r"\1\2{code-block} \3\n\1:caption: \4\n", text)


def page_text(env: BuildEnvironment, name: str, source: str) -> str:
    """Return the source of a page, with `{{ ../../FILE }}` replaced by that file."""
    folder = Path(env.doc2path(name)).parent

    def include(found: re.Match[str]) -> str:
        file = (folder / found[1]).resolve()
        env.note_dependency(str(file), docname=name)
        return adapt_links(env, file.read_text(encoding="utf-8"), file.parent, folder)

    return _INCLUDED.sub(include, adapt_links(env, source, folder, folder))


def adapt_links(env: BuildEnvironment, text: str, written_for: Path, folder: Path) -> str:
    """Return a text with its relative links as a page in `folder` needs them.

    A file that is no page becomes a download; a folder, which cannot be one, loses its link.
    """

    def adapt(found: re.Match[str]) -> str:
        target = (written_for / found["path"]).resolve()
        if target.is_dir():
            return found["text"]
        page = os.path.relpath(target, env.srcdir).removesuffix(".md")
        download = "" if found["image"] or page in env.found_docs else "path:"
        return f"{found['image']}[{found['text']}]({download}{os.path.relpath(target, folder)}{found['anchor'] or ''})"

    return _LINK.sub(adapt, text)


def prepare_page(app: Sphinx, name: str, template: str, context: dict[str, Any], tree: nodes.document | None) -> None:
    """Add the description of a page to its head, and the scripts of diagrams where there are any.

    The page 404 is shown for addresses in any folder, so that its links must be relative to the address of the site.
    """
    if name == NOT_FOUND:
        base = f'<base href="{html.escape(urlsplit(app.config.html_baseurl).path)}">'
        context["metatags"] = base + context.get("metatags", "")
    if description := app.env.metadata.get(name, {}).get("description"):
        context["metatags"] = (
            f'{context.get("metatags", "")}<meta name="description" content="{html.escape(description)}">'
        )
    if tree is not None and any("diagram" in node["classes"] for node in tree.findall(nodes.raw)):
        app.add_js_file("mermaid.tiny.js", loading_method="defer")
        app.add_js_file("diagrams.js", loading_method="defer")


def write_llms_files(app: Sphinx, error: Exception | None) -> None:
    """Write llms.txt, which lists the pages, and llms-full.txt, which contains them."""
    if error or app.builder.name != "html":
        return
    root = app.config.root_doc
    listed = [f"# {app.config.project}", f"> {app.env.metadata[root]['description']}"]
    full = [f"# {app.config.project} {app.config.release}"]
    for kind, pages in sections(app.env):
        lines = [f"## {kind}", ""] if kind else []
        for page in pages:
            title, description = app.env.titles[page].astext(), app.env.metadata[page].get("description", "")
            text = page_text(app.env, page, Path(app.env.doc2path(page)).read_text(encoding="utf-8"))
            (Path(app.outdir) / "_sources" / f"{page}.md").write_text(text, encoding="utf-8")
            lines.append(f"- [{title}](_sources/{page}.md): {description}")
            full.append(f"<!-- {page}.md -->\n\n{_FRONT_MATTER.sub('', text).strip()}")
        listed.append("\n".join(lines))
    for name, parts in (("llms.txt", listed), ("llms-full.txt", full)):
        (Path(app.outdir) / name).write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def sections(env: BuildEnvironment) -> Iterator[tuple[str, list[str]]]:
    """Yield the kinds of pages in the order of the navigation, each with its pages."""
    root = env.config.root_doc
    yield "", [root]
    for toctree in env.get_doctree(root).findall(lambda node: node.tagname == "toctree"):
        yield toctree["caption"], [page for _, page in toctree["entries"]]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", read_source)
    app.connect("html-page-context", prepare_page)
    app.connect("build-finished", write_llms_files)
    return {"parallel_read_safe": True}

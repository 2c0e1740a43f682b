"""Configuration of the documentation site; `just docs` builds it into build/site."""

from __future__ import annotations

import sys
from importlib.metadata import metadata
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "sagemaker-registry"
author = "the sagemaker-registry contributors"
copyright = author  # noqa: A001 - a name of Sphinx
release = version = version_of("sagemaker-registry")

extensions = ["myst_parser", "sphinx_copybutton", "pages"]
exclude_patterns = ["_static", "generate", "reference/_intro"]
nitpicky = True
pygments_style = "default"

myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
myst_links_external_new_tab = False

html_baseurl = next(
    line.partition(", ")[2]
    for line in metadata(project).get_all("Project-URL", [])
    if line.startswith("Documentation, ")
)
html_theme = "furo"
html_title = f"sagemaker-registry {release}"
html_static_path = ["_static"]
html_copy_source = True
html_sourcelink_suffix = ""  # _sources/page.md, which llms.txt links to
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}

copybutton_prompt_text = r"\$ |>>> "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"

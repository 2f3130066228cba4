"""How Sphinx builds these pages: `make docs`, warnings as errors, into docs/_build."""

from __future__ import annotations

from importlib import metadata
from typing import Any

project = "Pneumoscope"
author = "the authors of Pneumoscope"
release = metadata.version("pneumoscope")

extensions = [
    "myst_nb",  # Markdown, and notebooks as they were run
    "sphinx.ext.autodoc",  # the reference of the Python API, from its docstrings
    "sphinx_click",  # the reference of the command line, from its --help
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
smartquotes = False  # -- stays two hyphens in the help of commands

html_theme = "furo"
html_title = "Pneumoscope"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False

myst_heading_anchors = 3
nb_execution_mode = "off"  # tools/run_tutorial.py runs them, and a test

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"


def set_language(app: Any, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Say of a Korean page that it is one, to browsers and screen readers."""
    if page.endswith(".ko"):
        context["language"] = "ko"


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("html-page-context", set_language)

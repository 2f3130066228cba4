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

html_theme = "furo"
html_title = "Pneumoscope"
html_theme_options = {"footer_icons": []}
html_show_sphinx = False
html_copy_source = False

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]
nb_execution_mode = "off"  # tools/run_tutorial.py runs them, and a test

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"

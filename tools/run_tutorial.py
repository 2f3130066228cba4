"""Run docs/learn/tutorial.ipynb and keep its outputs, in the Korean twin too.

    python tools/run_tutorial.py

Edit the Markdown of both notebooks by hand; the code is the English one's, and is copied.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

LEARN = Path(__file__).parents[1] / "docs" / "learn"


def run(path: Path) -> nbformat.NotebookNode:
    """The notebook at ``path``, executed beside itself; raises at the first error."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": path.parent}},
        record_timing=False,
    )
    client.execute()
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def main() -> None:
    """Write the outputs into both notebooks."""
    english, korean = LEARN / "tutorial.ipynb", LEARN / "tutorial.ko.ipynb"
    done = run(english)
    nbformat.write(done, english)
    twin = nbformat.read(korean, as_version=4)
    for cell, source in zip(twin.cells, done.cells, strict=True):
        if source.cell_type == "code":
            cell.update(source)
    nbformat.write(twin, korean)


if __name__ == "__main__":
    main()

"""The tutorial runs to its end, and both languages keep the same code and outputs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from pages import NOTEBOOKS, ROOT

ENGLISH = ROOT / "docs" / "learn" / "tutorial.ipynb"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = ROOT / "tools" / "run_tutorial.py"
    spec = importlib.util.spec_from_file_location("run_tutorial", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code(path: Path) -> list[nbformat.NotebookNode]:
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


# nbclient and its kernel open sockets and event loops that they leave to the garbage collector.
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_the_tutorial_runs_without_an_error(tool: ModuleType) -> None:
    done = [cell for cell in tool.run(ENGLISH).cells if cell.cell_type == "code"]
    kept = code(ENGLISH)
    assert [kinds(cell) for cell in done] == [kinds(cell) for cell in kept]
    assert not any(output.output_type == "error" for cell in done for output in cell.outputs)


def kinds(cell: nbformat.NotebookNode) -> set[str]:
    """What a cell put out, without the words: text, pictures, errors."""
    return {output.get("name", output.output_type) for output in cell.outputs}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_kept_small_and_name_no_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text) < 700_000
    for place in (*map(str, (ROOT, Path.home())), "/tmp/", "/home/", "/Users/", "-packages"):
        assert place not in text
    cells = code(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


def test_both_languages_have_the_same_code_and_outputs() -> None:
    assert len(NOTEBOOKS) == 2
    english, korean = (code(path) for path in NOTEBOOKS)
    assert english == korean

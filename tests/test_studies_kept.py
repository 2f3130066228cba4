"""The studies that are kept: their tables follow from their scores, the docs from their tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pneumoscope.evaluation.score_files import SCORES
from pneumoscope.evaluation.studies import named_study
from pneumoscope.evaluation.study_plan import tasks_of
from pneumoscope.evaluation.study_table import write_tables
from pneumoscope.evaluation.trained import read_result

ROOT = Path(__file__).parents[1]
KEPT = sorted(path.parent for path in (ROOT / "studies").glob("*/*/table.md"))
BEYOND_TABLES = {"result.json", SCORES}


def test_there_are_some() -> None:
    assert KEPT


@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_tables_follow_from_the_kept_scores(folder: Path, tmp_path: Path) -> None:
    study = named_study(folder.name)
    tasks = tasks_of(study, folder.parent, seeds=3, epochs=None)
    made = [(task.cell, task.folder) for task in tasks]
    assert all(read_result(path) for _, path in made), "a cell of the table is not kept"
    write_tables(folder.name, study, made, tmp_path)
    for name in ("table.md", "table.csv"):
        kept = (folder / name).read_text(encoding="utf-8")
        assert (tmp_path / name).read_text(encoding="utf-8") == kept


@pytest.mark.parametrize("language", ["", ".ko"])
@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_the_docs_quote_the_tables(folder: Path, language: str) -> None:
    text = (ROOT / "docs" / f"studies{language}.md").read_text(encoding="utf-8")
    table = (folder / "table.md").read_text(encoding="utf-8")
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert rows
    assert [row for row in rows if row not in text] == []
    assert f"../studies/{folder.parent.name}/{folder.name}/plot.png" in text


def test_what_is_kept_is_whole_and_tells_nothing_of_the_machine() -> None:
    for path in (ROOT / "studies").glob("*/cells/*/*/*"):
        assert path.name in BEYOND_TABLES
        if path.name == "result.json":
            text = path.read_text(encoding="utf-8")
            assert json.loads(text)["status"]
            assert "/home/" not in text
            assert "/root/" not in text

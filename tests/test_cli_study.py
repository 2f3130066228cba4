from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from grids import studies, study
from pneumoscope.cli.study import command
from pneumoscope.evaluation.studies import STUDIES, Cell


def run(films: Path, sizes: Path, cache: Path, out: Path, name: str, *more: str) -> Result:
    words = [name, str(films), "--sizes", str(sizes), "--cache", str(cache), "--out", str(out)]
    return CliRunner().invoke(command, [*words, "--seeds", "1", "--threads", "1", *more])


def test_it_prints_the_table_and_says_where_it_lies(
    films: Path, sizes: Path, cache: Path, tmp_path: Path
) -> None:
    with studies(tiny=study(Cell(name="plain"))):
        result = run(films, sizes, cache, tmp_path, "tiny", "--epochs", "1")
    assert result.exit_code == 0
    assert "**Does it run?**" in result.stdout
    assert "| plain |" in result.stdout
    assert result.stdout.endswith(f"Tables and picture: {tmp_path / 'tiny'}\n")
    assert (tmp_path / "cells").is_dir()


def test_a_cell_that_came_to_nothing_is_exit_code_1(
    films: Path, sizes: Path, cache: Path, tmp_path: Path
) -> None:
    cells = (Cell(name="plain"), Cell(name="many", patients=999))
    with studies(tiny=study(*cells)):
        result = run(films, sizes, cache, tmp_path, "tiny", "--epochs", "1", "--quiet")
    assert result.exit_code == 1
    assert result.stdout == f"Tables and picture: {tmp_path / 'tiny'}\n"


def test_the_help_names_every_study() -> None:
    text = CliRunner().invoke(command, ["--help"]).stdout
    words = text.replace(",", " ").replace(".", " ").split()
    assert set(STUDIES) <= set(words)

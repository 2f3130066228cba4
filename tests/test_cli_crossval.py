from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from pneumoscope.cli.crossval import command


def test_it_prints_a_line_for_each_fold(films: Path, cache: Path, tmp_path: Path) -> None:
    settings = [
        word
        for text in ("size=32", "width=0.25", "epochs=1", "batch=4")
        for word in ("--set", text)
    ]
    words = [str(films), "--by", "grouped", "--folds", "2", "--cache", str(cache), *settings]
    words += ["--out", str(tmp_path / "out"), "--threads", "1", "--quiet"]
    result = CliRunner().invoke(command, words, catch_exceptions=False)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["fold-1", "fold-2", "pooled"]
    assert lines[-1] == f"Scores: {tmp_path / 'out'}"
    assert (tmp_path / "out" / "results.json").exists()


def test_by_is_asked_for(films: Path) -> None:
    result = CliRunner().invoke(command, [str(films)])
    assert result.exit_code == 2
    assert "--by" in result.stderr

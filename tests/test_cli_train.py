from pathlib import Path

from click.testing import CliRunner

from pneumoscope.cli.train import command
from pneumoscope.model.runs import open_run


def test_it_says_what_was_trained_and_what_comes_next(
    films: Path, cache: Path, tmp_path: Path
) -> None:
    settings = ["--set", "size=32", "--set", "epochs=1", "--set", "width=0.25"]
    words = [str(films), "--out", str(tmp_path / "run"), "--cache", str(cache), *settings]
    result = CliRunner().invoke(command, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert "96 films trained and 24 validated (grouped split)" in result.stdout
    assert "Epoch 1 was selected" in result.stdout
    assert f"pneumoscope export {tmp_path / 'run'}" in result.stdout
    assert "epoch   1  loss" in result.stderr  # one line an epoch, also where no terminal shows it
    assert open_run(tmp_path / "run").recipe.width == 0.25

    again = ["--resume", str(films), "--out", str(tmp_path / "run"), "--cache", str(cache)]
    result = CliRunner().invoke(command, [*again, "--quiet"], catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stderr == ""


def test_another_backbone_comes_with_the_head_that_it_can_have(
    films: Path, cache: Path, tmp_path: Path
) -> None:
    words = [str(films), "--out", str(tmp_path / "run"), "--cache", str(cache), "--quiet"]
    words += ["--backbone", "lite0", "--set", "size=32", "--set", "depth=2", "--set", "epochs=1"]
    result = CliRunner().invoke(command, words, catch_exceptions=False)
    assert result.exit_code == 0
    recipe = open_run(tmp_path / "run").recipe
    assert (recipe.backbone, recipe.head, recipe.depth) == ("lite0", "cam", 2)

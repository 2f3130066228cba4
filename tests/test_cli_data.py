from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pneumoscope.cli.data import command
from pneumoscope.errors import MissingExtra, UsageError
from trees import SAMPLE, make_tree

CHEST = str(SAMPLE / "chest_xray")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments), catch_exceptions=False)


def test_check_prints_the_report() -> None:
    result = run("check", CHEST, "--sizes", str(SAMPLE / "original_sizes.csv"))
    assert result.exit_code == 0
    assert result.stdout.startswith(CHEST)
    assert result.stdout.endswith("No problems.\n")
    assert result.stderr == ""  # no progress bar where no terminal shows it


def test_check_as_json_is_json_alone(tmp_path: Path) -> None:
    root = make_tree(tmp_path, ["FLU/a.png", "COVID/b.png"])
    result = run("check", str(root), "--json", "--positive", "COVID")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["classes"] == ["FLU", "COVID"]


def test_strict_turns_problems_into_exit_code_1(tmp_path: Path) -> None:
    assert run("check", CHEST, "--strict").exit_code == 0
    root = make_tree(tmp_path, ["NORMAL/a.png", "PNEUMONIA/b.png"])
    (root / "NORMAL" / "c.png").write_bytes(b"broken")
    assert run("check", str(root)).exit_code == 0
    result = run("check", str(root), "--strict")
    assert result.exit_code == 1
    assert "Films that cannot be read: 1." in result.stdout
    assert json.loads(run("check", str(root), "--strict", "--json").stdout)["problems"]


def test_check_of_nothing_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no folder"):
        run("check", str(tmp_path / "nowhere"))


def test_show_writes_a_picture(tmp_path: Path) -> None:
    out = tmp_path / "films.png"
    result = run("show", CHEST, "--out", str(out), "--split", "val", "--seed", "3")
    assert result.exit_code == 0
    assert result.stdout == f"16 films: {out}\n"
    with Image.open(out) as image:
        assert image.width > 4 * 224


def test_show_augmented_changes_the_films_and_not_the_labels(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    sheets = {}
    for name in ("none", "flip", "full"):
        out = tmp_path / f"{name}.png"
        assert run("show", CHEST, "--out", str(out), "--augment", name).exit_code == 0
        with Image.open(out) as image:
            sheets[name] = np.asarray(image)
    plain, flipped = sheets["none"], sheets["flip"]
    step = 224 + 12
    tiles = [np.s_[12 : 12 + 224, 12 + i * step : 12 + i * step + 224] for i in range(4)]
    same = [np.array_equal(plain[tile], flipped[tile]) for tile in tiles]
    mirrored = [np.array_equal(plain[tile][:, ::-1], flipped[tile]) for tile in tiles]
    assert [a or b for a, b in zip(same, mirrored, strict=True)] == [True] * 4
    assert any(not np.array_equal(plain[tile], sheets["full"][tile]) for tile in tiles)
    np.testing.assert_array_equal(plain[12 + 224 : step + 40], sheets["full"][12 + 224 : step + 40])


def test_show_names_films_that_it_passed_over(tmp_path: Path) -> None:
    root = make_tree(tmp_path, ["NORMAL/a.png", "PNEUMONIA/b.png"])
    (root / "NORMAL" / "a.png").write_bytes(b"broken")
    result = run("show", str(root), "--out", str(tmp_path / "x.png"))
    assert result.stderr == "Unreadable, passed over: NORMAL/a.png\n"


def test_show_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"must end in \.png"):
        run("show", CHEST, "--out", str(tmp_path / "films.jpeg"))
    root = make_tree(tmp_path, ["NORMAL/a.png", "PNEUMONIA/b.png"])
    with pytest.raises(UsageError, match="no films in the split test"):
        run("show", str(root), "--split", "test", "--out", str(tmp_path / "x.png"))


def test_show_augmented_without_torch_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "pneumoscope.model.preview", raising=False)
    monkeypatch.delitem(sys.modules, "pneumoscope.model.augment", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"pneumoscope\[train\]"):
        run("show", CHEST, "--augment", "full", "--out", str(tmp_path / "x.png"))


def test_fetch_prints_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = ModuleType("kagglehub")
    root = make_tree(tmp_path / "kaggle", ["train/NORMAL/a.png", "train/PNEUMONIA/b.png"])
    module.dataset_download = lambda handle: str(root)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    result = run("fetch", "--out", str(tmp_path / "out"))
    assert result.exit_code == 0
    assert result.stdout == f"{root}\n"


@pytest.mark.parametrize("name", [(), ("check",), ("show",), ("fetch",)])
def test_help_has_examples(name: tuple[str, ...]) -> None:
    result = run(*name, "--help")
    assert result.exit_code == 0
    assert "Examples:\n" in result.stdout
    assert f"pneumoscope data {' '.join(name)}".strip() in result.stdout


def test_the_command_imports_no_torch_and_help_no_numpy() -> None:
    code = (
        "import sys; from pneumoscope.cli.data import command; "
        "early = 'numpy' in sys.modules; "
        f"command(['check', {CHEST!r}], standalone_mode=False); "
        "print(early, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bundles import make_bundle, write_brightness
from pneumoscope.cli.audit import command
from pneumoscope.errors import UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Forty films, of which those with pneumonia are brighter; a manifest with sex and sizes."""
    with (tmp_path / "films.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "patient", "sex", "original_width", "original_height"))
        for i in range(40):
            path = tmp_path / "films" / f"{i}.png"
            write_brightness(path, 1.5 if i % 2 else -1.5, seed=i)
            writer.writerow((path, i % 2, f"p{i // 2}", "FM"[i % 4 > 1], 1000 + i % 7, 900))
    make_bundle(tmp_path / "b.pneumo")
    return tmp_path


def run(root: Path, *arguments: str) -> Result:
    given = ["--bundle", str(root / "b.pneumo"), "--out", str(root / "out"), "--resamples", "20"]
    return CliRunner().invoke(
        command, [str(root / "films.csv"), *given, *arguments], catch_exceptions=False
    )


def test_it_prints_the_table_and_ends_with_1_where_a_probe_fails(root: Path) -> None:
    result = run(root, "--threads", "1", "--quiet")
    assert result.exit_code == 1  # a reader of brightness turns its calls with the exposure
    assert "films.csv" not in result.stderr
    assert "fail       curves" in result.stdout
    assert "not asked  regions     lungs only" in result.stdout
    assert result.stdout.endswith("Not a medical device.\n")
    value = json.loads((root / "out" / "audit.json").read_text())
    assert value["read"]["films"] == 40
    named = {row["name"] for row in value["rows"]}
    assert {"sex F", "sex M", "labels from the number of pixels"} <= named
    assert value["method"]["resamples"] == 20


def test_options_reach_the_audit(root: Path) -> None:
    result = run(root, "--at-most", "24", "--split", "test", "--positive", "0", "--threads", "1")
    assert "and 24 of them changed on purpose" in result.stdout
    assert result.stderr.startswith("Opening the test split: 40 films of 20 patients")
    with pytest.raises(UsageError, match="no folder of masks"):
        run(root, "--masks", str(root / "nowhere"))
    (root / "sizes.csv").write_text("path,width,height\nother.png,10,10\n")
    films = root / "films.csv"
    bare = [",".join(line.split(",")[:3]) for line in films.read_text().splitlines()]
    films.write_text("\n".join(bare))
    with pytest.raises(UsageError, match=r"No line of .*sizes.csv matches"):
        run(root, "--sizes", str(root / "sizes.csv"))


def test_help_costs_nothing() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from pneumoscope.cli.audit import command\n"
        "assert CliRunner().invoke(command, ['--help']).exit_code == 0\n"
        "heavy = {'numpy', 'torch', 'scipy', 'matplotlib', 'onnxruntime', 'pydicom'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

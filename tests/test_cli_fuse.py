from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bundles import make_bundle
from manifests import draw, write_manifest
from pneumoscope.cli.bundle import command as bundle_command
from pneumoscope.cli.fuse import command
from pneumoscope.cli.predict import command as predict_command


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cli")
    make_bundle(root / "plain.pneumo")
    write_manifest(root)
    assert run(root, "films.csv", "--out", str(root / "fused.pneumo")).exit_code == 0
    return root


def run(root: Path, manifest: str, *words: str) -> Result:
    given = ["--bundle", str(root / "plain.pneumo"), "--resamples", "10", "--threads", "1"]
    return CliRunner().invoke(
        command, [str(root / manifest), *given, "--quiet", *words], catch_exceptions=False
    )


def predict(root: Path, *words: str) -> list[dict[str, object]]:
    given = ["--bundle", str(root / "fused.pneumo"), "--jsonl", "-", "--quiet"]
    found = CliRunner().invoke(predict_command, [*words, *given], catch_exceptions=False)
    return [json.loads(line) for line in found.stdout.splitlines()]


def test_options_reach_the_fusion_and_a_dry_run_writes_nothing(root: Path) -> None:
    before = sorted(root.iterdir())
    result = run(root, "films.csv", "--dry-run", "--fields", "fever, sex", "--folds", "4")
    assert result.exit_code == 0
    assert sorted(root.iterdir()) == before
    assert "4 folds of patients" in result.stdout
    assert "both without fever" in result.stdout
    assert result.stdout.endswith("Not a medical device.\n")


def test_the_bundle_is_shown_with_its_fields(root: Path) -> None:
    shown = CliRunner().invoke(bundle_command, ["show", str(root / "fused.pneumo")])
    assert "fever (" in shown.stdout
    assert "sex (F, M)" in shown.stdout
    assert "48 fused" in shown.stdout
    assert (root / "fused.fusion.json").is_file()


def test_refused_films_end_with_exit_code_1(root: Path) -> None:
    fever = draw().fields["fever"]
    write_manifest(root, fields={"fever": ["hot", *fever[1:]]}, name="hot.csv")
    result = run(root, "hot.csv", "--dry-run")
    assert result.exit_code == 1
    assert "films/hot-000.png: fever 'hot' is not a number" in result.stdout


def test_predict_takes_a_list_with_fields(root: Path) -> None:
    (root / "ward.csv").write_text(
        "path,fever,sex\nfilms/films-000.png,39.5,F\nfilms/films-000.png,36.5,F\n"
        "films/films-001.png,hot,F\nfilms/films-002.png,,X\nfilms/none.png,37,M\n"
    )
    ill, well, hot, sparse, gone = predict(root, str(root / "ward.csv"))
    assert float(str(ill["probability"])) > float(str(well["probability"]))
    assert ill["film_logit"] == well["film_logit"]
    assert ill["notes"] == []
    assert hot["reason"] == "fever 'hot' is not a number"
    assert sparse["status"] == "read"
    assert sparse["notes"] == [
        "taken as missing: fever",
        "sex 'X' is none of F, M: taken as missing",
    ]
    assert "no such file" in str(gone["reason"])


def test_predict_takes_fields_from_a_table_beside(root: Path) -> None:
    (root / "beside.csv").write_text("file,fever\nfilms-000.png,39.5\nabsent.png,37\n")
    films = [str(root / "films" / f"films-{i:03}.png") for i in range(2)]
    with_row, without = predict(root, *films, "--fields-csv", str(root / "beside.csv"))
    assert with_row["notes"] == ["taken as missing: sex"]
    assert without["notes"] == ["taken as missing: fever, sex"]
    plain = ["--bundle", str(root / "plain.pneumo"), "--fields-csv", str(root / "beside.csv")]
    refused = CliRunner().invoke(predict_command, [films[0], *plain])
    assert refused.exit_code == 2
    assert "takes fields" in refused.stderr


def test_a_list_of_films_needs_no_fused_bundle(root: Path) -> None:
    (root / "list.csv").write_text("file\nfilms/films-000.png\n")
    words = [str(root / "list.csv"), "--bundle", str(root / "plain.pneumo")]
    result = CliRunner().invoke(predict_command, words)
    assert result.exit_code == 0
    assert "1 read" in result.stderr


def test_fusing_needs_no_torch_and_no_scikit_learn(root: Path) -> None:
    code = (
        "import sys\n"
        "from pneumoscope.evaluation.fuse import fuse\n"
        "fuse(sys.argv[1], bundle=sys.argv[2], resamples=5, progress=False)\n"
        "assert not {'torch', 'sklearn', 'onnx'} & sys.modules.keys()\n"
    )
    paths = [str(root / name) for name in ("films.csv", "plain.pneumo")]
    subprocess.run([sys.executable, "-c", code, *paths], check=True, timeout=120)


def test_help_costs_nothing() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from pneumoscope.cli.fuse import command\n"
        "assert CliRunner().invoke(command, ['--help']).exit_code == 0\n"
        "heavy = {'numpy', 'torch', 'scipy', 'matplotlib', 'onnxruntime', 'pydicom'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

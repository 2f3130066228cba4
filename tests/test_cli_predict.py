import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from bundles import make_bundle
from conftest import draw_film
from pneumoscope.cli.predict import command

COLUMNS = ["file", "status", "probability", "call", "reason"]


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    make_bundle(tmp_path / "b.pneumo")
    folder = tmp_path / "ward"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("1.png", "3.jpeg"):
        Image.fromarray(draw_film(rng, pneumonia=True)).save(folder / name)
    (folder / "2.jpeg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    return folder


def predict(ward: Path, *words: str) -> Result:
    bundle = ["--bundle", str(ward.parent / "b.pneumo")]
    return CliRunner().invoke(command, [*words, *bundle], catch_exceptions=False)


def test_a_table_with_a_row_for_each_film(ward: Path) -> None:
    result = predict(ward, str(ward))
    assert result.exit_code == 1  # one was refused
    rows = [line.split()[0] for line in result.stdout.splitlines()]
    assert rows == ["status", "read", "refused", "read"]
    assert "2.jpeg  (damaged or truncated" in result.stdout
    assert "2 read at 'balanced', 1 refused. Not a medical device." in result.stderr


def test_files_that_are_good_end_with_0(ward: Path) -> None:
    result = predict(ward, str(ward / "1.png"), str(ward / "3.jpeg"))
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 3


def test_csv_and_json_lines_hold_the_same(ward: Path) -> None:
    table, lines = ward.parent / "r.csv", ward.parent / "r.jsonl"
    predict(ward, str(ward), "--csv", str(table), "--jsonl", str(lines), "--quiet")
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    objects = [json.loads(line) for line in lines.read_text().splitlines()]
    assert list(rows[0])[:5] == list(objects[0])[:5] == COLUMNS
    assert [row["status"] for row in rows] == ["read", "refused", "read"]
    assert objects[1]["probability"] is None
    for row, value in zip(rows, objects, strict=True):
        assert row["file"] == value["file"]
        assert row["reason"] == (value["reason"] or "")
        if value["logit"] is not None:
            assert float(row["probability"]) == value["probability"]
    assert not list(ward.parent.glob("*.part"))


def test_standard_output_carries_rows_alone(ward: Path) -> None:
    result = predict(ward, str(ward), "--jsonl", "-", "--quiet")
    assert [json.loads(line)["status"] for line in result.stdout.splitlines()] == [
        "read",
        "refused",
        "read",
    ]


def test_prevalence_moves_the_probability_and_not_the_call(ward: Path) -> None:
    def reading(*words: str) -> dict[str, object]:
        out = predict(ward, str(ward / "1.png"), "--jsonl", "-", "--quiet", *words).stdout
        return json.loads(out)  # type: ignore[no-any-return]

    plain, rare = reading(), reading("--prevalence", "0.02")
    assert rare["call"] == plain["call"]
    assert rare["logit"] == plain["logit"]
    assert float(str(rare["probability"])) < float(str(plain["probability"]))
    assert reading("--operating-point", "screen")["operating_point"] == "screen"


def test_a_missing_file_is_a_row_and_an_empty_folder_is_said(ward: Path, tmp_path: Path) -> None:
    result = predict(ward, str(ward / "gone.png"), str(ward / "1.png"))
    assert result.exit_code == 1
    assert "there is no such file" in result.stdout
    (tmp_path / "empty").mkdir()
    result = predict(ward, str(tmp_path / "empty"))
    assert result.exit_code == 2
    assert "No film was found" in result.stderr


def test_what_was_read_stays_when_it_is_stopped(
    ward: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pneumoscope.cli import predict as module

    written: list[object] = []

    def stop(file: object) -> object:
        write = original(file)  # type: ignore[arg-type]

        def once(reading: object) -> None:
            if written:
                raise KeyboardInterrupt
            written.append(reading)
            write(reading)  # type: ignore[arg-type]

        return once

    original = module._csv_writer
    monkeypatch.setattr(module, "_csv_writer", stop)
    table = ward.parent / "r.csv"
    result = predict(ward, str(ward), "--csv", str(table), "--quiet")
    assert result.exit_code == 1
    assert not table.exists()
    assert len((ward.parent / "r.csv.part").read_text().splitlines()) == 2
    assert "r.csv.part" in result.stderr


def test_a_name_that_is_no_text_and_a_reader_that_leaves(ward: Path) -> None:
    odd = ward / "\udcff.png"
    odd.write_bytes((ward / "1.png").read_bytes())
    start = [sys.executable, "-m", "pneumoscope", "predict", str(ward)]
    command = [*start, "--bundle", str(ward.parent / "b.pneumo")]
    whole = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert whole.returncode == 1
    assert rb"\udcff.png" in whole.stdout
    table = ward.parent / "r.csv"
    subprocess.run([*command, "--csv", str(table)], capture_output=True, timeout=60, check=False)
    assert r"\udcff.png" in table.read_text()
    cut = subprocess.Popen(
        [*command, "--jsonl", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert cut.stdout is not None
    assert cut.stderr is not None
    cut.stdout.close()
    error = cut.stderr.read()
    cut.stderr.close()
    assert cut.wait(timeout=60) in (1, 141)
    assert b"Traceback" not in error

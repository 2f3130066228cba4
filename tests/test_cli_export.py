import json
from pathlib import Path

from click.testing import CliRunner

from pneumoscope.cli.bundle import command as bundle_command
from pneumoscope.cli.export import command


def test_export_and_show(run_folder: Path, cache: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.pneumo"
    words = [str(run_folder), "--out", str(out), "--cache", str(cache)]
    result = CliRunner().invoke(command, words, catch_exceptions=False)
    assert result.exit_code == 0
    assert "agrees with the trained one on 24 films" in result.stdout
    assert f"Bundle: {out}" in result.stdout

    shown = CliRunner().invoke(bundle_command, ["show", str(out)], catch_exceptions=False).stdout
    assert "NORMAL or PNEUMONIA" in shown
    assert "96 train, 24 val" in shown
    assert "headers and greys, likeness to films" in shown
    assert "Not a medical device." in shown
    as_json = CliRunner().invoke(bundle_command, ["show", str(out), "--json"]).stdout
    assert json.loads(as_json)["provenance"]["recipe"]["name"] == "notebook"

from pathlib import Path

import pytest

from pneumoscope import files
from pneumoscope.errors import UsageError


def test_writes_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "table.csv"
    files.write_text(target, "old")

    def write_half() -> None:
        with files.write_beside(target) as beside:
            beside.write_text("ne")
            assert beside.suffix == ".csv"
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


def test_json_refuses_what_no_parser_reads(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "a.json", {"auc": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_sha256_is_the_standards() -> None:
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180, "abc"
    assert files.sha256(b"abc") == expected


def test_a_folder_begins_without_the_file_that_says_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    files.begin_folder(out, last="done.json", what="It")
    (out / "done.json").write_text("{}")
    (out / "other.csv").write_text("")
    files.begin_folder(out, last="done.json", what="It")
    assert [path.name for path in out.iterdir()] == ["other.csv"]
    with pytest.raises(UsageError, match=r"^It cannot be written to .*other\.csv"):
        files.begin_folder(out / "other.csv", last="done.json", what="It")

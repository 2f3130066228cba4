from pathlib import Path

import pytest

from pneumoscope import files


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

import dataclasses
import json
import os
import zipfile
from pathlib import Path

import pytest

from bundles import make_bundle, seen
from pneumoscope import preprocess
from pneumoscope.errors import PneumoscopeError
from pneumoscope.inference import bundle as module
from pneumoscope.inference.bundle import hash_patient, load_bundle, save_bundle


def rewrite(path: Path, changes: dict[str, bytes], *, compress: bool = False) -> None:
    """Write the zip anew with some members changed, added or (None) left out."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in {**members, **changes}.items():
            archive.writestr(name, data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_bundle(tmp_path / "a.pneumo", provenance={"epoch": 3, "note": "폐렴"})
    return tmp_path / "a.pneumo"


def test_a_bundle_survives_its_file(path: Path, tmp_path: Path) -> None:
    one = load_bundle(path)
    save_bundle(one, tmp_path / "b.pneumo")
    two = load_bundle(tmp_path / "b.pneumo")
    assert dataclasses.replace(two, path=path) == one
    assert one.provenance == {"epoch": 3, "note": "폐렴"}
    assert (tmp_path / "b.pneumo").read_bytes() == path.read_bytes()


def test_films_seen_are_hashes_only(tmp_path: Path) -> None:
    film = tmp_path / "person1_virus_1.jpeg"
    film.write_bytes(b"pixels")
    made = make_bundle(tmp_path / "a.pneumo", films=(seen(film, "val", patient="person1"),))
    assert load_bundle(tmp_path / "a.pneumo").films == made.films
    assert b"person1" not in (tmp_path / "a.pneumo").read_bytes()


def test_the_same_patient_hashes_differently_under_another_salt() -> None:
    assert hash_patient("a", "p1") == hash_patient("a", "p1") != hash_patient("b", "p1")
    assert hash_patient("a", "p1") != hash_patient("a", "p2")


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_any_changed_byte_of_the_content_is_found(path: Path, place: float) -> None:
    with zipfile.ZipFile(path) as archive:
        network = archive.getinfo("network.onnx")
    data = bytearray(path.read_bytes())
    data[network.header_offset + 60 + int(place * network.file_size * 0.9)] ^= 1
    path.write_bytes(data)
    with pytest.raises(PneumoscopeError, match="damaged or was altered"):
        load_bundle(path)


@pytest.mark.parametrize("member", ["network.onnx", "films.csv", "manifest.json"])
def test_an_altered_member_is_found_though_the_zip_is_sound(path: Path, member: str) -> None:
    with zipfile.ZipFile(path) as archive:
        changed = archive.read(member).replace(b"e", b"a", 1)
    rewrite(path, {member: changed})
    with pytest.raises(PneumoscopeError, match="damaged or was altered"):
        load_bundle(path)


def test_a_moved_threshold_is_found(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    manifest["operating_points"]["balanced"] += 1
    rewrite(path, {"manifest.json": json.dumps(manifest).encode()})
    with pytest.raises(PneumoscopeError, match="altered"):
        load_bundle(path)


def test_half_a_file_is_damaged(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(PneumoscopeError, match="damaged"):
        load_bundle(path)


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"\x89PNG\r\n\x1a\n"])
def test_a_foreign_file_is_no_bundle(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pneumo").write_bytes(content)
    with pytest.raises(PneumoscopeError, match="is not a pneumoscope bundle"):
        load_bundle(tmp_path / "x.pneumo")


def test_other_zips_are_no_bundles(path: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    rewrite(path, {}, compress=True)  # compressed members could unfold without end
    for foreign in (tmp_path / "other.zip", path):
        with pytest.raises(PneumoscopeError, match="is not a pneumoscope bundle"):
            load_bundle(foreign)


def test_missing_and_folder_are_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pneumo", tmp_path):
        with pytest.raises(PneumoscopeError, match="cannot be opened"):
            load_bundle(path)


def test_a_newer_format_asks_for_an_upgrade(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = load_bundle(path)
    monkeypatch.setattr(module, "_WITHOUT_FUSION", module.FORMAT + 1)
    save_bundle(bundle, tmp_path / "new.pneumo")
    monkeypatch.undo()
    with pytest.raises(PneumoscopeError, match="upgrade pneumoscope"):
        load_bundle(tmp_path / "new.pneumo")


def test_other_preprocessing_code_is_not_read_with(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preprocess, "CODE_VERSION", preprocess.CODE_VERSION + 1)
    with pytest.raises(PneumoscopeError, match="export it again"):
        load_bundle(path)

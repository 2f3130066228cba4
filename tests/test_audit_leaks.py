from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bundles import make_bundle, write_labelled
from pneumoscope.data.catalog import Catalog, open_catalog
from pneumoscope.evaluation.audit_films import Looked, look
from pneumoscope.evaluation.audit_leaks import leak_rows, near_copies
from pneumoscope.evaluation.audit_verdict import FAIL, NOT_ASKED, PASS, WARN, Row
from pneumoscope.evaluation.selection import Selection
from pneumoscope.inference.bundle import Bundle, SeenFilm, hash_patient
from pneumoscope.inference.reader import Reader


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make_bundle(tmp_path / "b.pneumo")


@pytest.fixture
def looked(tmp_path: Path, bundle: Bundle) -> Looked:
    films = open_catalog(write_labelled(tmp_path / "films")).films
    return look(films, Reader(bundle, threads=1), threads=1, progress=False)


def rows(
    looked: Looked,
    bundle: Bundle,
    *films: SeenFilm,
    known: bool = True,
    split: str = "unseen",
    trained: tuple[str, ...] = (),
) -> dict[str, Row]:
    catalog = Catalog(Path(), looked.films, ("NORMAL", "PNEUMONIA"), known)
    selection = Selection(split, catalog, ("",) * len(looked.films), trained, (), (), ())
    found = leak_rows(selection, looked, replace(bundle, films=films))
    return {row.name: row for row in found}


def listed(digits: str, patient: str, split: str = "train") -> SeenFilm:
    return SeenFilm("f" * 64, digits, hash_patient("salt", patient), split)


FAR = "0123456789abcdef" * 4


def test_nothing_leaks(looked: Looked, bundle: Bundle) -> None:
    found = rows(looked, bundle, listed(FAR, "a"), listed(FAR, "b", "val"))
    assert {row.verdict for row in found.values()} == {PASS}
    assert {row.estimate.value for row in found.values() if row.estimate} == {0.0}


def test_a_patient_who_was_trained_on_fails(looked: Looked, bundle: Bundle) -> None:
    row = rows(looked, bundle, listed(FAR, "NORMAL2-IM-90001"))["patients trained on"]
    assert row.verdict == FAIL
    assert row.says.startswith("2 of 11")
    assert len(row.details["films"]) == 2
    row = rows(looked, bundle, listed(FAR, "a"), known=False)["patients trained on"]
    assert (row.verdict, row.says) == (NOT_ASKED, "the patients of these films are not known")


def test_a_near_copy_is_found_by_its_hash(looked: Looked, bundle: Bundle) -> None:
    other = f"{int(looked.hashes[3], 16) ^ 0b1011:064x}"  # three bits apart
    train = [listed(other, "a")]
    assert near_copies([looked.hashes[3], FAR], train).tolist() == [True, False]
    assert near_copies([], train).tolist() == []
    row = rows(looked, bundle, *train)["near copies of training films"]
    assert row.verdict == FAIL
    assert looked.films[3].key in row.details["films"]


def test_one_near_copy_in_hundreds_is_a_question(looked: Looked, bundle: Bundle) -> None:
    rng = np.random.default_rng(0)
    hashes = tuple(rng.bytes(32).hex() for _ in range(200))
    films = tuple(replace(looked.films[0], key=str(i), patient=str(i)) for i in range(200))
    many = Looked(films, np.zeros(200), hashes, {}, ())
    row = rows(many, bundle, listed(hashes[7], "a"))["near copies of training films"]
    assert (row.verdict, row.details["films"]) == (WARN, ["7"])


def test_patients_on_both_sides_of_the_bundles_split(looked: Looked, bundle: Bundle) -> None:
    name = "patients on both sides of the bundle's own split"
    inside = [listed(FAR, "a"), listed(FAR, "a", "val"), listed(FAR, "b", "val")]
    row = rows(looked, bundle, *inside)[name]
    assert row.verdict == FAIL
    assert row.estimate is not None
    assert row.estimate.value == 0.5
    assert rows(looked, bundle, inside[0])[name].verdict == NOT_ASKED


def test_trained_films_are_left_out_or_are_a_fault(looked: Looked, bundle: Bundle) -> None:
    name, train = "films trained on", listed(FAR, "a")
    assert rows(looked, bundle, train, trained=("x",))[name].verdict == NOT_ASKED
    row = rows(looked, bundle, train, trained=("x",), split="test")[name]
    assert (row.verdict, row.says) == (FAIL, "1 of 12; they were left out")


def test_a_bundle_that_lists_nothing_cannot_be_asked(looked: Looked, bundle: Bundle) -> None:
    found = rows(looked, bundle)
    assert len(found) == 4
    assert {row.verdict for row in found.values()} == {NOT_ASKED}

from __future__ import annotations

from pathlib import Path

from bundles import make_bundle, write_labelled
from pneumoscope.data.catalog import Film, open_catalog
from pneumoscope.data.fields import learn_field
from pneumoscope.evaluation.fuse_record import about_field, about_films
from pneumoscope.evaluation.selection import select_unseen
from pneumoscope.inference.reader import READ, REFUSED, Reading


def film(**fields: str) -> Film:
    return Film(Path("x.png"), "x.png", 0, "normal", "p", fields=fields)


def test_a_field_is_told_with_what_it_lacks() -> None:
    patients = [f"p{i}" for i in range(8)]
    view = learn_field("view", ["AP", "PA"] * 4, patients)
    films = [film(view="ap"), film(view="LL"), film(view="NA"), film()]
    told = about_field(view, films)
    assert (told["categories"], told["missing"], told["rare"]) == (["AP", "PA"], 2, 1)
    assert told["low"] is None
    age = about_field(learn_field("age", ["20", "40"] * 4, patients), [film(age="30"), film()])
    assert (age["kind"], age["low"], age["high"], age["missing"], age["rare"]) == (
        *("number", 20, 40, 1, 0),
    )


def test_films_are_told_with_refusals(tmp_path: Path) -> None:
    catalog = open_catalog(write_labelled(tmp_path / "chest"))
    bundle = make_bundle(tmp_path / "b.pneumo")
    selection = select_unseen(catalog, bundle, progress=False)
    films = selection.catalog.films
    readings = [Reading("", REFUSED, None, None, "blank")]
    readings += [Reading("", READ, 0.5, "NORMAL", None, 0.0)] * (len(films) - 1)
    told = about_films(bundle, selection, films[1:], readings)
    assert told["refused"] == {"films": 1, "list": [{"file": films[0].key, "reason": "blank"}]}
    data = told["data"]
    assert data["films"] == data["positive"] + data["negative"] == 10
    assert told["bundle"]["file"] == "b.pneumo"
    assert told["notes"] == list(selection.notes)

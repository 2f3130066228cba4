from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from pneumoscope.data.catalog import Catalog, Film, held_out_patients, open_catalog
from pneumoscope.data.split import Split, deal_folds, make_split, set_apart, take_patients
from pneumoscope.errors import PneumoscopeError, UsageError
from trees import SAMPLE, touch


def catalog_of(films: list[Film], *, fixed: bool = False) -> Catalog:
    return Catalog(
        root=Path("films"),
        films=tuple(sorted(films, key=lambda film: film.key)),
        classes=("NORMAL", "PNEUMONIA"),
        patients_known=True,
        fixed_split=fixed,
    )


def film(key: str, label: int, patient: str, *, split: str = "", subtype: str = "") -> Film:
    return Film(Path("films") / key, key, label, subtype or "normal", patient, split)


@pytest.fixture
def crowd() -> Catalog:
    """1,000 films: 26 % normal, 48 % bacterial, 26 % viral, up to 30 films a patient."""
    rng = np.random.default_rng(5)
    films: list[Film] = []
    for subtype, count in (("normal", 260), ("bacterial", 480), ("viral", 260)):
        left = count
        while left:
            size = min(left, int(rng.choice([1, 1, 1, 1, 1, 2, 3, 8, 30] if left > 60 else [1])))
            left -= size
            patient = f"{subtype}-{left}"
            films += [
                film(f"{patient}-{i}.png", int(subtype != "normal"), patient, subtype=subtype)
                for i in range(size)
            ]
    return catalog_of(films)


def test_grouped_keeps_patients_whole_and_subtypes_in_proportion(crowd: Catalog) -> None:
    split = make_split(crowd, seed=1)
    patient = dict(zip(crowd.keys, crowd.patients, strict=True))
    subtype = {film.key: film.subtype for film in crowd.films}
    assert not {patient[key] for key in split.train} & {patient[key] for key in split.val}
    assert sorted(split.train + split.val) == sorted(crowd.keys)
    assert split.held_out == ()
    counts = Counter(subtype[key] for key in split.val)
    assert counts["normal"] == pytest.approx(52, abs=2)
    assert counts["bacterial"] == pytest.approx(96, abs=2)
    assert counts["viral"] == pytest.approx(52, abs=2)


def test_the_seed_decides(crowd: Catalog) -> None:
    for method in ("grouped", "random"):
        first = make_split(crowd, method=method, seed=3)
        assert first == make_split(crowd, method=method, seed=3)
        assert first.val != make_split(crowd, method=method, seed=4).val


def test_the_order_of_the_films_does_not_matter(crowd: Catalog) -> None:
    backwards = crowd.keep(reversed(crowd.films))
    assert make_split(backwards, seed=2) == make_split(crowd, seed=2)
    assert make_split(backwards, method="random", seed=2) == make_split(
        crowd, method="random", seed=2
    )


@pytest.mark.parametrize(("n", "train"), [(1000, 800), (999, 799), (5232, 4185)])
def test_random_divides_as_the_notebook(n: int, train: int) -> None:
    catalog = catalog_of([film(f"{i}.png", int(i % 4 > 0), f"p{i // 3}") for i in range(n)])
    split = make_split(catalog, method="random", seed=0)
    assert (len(split.train), len(split.val)) == (train, n - train)
    assert split.method == "random"


def test_test_films_never_train(crowd: Catalog) -> None:
    extra = [film(f"test{i}.png", i % 2, f"t{i}", split="test") for i in range(10)]
    split = make_split(catalog_of([*crowd.films, *extra]))
    assert not {f.key for f in extra} & set(split.train + split.val + split.held_out)


def test_held_out_patients_are_moved_and_the_rest_stays(crowd: Catalog) -> None:
    patient = min(name for name in held_out_patients() if name.startswith("IM"))
    names = [f"{patient}-0001.jpeg", f"{patient}-0002.jpeg"]
    extra = [film(name, 0, patient, split="train") for name in names]
    for method in ("grouped", "random"):
        split = make_split(catalog_of([*crowd.films, *extra]), method=method)
        assert split.held_out == tuple(names)
        assert len(split.train) + len(split.val) == len(crowd.films)
    own_test = [film(name, 0, patient, split="test") for name in names]
    assert make_split(catalog_of([*crowd.films, *own_test])).held_out == ()


def test_a_manifests_split_is_honoured() -> None:
    films = [
        film(f"{side}{i}.png", i % 2, f"{side}{i}", split=side)
        for side in ("train", "val", "test")
        for i in range(4)
    ]
    split = make_split(catalog_of(films, fixed=True), method="random")
    assert split.method == "manifest"
    assert split.train == ("train0.png", "train1.png", "train2.png", "train3.png")
    assert split.val == ("val0.png", "val1.png", "val2.png", "val3.png")
    with pytest.raises(UsageError, match="nothing for 1"):
        make_split(catalog_of([*films, film("x.png", 0, "x")], fixed=True))


@pytest.mark.parametrize(
    ("films", "words"),
    [
        ([film("a.png", 0, "a"), film("b.png", 0, "b")], "no film of the class PNEUMONIA"),
        ([], "no film of the class NORMAL"),
        (
            [film(f"{i}.png", 0, f"{i}") for i in range(9)] + [film("x.png", 1, "x")],
            "The class PNEUMONIA .* has one patient only",
        ),
        (
            [film(f"{i}.png", 0, f"{i}") for i in range(9)]
            + [film(f"x{i}.png", 1, "x") for i in range(9)],
            "The class PNEUMONIA .* has one patient only",
        ),
    ],
)
def test_sets_that_cannot_be_divided(films: list[Film], words: str) -> None:
    with pytest.raises(PneumoscopeError, match=words):
        make_split(catalog_of(films))


def test_random_counts_films_and_not_patients() -> None:
    films = [film(f"{i}.png", 0, f"{i}") for i in range(9)] + [film("x.png", 1, "x")]
    with pytest.raises(PneumoscopeError, match="has one film only"):
        make_split(catalog_of(films), method="random")
    rare = catalog_of([film(f"{i:03}.png", int(i < 2), f"{i}") for i in range(200)])
    with pytest.raises(PneumoscopeError, match="fewer than two classes in validation"):
        make_split(rare, method="random", validation=0.01)


def test_two_patients_in_a_class_stand_on_either_side() -> None:
    films = [film(f"{label}{p}{i}.png", label, f"{label}{p}") for label in (0, 1) for p in "ab"
             for i in range(10)]  # fmt: skip
    for seed in range(5):
        split = make_split(catalog_of(films), seed=seed)
        assert {key[0] for key in split.train} == {key[0] for key in split.val} == {"0", "1"}
        assert not {key[:2] for key in split.train} & {key[:2] for key in split.val}


def test_patients_with_films_of_both_classes_stay_whole() -> None:
    films = [film(f"{p}-{i}.png", i % 2, f"{p}") for p in range(40) for i in range(1 + p % 4)]
    split = make_split(catalog_of(films), seed=9)
    train, val = ({key.split("-")[0] for key in keys} for keys in (split.train, split.val))
    assert not train & val
    assert len(split.val) == pytest.approx(0.2 * len(films), abs=2)


def test_unknown_method_and_share(crowd: Catalog) -> None:
    with pytest.raises(UsageError, match="no split method 'sorted'"):
        make_split(crowd, method="sorted")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="between 0 and 1"):
        make_split(crowd, validation=1.0)


def test_take_patients_takes_the_share_that_is_asked_for(crowd: Catalog) -> None:
    taken = take_patients(crowd.films, share=0.5, rng=np.random.default_rng(0))
    assert len(taken) == pytest.approx(500, abs=4)


def test_a_split_survives_its_file(tmp_path: Path) -> None:
    catalog = open_catalog(SAMPLE / "chest_xray")
    split = make_split(catalog, seed=4)
    path = tmp_path / "split.csv"
    split.save(path, catalog)
    lines = path.read_text().splitlines()
    assert lines[0] == "key,patient,subtype,split"
    assert len(lines) == 1 + 456
    loaded = Split.load(path, catalog)
    assert (loaded.train, loaded.val, loaded.held_out) == (split.train, split.val, ())
    assert loaded.method == "file"


def test_a_file_cannot_bring_held_out_patients_back(tmp_path: Path, crowd: Catalog) -> None:
    patient = min(name for name in held_out_patients() if name.startswith("IM"))
    catalog = catalog_of([*crowd.films, film(f"{patient}-0001.jpeg", 0, patient)])
    sides = ["train", "val"] * len(catalog.keys)
    rows = [f"{key},{side}" for key, side in zip(catalog.keys, sides, strict=False)]
    path = tmp_path / "split.csv"
    path.write_text("\n".join(["key,split", *rows]) + "\n")
    split = Split.load(path, catalog)
    assert split.held_out == (f"{patient}-0001.jpeg",)
    assert len(split.train) + len(split.val) == len(crowd.films)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("gone.png,train", "line 2: there is no film gone.png"),
        ("a.png,later", "line 2: the split 'later'"),
        ("a.png,train\na.png,val", "line 3: the film a.png is listed twice"),
        ("t.png,train", "line 2: t.png is a test film"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, rows: str, words: str) -> None:
    catalog = catalog_of([film("a.png", 0, "a"), film("t.png", 1, "t", split="test")])
    path = tmp_path / "split.csv"
    path.write_text(f"key,split\n{rows}\n")
    with pytest.raises(UsageError, match=words):
        Split.load(path, catalog)


def test_a_file_with_one_class_on_a_side(tmp_path: Path) -> None:
    touch(tmp_path / "x")
    catalog = catalog_of([film(f"{i}.png", int(i > 1), f"{i}") for i in range(4)])
    path = tmp_path / "split.csv"
    path.write_text("key,split\n0.png,train\n2.png,train\n3.png,val\n")
    with pytest.raises(PneumoscopeError, match="fewer than two classes in validation"):
        Split.load(path, catalog)


def test_what_is_set_apart_neither_trains_nor_validates(crowd: Catalog) -> None:
    apart = {film.key for film in crowd.films if film.patient.endswith("0")}
    split = set_apart(crowd, apart, seed=1)
    assert set(split.apart) == apart
    assert not apart & {*split.train, *split.val}
    assert len(split.train) + len(split.val) + len(split.apart) == len(crowd.films)
    by_film = set_apart(crowd, apart, method="random", seed=1)
    assert set(by_film.apart) == apart
    assert by_film.val != split.val


def test_apart_is_written_and_read_again(crowd: Catalog, tmp_path: Path) -> None:
    split = set_apart(crowd, crowd.keys[:50])
    split.save(tmp_path / "split.csv", crowd)
    loaded = Split.load(tmp_path / "split.csv", crowd)
    assert (loaded.train, loaded.val, loaded.apart) == (split.train, split.val, split.apart)
    assert split.sides == loaded.sides


def test_held_out_patients_are_not_set_apart_but_held_out() -> None:
    own = sorted(held_out_patients())[0]
    films = [film(f"{i}.png", i % 2, f"p{i}") for i in range(8)] + [film("own.png", 0, own)]
    split = set_apart(catalog_of(films), {"own.png", "0.png"})
    assert (split.held_out, split.apart) == (("own.png",), ("0.png",))


def test_folds_are_whole_patients_and_every_film_once(crowd: Catalog) -> None:
    folds = deal_folds(crowd, folds=4, seed=2)
    assert len(folds) == 4
    assert sorted(key for fold in folds for key in fold) == sorted(crowd.keys)
    films = {film.key: film for film in crowd.films}
    of_patient: dict[str, set[int]] = {}
    for number, fold in enumerate(folds):
        counts = Counter(films[key].subtype for key in fold)
        assert counts["bacterial"] == pytest.approx(120, abs=16)
        for key in fold:
            of_patient.setdefault(films[key].patient, set()).add(number)
    assert all(len(numbers) == 1 for numbers in of_patient.values())
    with pytest.raises(PneumoscopeError, match="patients only: at least 999 are needed"):
        deal_folds(crowd, folds=999)


def test_the_shift_split_sets_films_of_unlike_acquisition_apart(
    films: Path, sizes: Path, cache: Path
) -> None:
    catalog = open_catalog(films, sizes=sizes)
    first, second = (make_split(catalog, method="shift", seed=s, cache=cache) for s in (0, 1))
    assert first.method == "shift"
    assert first.apart == second.apart
    assert first.val != second.val
    width = {film.key: film.width or 0 for film in catalog.films}
    label = {film.key: film.label for film in catalog.films}
    normal = [width[key] for key in first.apart if label[key] == 0]
    others = [width[key] for key in first.train if label[key] == 0]
    assert np.mean(normal) < np.mean(others)

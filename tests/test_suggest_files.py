from __future__ import annotations

import csv
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from bundles import write_brightness
from pneumoscope.data.catalog import Film
from pneumoscope.evaluation.suggest_files import CHECK_COLUMNS, LABEL_COLUMNS, SHEET, write
from pneumoscope.evaluation.suggestions import Counts, Doubtful, Suggestions, Unsure
from pneumoscope.inference.guard import Guard

DOCS = Path(__file__).parents[1] / "docs"


def film(root: Path, name: str) -> Film:
    return Film(write_brightness(root / name, 0.0), name, 0, "", name)


@pytest.fixture
def made(tmp_path: Path) -> Suggestions:
    root = tmp_path / "my ward"
    return Suggestions(
        out=tmp_path / "out",
        root=root,
        time="",
        data="my ward",
        bundle={},
        asked=5,
        scores="out-of-fold",
        to_label=(Unsure(film(root, 'a, "b" & c.png'), 0.5), Unsure(film(root, "d.png"), 0.25)),
        to_check=(Doubtful(film(root, "sub/e#1.png"), "NORMAL", 0.9, 0.1, True),),
        unlabelled=Counts(2, 2, 2),
        labelled=Counts(1, 1, 1, 1),
        refused=(),
        notes=(),
    )


def tasks(path: Path) -> list[dict[str, Any]]:
    """As Label Studio imports a CSV: a task a row, the columns' names as keys of its data."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{"data": row} for row in csv.DictReader(file, strict=True)]


def test_a_table_is_what_label_studio_imports(made: Suggestions) -> None:
    write(made, Guard())
    first, second = tasks(made.out / "to_label.csv")
    assert tuple(first["data"]) == LABEL_COLUMNS
    assert first["data"]["file"] == 'a, "b" & c.png'
    assert (second["data"]["rank"], second["data"]["probability"]) == ("2", "0.2500")
    (check,) = tasks(made.out / "to_check.csv")
    assert tuple(check["data"]) == CHECK_COLUMNS
    assert check["data"]["label"] == "NORMAL"
    assert check["data"]["confident"] == "yes"
    assert check["data"]["self_confidence"] == "0.1000"
    # Its uploader splits by semicolons where the header has more of them than commas.
    assert ";" not in ",".join(CHECK_COLUMNS)


def test_images_are_urls_below_the_folder_of_the_films(made: Suggestions) -> None:
    write(made, Guard())
    urls = [task["data"]["image"] for task in tasks(made.out / "to_label.csv")]
    prefix = "/data/local-files/?d="
    assert all(re.fullmatch(r"[\w/?=%.-]+", url) for url in urls)
    for url in urls:  # the document root is the folder that holds that of the films
        assert (made.root.parent / unquote(url.removeprefix(prefix))).is_file()
    (check,) = tasks(made.out / "to_check.csv")
    assert check["data"]["image"] == prefix + "my%20ward/sub/e%231.png"
    write(made, Guard(), prefix="https://films.example/")
    (check,) = tasks(made.out / "to_check.csv")
    assert check["data"]["image"] == "https://films.example/sub/e%231.png"


def test_copies_carry_no_name_and_replace_older_ones(made: Suggestions) -> None:
    copied = replace(made, copied=True)
    write(copied, Guard())
    names = ["to_check-001.png", "to_label-001.png", "to_label-002.png"]
    assert sorted(path.name for path in (made.out / "films").iterdir()) == names
    (check,) = tasks(made.out / "to_check.csv")
    assert check["data"]["image"] == "/data/local-files/?d=out/films/to_check-001.png"
    with Image.open(made.out / "films" / "to_check-001.png") as image:
        assert image.size == (64, 64)
    write(replace(copied, to_label=()), Guard())
    assert [path.name for path in (made.out / "films").iterdir()] == ["to_check-001.png"]
    assert not (made.out / "to_label.csv").exists()
    assert not (made.out / "to_label.png").exists()


def test_a_sheet_has_a_tile_for_each_film_and_says_what_it_is_not(made: Suggestions) -> None:
    write(made, Guard())
    with Image.open(made.out / "to_label.png") as image:
        sheet = np.asarray(image)
    assert sheet.shape[1] == 12 + 2 * 236
    assert sheet[-20:].min() < 100  # a line stands below
    many = replace(made, to_label=made.to_label[:1] * (SHEET + 1))
    write(many, Guard())
    with Image.open(made.out / "to_label.png") as image:
        assert image.height < (SHEET / 4 + 1) * 280


def test_a_name_that_is_no_text_is_written(made: Suggestions) -> None:
    name = os.fsdecode(b"f\xfflm.png")
    try:
        odd = film(made.root, name)
    except OSError:
        pytest.skip("this file system takes names of valid text alone")
    write(replace(made, to_label=(Unsure(odd, 0.5),)), Guard())
    (task,) = tasks(made.out / "to_label.csv")
    assert task["data"]["image"].endswith("/f%FFlm.png")
    assert (made.out / "to_label.png").is_file()


@pytest.mark.parametrize("page", ["suggest.md", "suggest.ko.md"])
def test_the_labelling_configurations_in_the_docs_name_columns(page: str) -> None:
    blocks = re.findall(r"```xml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for block, columns in zip(blocks, (LABEL_COLUMNS, CHECK_COLUMNS), strict=True):
        assert "$image" in block
        assert set(re.findall(r"\$(\w+)", block)) <= set(columns)
        assert "$probability" not in block  # who labels should not see what the network thinks


def test_json_comes_last(made: Suggestions) -> None:
    write(made, Guard())
    told = json.loads((made.out / "suggestions.json").read_text())
    assert told["labelled"]["files"] == ["to_check.csv", "to_check.png"]

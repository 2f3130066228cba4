from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pneumoscope import files
from pneumoscope.errors import UsageError
from pneumoscope.evaluation.crossval import RESULTS
from pneumoscope.evaluation.members import read_kept, read_together, write_kept
from pneumoscope.evaluation.score_files import SCORES, write_scores
from pneumoscope.model.recipe import NOTEBOOK, Recipe

ONE = replace(NOTEBOOK, name="one")
OTHER = replace(NOTEBOOK, name="other", width=0.5)


def keep(
    folder: Path, recipe: Recipe | tuple[Recipe, ...], logits: list[float], *, by: str = "shift"
) -> Path:
    folder.mkdir()
    rows = [
        ("size" if number % 2 else "aspect", f"{number}.jpeg", f"p{number}", number % 2, "", 0)
        for number in range(len(logits))
    ]
    pairs = list(zip(rows, logits, strict=True))
    if folder.name.endswith("turned"):
        pairs.reverse()
    write_scores(folder / SCORES, [(*row, logit, 2 * logit) for row, logit in pairs])
    if isinstance(recipe, tuple):
        write_kept(folder, by, [each.to_json() for each in recipe])
    else:
        files.write_json(folder / RESULTS, {"by": by, "recipe": recipe.to_json()})
    return folder


def test_scores_of_one_recipe_are_as_they_were_kept(tmp_path: Path) -> None:
    folder = keep(tmp_path / "a", ONE, [1.0, 2.0, 4.0])
    (kept,) = read_together([folder], recipes=[replace(ONE, seed=5, validation=0.1)]).items()
    assert kept[0] == "shift"
    assert sorted(kept[1].logit) == [1.0, 2.0, 4.0]
    assert read_kept(folder).recipes == (ONE,)


def test_networks_read_together_have_the_mean_of_their_scores(tmp_path: Path) -> None:
    one = keep(tmp_path / "one", ONE, [1.0, 2.0, 4.0])
    other = keep(tmp_path / "other-turned", OTHER, [3.0, 6.0, -4.0])
    found = read_together([other, one], recipes=[ONE, OTHER])["shift"]
    logit = dict(zip(found.keys, found.logit, strict=True))
    assert logit == {"0.jpeg": 2.0, "1.jpeg": 4.0, "2.jpeg": 0.0}
    np.testing.assert_array_equal(found.leaning, 2 * found.logit)
    assert dict(zip(found.keys, found.truth, strict=True)) == {
        "0.jpeg": 0, "1.jpeg": 1, "2.jpeg": 0,
    }  # fmt: skip


def test_a_network_that_is_named_twice_counts_twice(tmp_path: Path) -> None:
    one = keep(tmp_path / "one", ONE, [1.0, 2.0, 4.0])
    other = keep(tmp_path / "other", OTHER, [4.0, 8.0, -2.0])
    found = read_together([one, other], recipes=[ONE, OTHER, ONE])["shift"]
    logit = dict(zip(found.keys, found.logit, strict=True))
    assert logit == {"0.jpeg": 2.0, "1.jpeg": 4.0, "2.jpeg": 2.0}


def test_scores_that_they_gave_together_stay(tmp_path: Path) -> None:
    folder = keep(tmp_path / "both", (ONE, OTHER), [1.0, 5.0], by="changed")
    assert sorted(read_together([folder], recipes=[ONE, OTHER])["changed"].logit) == [1.0, 5.0]
    for recipes in ([ONE], [OTHER, ONE]):
        with pytest.raises(UsageError, match="another recipe"):
            read_together([folder], recipes=recipes)


def test_what_is_missing_or_foreign_is_named(tmp_path: Path) -> None:
    one = keep(tmp_path / "one", ONE, [1.0, 2.0])
    with pytest.raises(UsageError, match="of the recipe other"):
        read_together([one], recipes=[ONE, OTHER])
    with pytest.raises(UsageError, match="another recipe"):
        read_together([one], recipes=[OTHER])
    with pytest.raises(UsageError, match="pneumoscope crossval"):
        read_together([tmp_path], recipes=[ONE])
    longer = keep(tmp_path / "longer", OTHER, [1.0, 2.0, 3.0])
    with pytest.raises(UsageError, match="other films"):
        read_together([one, longer], recipes=[ONE, OTHER])

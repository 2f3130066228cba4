import json

import pytest

from pneumoscope.errors import UsageError
from pneumoscope.model.recipe import RECIPES, Recipe, named


def test_the_notebooks_recipe_is_the_notebooks() -> None:
    recipe = named("notebook")
    assert (recipe.size, recipe.batch, recipe.epochs, recipe.validation) == (180, 16, 25, 0.2)
    assert (recipe.split, recipe.augment, recipe.class_weights) == ("grouped", "none", True)
    assert named("notebook-flip").augment == "flip"
    assert named("notebook", {"split": "random"}).split == "random"


def test_settings_take_the_type_of_their_field() -> None:
    recipe = named(
        "full", {"epochs": "3", "learning_rate": "1e-4", "normalise": "no", "head": "flatten"}
    )
    assert (recipe.epochs, recipe.learning_rate, recipe.normalise) == (3, 1e-4, False)
    assert recipe.head == "flatten"
    assert recipe.name == "full"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_json(name: str) -> None:
    recipe = RECIPES[name]
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert recipe.name == name


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"epoch": "3"}, "no field 'epoch'"),
        ({"name": "x"}, "no field 'name'"),
        ({"epochs": "many"}, "epochs takes int"),
        ({"epochs": "0"}, "epochs must be at least 1"),
        ({"batch": "1"}, "batch 2"),
        ({"normalise": "perhaps"}, "true or false"),
        ({"augment": "wild"}, "none, flip, mild, full"),
        ({"split": "halves"}, "grouped, random"),
        ({"precision": "fp8"}, "auto, bf16, fp32"),
        ({"validation": "1"}, "between 0 and 1"),
        ({"learning_rate": "0"}, "above 0"),
        ({"size": "20"}, "at least 32 pixels"),
        ({"resize": "crop"}, "squash"),
        ({"spectrum": "sharp"}, "'as-is' or 'equal'"),
        ({"sampling": "often"}, "plain, class, size"),
        ({"loss": "hinge"}, "bce, focal"),
        ({"steps": "-1"}, "seed and steps 0"),
        ({"decorrelate": "-1"}, "decorrelate and penalty must be at least 0"),
        ({"penalty": "-1"}, "decorrelate and penalty must be at least 0"),
        ({"lungs": "1"}, "cam, lungs, zones"),
        ({"backbone": "lite0", "head": "zones"}, "head zones needs lungs above 0"),
        ({"backbone": "lite0", "head": "zones", "lungs": "1"}, "head zones needs refit above 0"),
        ({"refit": "1", "select": "last"}, "0 for the notebook's network"),
        ({"backbone": "lite0", "head": "cam", "refit": "1"}, "needs select=last"),
    ],
)
def test_what_cannot_be_trained_is_named(settings: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        named("notebook", settings)


def test_an_unknown_recipe_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="there are notebook, notebook-flip, full"):
        named("mystery")

"""The studies, as plain data: a named grid over the fields of a recipe. Adding one is ten lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pneumoscope.errors import UsageError
from pneumoscope.model.recipe import SHIPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One training of a grid: how its recipe and its training films differ from the study's base.

    ``changes`` are fields of the recipe. ``patients`` keeps so many training patients, chosen at
    ``choose`` ('random', or 'uncertain': the choice of the cell with half as many, and what that
    cell's network was unsure of, unlike each other). ``prevalence`` cuts the positive training
    films to this share of all. ``inner`` divides the training films once more, by film or by
    patient, and validates on that part, so that the study's validation patients are strangers.
    ``move_threshold`` changes no training: the log-odds of the classes in training are taken off
    the logits afterwards.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    patients: int | None = None
    choose: Literal["random", "uncertain"] = "random"
    prevalence: float | None = None
    inner: Literal["random", "grouped"] | None = None
    move_threshold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A question, the grid that answers it, and the cell that the others are held against.

    ``base`` are fields of the recipe for every cell. ``figure`` is what the plot shows, over
    ``axis`` (a field of the cells) where there is one. ``variance_shift`` adds that table.
    """

    question: str
    reference: str
    cells: tuple[Cell, ...]
    base: Mapping[str, Any] = field(default_factory=dict)
    figure: str = "roc_auc"
    axis: Literal["patients", "prevalence"] | None = None
    variance_shift: bool = False


def named_study(name: str) -> Study:
    """The study called ``name``; ``UsageError`` where there is none."""
    if name not in STUDIES:
        raise UsageError(f"There is no study {name!r}; there are {', '.join(STUDIES)}.")
    return STUDIES[name]


# Every remedy stands alone: class weights are the notebook's and are taken off for the others.
REMEDIES: dict[str, Mapping[str, Any]] = {
    "none": {"class_weights": False},
    "class weights": {},
    "oversampling": {"class_weights": False, "sampling": "class"},
    "focal loss": {"class_weights": False, "loss": "focal"},
}
_SHIPPED = {
    name: value
    for name, value in SHIPPED.to_json().items()
    if name not in ("name", "seed", "split", "validation", "precision")
}
# Features that learn take the last layer that they learn with.
_LEARNING: Mapping[str, Any] = {
    "head": "lungs",
    "refit": 0,
    "decorrelate": 0.0,
    "learning_rate": 3e-4,
}
LABEL_STAGES = (25, 50, 100, 200, 400, 800, 1600)
RARE = (0.01, 0.02, 0.05, 0.10, 0.25)


def _remedies(prevalence: float | None = None) -> tuple[Cell, ...]:
    """A cell for each remedy, and one whose threshold is moved after a training without any."""
    prefix = "" if prevalence is None else f"{100 * prevalence:g} %, "
    return (
        *(
            Cell(name=prefix + name, changes=changes, prevalence=prevalence)
            for name, changes in REMEDIES.items()
        ),
        Cell(
            name=f"{prefix}threshold moved",
            changes=REMEDIES["none"],
            prevalence=prevalence,
            move_threshold=True,
        ),
    )


STUDIES: dict[str, Study] = {
    "resolution": Study(
        question="Was it resolution that made the notebook worse, or a dense layer that grew?",
        reference="180 px, flatten",
        cells=(
            *(
                Cell(name=f"{size} px, {head}", changes={"size": size, "head": head})
                for head in ("flatten", "pool")
                for size in (180, 360, 480)
            ),
            *(
                Cell(
                    name=f"360 px, pool, kernel {kernel}",
                    changes={"size": 360, "head": "pool", "kernel": kernel},
                )
                for kernel in (5, 7)
            ),
            Cell(
                name="360 px, pool, width 2",
                changes={"size": 360, "head": "pool", "width": 2.0},
            ),
        ),
    ),
    "dropout": Study(
        question="Is less dropout worse?",
        reference="dropout x1",
        cells=tuple(
            Cell(name=f"dropout x{factor:g}", changes={"dropout": factor})
            for factor in (0.0, 0.5, 1.0, 1.3)
        ),
    ),
    "width": Study(
        question="Do more filters change anything?",
        reference="width x1",
        # Parameters grow with the square of the width: about a quarter, one, two and four times.
        cells=tuple(
            Cell(name=f"width x{factor:g}", changes={"width": factor})
            for factor in (0.5, 1.0, 1.41, 2.0)
        ),
    ),
    "norm-dropout": Study(
        question="Do BatchNorm and Dropout harm or help each other?",
        reference="both",
        variance_shift=True,
        cells=(
            Cell(name="both"),
            Cell(name="BatchNorm only", changes={"dropout": 0.0}),
            Cell(name="Dropout only", changes={"normalise": False}),
            Cell(name="neither", changes={"normalise": False, "dropout": 0.0}),
        ),
    ),
    "augment": Study(
        question="What does augmentation bring, and what do flips on validation films do?",
        reference="none",
        cells=(
            Cell(name="none"),
            Cell(name="flips", changes={"augment": "flip"}),
            Cell(
                name="flips on validation too",
                changes={"augment": "flip", "augment_validation": True},
            ),
            Cell(name="full", changes={"augment": "full"}),
        ),
    ),
    "imbalance": Study(
        question="Which remedy for three pneumonia films to one normal film helps?",
        reference="class weights",
        cells=_remedies(),
        figure="balanced_accuracy_as_trained",
    ),
    "split": Study(
        question="How much of the notebook's validation score was leakage?",
        reference="grouped",
        cells=(Cell(name="grouped", inner="grouped"), Cell(name="random", inner="random")),
    ),
    "labels": Study(
        question="How many films must be labelled, and does it matter which?",
        reference="all",
        base={"epochs": 4, "steps": 120},
        axis="patients",
        cells=(
            *(Cell(name=f"{n} at random", patients=n) for n in LABEL_STAGES),
            *(
                Cell(name=f"{n} by uncertainty", patients=n, choose="uncertain")
                for n in LABEL_STAGES[1:]
            ),
            Cell(name="all"),
        ),
    ),
    "rarity": Study(
        question="How rare may the disease be in training, and which remedy helps?",
        reference="25 %, class weights",
        axis="prevalence",
        cells=tuple(cell for share in RARE for cell in _remedies(share)),
    ),
    # Of films that keep their proportions: where they are square already, pad is squash.
    "squash": Study(
        question="How much of the score is the scanner and not the lung?",
        reference="squash",
        cells=(
            Cell(name="squash"),
            Cell(name="pad", changes={"resize": "pad"}),
            Cell(
                name="size-balanced sampling",
                changes={"class_weights": False, "sampling": "size"},
            ),
            Cell(name="sharpness equalised", changes={"spectrum": "equal"}),
        ),
    ),
    # One change at a time, away from the recipe of the bundle that ships. Needs lung masks.
    "shipped": Study(
        question="What does each part of the recipe that ships bring?",
        reference="as shipped",
        base=_SHIPPED,
        cells=(
            Cell(name="as shipped"),
            Cell(name="Lite0", changes={"backbone": "lite0"}),
            Cell(name="films not smoothed", changes={"lowpass": 0.0}),
            Cell(name="films smoothed half as far", changes={"lowpass": 1.0}),
            Cell(name="free to follow the scanner", changes={"decorrelate": 0.0}),
            Cell(
                name="last layer learned batch by batch",
                changes={"head": "lungs", "refit": 0},
            ),
            Cell(
                name="last stage learned",
                changes={**_LEARNING, "freeze": 5},
            ),
            Cell(
                name="everything learned",
                changes={**_LEARNING, "freeze": 0},
            ),
            Cell(
                name="mean over the lungs alone",
                changes={"head": "lungs"},
            ),
            Cell(name="mean over the film", changes={"head": "cam", "lungs": 0.02}),
            Cell(name="all 7 stages", changes={"depth": 7, "freeze": 8}),
            Cell(name="4 stages", changes={"depth": 4, "freeze": 5}),
            Cell(name="224 px", changes={"size": 224}),
            Cell(
                name="films equal of like size",
                changes={"class_weights": False, "sampling": "size"},
            ),
            Cell(name="labels smoothed", changes={"smoothing": 0.1}),
            Cell(name="sharpness equalised", changes={"spectrum": "equal"}),
        ),
    ),
}

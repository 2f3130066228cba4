"""Recipes: everything that a training depends on, as plain data; the named ones state their cost.

Each named recipe says how to run it, how long it takes on two cores (AVX-512 with bf16), and how
its selected epoch scored on the films that selected it: 1,022 validation films of 710 patients,
kept apart from the training films by patient (full set of 5,232, less the 144 held out), as
``pneumoscope evaluate DIR --bundle RUN/bundle.pneumo --split val`` prints it after the export.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from pneumoscope.errors import UsageError
from pneumoscope.model.augment import SETTINGS
from pneumoscope.model.options import LOOKING, NetworkOptions
from pneumoscope.preprocess import Preprocessing


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One way to train. Every field can be set by ``--set FIELD=VALUE``.

    ``backbone`` (notebook, lite0, lite2), ``depth``, ``freeze``, ``lowpass`` and ``subtype`` choose
    the network and what it gives (see ``NetworkOptions``); ``size`` (pixels), ``resize`` (squash,
    pad) and ``spectrum`` (as-is, equal) shape the film (see ``Preprocessing``); ``channels``,
    ``width``, ``kernel``, ``dropout``, ``normalise`` and ``head`` the network (see
    ``NetworkOptions``); ``augment`` is none, flip, mild or full, and ``augment_validation`` changes
    validation films too (the notebook's slip, kept to be studied); ``split`` is grouped (by
    patient), random (the notebook's) or shift (grouped, with the films of unlike acquisition set
    apart), with ``validation`` the share held out; ``steps`` is the number of batches in an epoch
    (0: one pass over the films); ``class_weights`` weighs the classes equally in the loss,
    ``sampling`` is plain, class (both classes drawn equally often) or size (both equally often
    among films of like original size), ``loss`` is bce or focal (Lin et al. 2017, gamma 2),
    ``smoothing`` the share of each label that is taken for a guess, and ``lungs`` the weight of
    evidence outside of the lungs as an error, or with the heads lungs and zones that of where
    they take lungs to be (it needs masks, and the head cam, lungs or zones), and ``decorrelate``
    that of logits that follow size, aspect and sharpness within a class (it needs original sizes;
    with ``refit`` in the last layer alone, see ``refit.py``);
    ``schedule`` is constant or cosine (falling to nothing after a warm-up), ``weight_decay``
    AdamW's, and ``average`` keeps the running mean of the weights; ``refit`` fits the last layer
    anew when all epochs are done, on so many passes over the training films, its squared weights
    on standardised values weighed by ``penalty`` (see ``refit.py``);
    ``mirror`` makes a reading the mean of a film's and its mirror image's; ``select`` names the
    validation figure of the best epoch: auc (calibration mends the level of the scores afterwards,
    but not their order), loss, or last, which selects nothing; ``precision`` is auto, bf16 or fp32.
    """

    name: str = "notebook"
    backbone: str = "notebook"
    depth: int = 7
    freeze: int = 0
    subtype: bool = False
    size: int = 180
    resize: str = "squash"
    channels: int = 1
    width: float = 1.0
    kernel: int = 3
    dropout: float = 1.0
    normalise: bool = True
    head: str = "flatten"
    lowpass: float = 0.0
    spectrum: str = "as-is"
    augment: str = "none"
    augment_validation: bool = False
    split: Literal["grouped", "random", "shift"] = "grouped"
    validation: float = 0.2
    epochs: int = 25
    batch: int = 16
    learning_rate: float = 1e-3
    schedule: Literal["constant", "cosine"] = "constant"
    weight_decay: float = 0.0
    average: bool = False
    steps: int = 0
    class_weights: bool = True
    sampling: Literal["plain", "class", "size"] = "plain"
    loss: Literal["bce", "focal"] = "bce"
    smoothing: float = 0.0
    lungs: float = 0.0
    decorrelate: float = 0.0
    refit: int = 0
    penalty: float = 2e-3
    mirror: bool = False
    select: Literal["auc", "loss", "last"] = "auc"
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained, naming the field."""
        choices = {
            "augment": tuple(SETTINGS),
            "split": ("grouped", "random", "shift"),
            "sampling": ("plain", "class", "size"),
            "loss": ("bce", "focal"),
            "select": ("auc", "loss", "last"),
            "schedule": ("constant", "cosine"),
            "precision": ("auto", "bf16", "fp32"),
        }
        for field, allowed in choices.items():
            if getattr(self, field) not in allowed:
                raise UsageError(
                    f"{field} is {getattr(self, field)!r}, but can be {', '.join(allowed)}."
                )
        if self.epochs < 1 or self.batch < 2 or min(self.seed, self.steps) < 0:
            raise UsageError("epochs must be at least 1, batch 2, seed and steps 0.")
        if min(self.decorrelate, self.penalty) < 0:
            raise UsageError("decorrelate and penalty must be at least 0.")
        if self.lungs < 0 or (self.lungs and self.head not in LOOKING):
            raise UsageError(
                f"lungs must be at least 0, and 0 unless the head is {', '.join(LOOKING)}."
            )
        if self.head in ("lungs", "zones") and not self.lungs:
            raise UsageError(
                f"The head {self.head} needs lungs above 0: it learns them from masks."
            )
        if self.refit < 0 or (self.refit and self.backbone == "notebook"):
            raise UsageError("refit must be at least 0, and 0 for the notebook's network.")
        if self.refit and self.select != "last":
            raise UsageError("refit comes after the last epoch, so it needs select=last.")
        if self.head == "zones" and not self.refit:
            raise UsageError("The head zones needs refit above 0: zones are fitted by it.")
        if not (0 <= self.smoothing < 1 and 0 <= self.weight_decay < 1):
            raise UsageError("smoothing and weight_decay must be at least 0 and below 1.")
        if not 0 < self.validation < 1:
            raise UsageError(f"validation is {self.validation}, but must lie between 0 and 1.")
        if not 0 < self.learning_rate < 10:
            raise UsageError(f"learning_rate is {self.learning_rate}, but must be above 0.")
        try:
            self.network_options()
            self.preprocessing()
        except ValueError as error:
            raise UsageError(f"The recipe cannot be trained: {error}.") from error

    def network_options(self) -> NetworkOptions:
        """The part that shapes the network."""
        return NetworkOptions(**{f.name: getattr(self, f.name) for f in fields(NetworkOptions)})

    def preprocessing(self) -> Preprocessing:
        """The part that shapes the film."""
        return Preprocessing(size=self.size, resize=self.resize, spectrum=self.spectrum)

    def to_json(self) -> dict[str, Any]:
        """As plain data; :meth:`from_json` gives it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Recipe:
        """The recipe that a run folder or a bundle wrote down."""
        return cls(**value)


NOTEBOOK = Recipe(name="notebook")
"""The tutorial's first pass, on one grey channel and a patient-grouped split.

``pneumoscope train DIR --recipe notebook`` (``--set split=random --set channels=3`` for the
notebook to the letter). 22.5 s an epoch on idle cores, so 9.5 minutes. With ``--set select=loss``
ROC-AUC 0.997 (95 % 0.992 to 0.998); the epoch that is selected by AUC has 0.997 too.
"""

NOTEBOOK_FLIP = Recipe(name="notebook-flip", augment="flip")
"""The tutorial's second pass: horizontal flips, of training films only.

``pneumoscope train DIR --recipe notebook-flip``. 23 s an epoch on idle cores, so 10 minutes.
ROC-AUC 0.997 (95 % 0.992 to 0.999), accuracy at ``balanced`` 0.985 (0.975 to 0.991).
"""

FULL = Recipe(name="full", augment="full", head="pool")
"""The notebook's network with global average pooling and the full augmentation.

``pneumoscope train DIR --recipe full``. 11.5 minutes. ROC-AUC 0.996 (95 % 0.990 to 0.999), accuracy
at ``balanced`` 0.979 (0.967 to 0.987). Validation on the same kind of film does not show what the
augmentation is for: films from elsewhere.
"""

SHIPPED = Recipe(
    name="shipped",
    backbone="lite2",
    depth=5,
    freeze=6,
    lowpass=2.0,
    head="zones",
    lungs=1.0,
    decorrelate=2.0,
    refit=2,
    mirror=True,
    subtype=True,
    size=160,
    augment="full",
    epochs=2,
    learning_rate=3e-3,
    schedule="cosine",
    weight_decay=1e-2,
    average=True,
    validation=0.05,
    select="last",
    precision="fp32",
)
"""The first network in the bundle that ships: ImageNet's features of smoothed films, none learned.

It learns where lungs are, and a last layer of the features' spread there and their means in six
zones, which in the mean says the same of every fifth of size, aspect and sharpness.
``pneumoscope train DIR --recipe shipped --masks MASKS --sizes CSV``: 4 minutes on one core for
4,832 films; its 256 validation films select nothing.
Out of fold ROC-AUC 0.998 (0.997 to 0.999) by patient and 0.990 (0.987 to 0.993) where acquisition
shifts; of both together: docs/model.md.
"""

SHIPPED_WHOLE = replace(
    SHIPPED,
    name="shipped-whole",
    backbone="lite0",
    freeze=0,
    lowpass=0.0,
    lungs=0.5,
    penalty=1e-2,
    mirror=False,
    epochs=5,
    learning_rate=3e-4,
    class_weights=False,
    sampling="size",
)
"""The second: all of its five stages are learned, by their mean over the lungs.

Then its last layer is fitted anew as that of ``shipped``.
``pneumoscope train DIR --recipe shipped-whole --masks MASKS --sizes CSV``: 11 minutes on one core.
Out of fold ROC-AUC 0.998 (0.997 to 0.999) by patient and 0.988 (0.984 to 0.991) where acquisition
shifts.
"""

RECIPES: dict[str, Recipe] = {
    r.name: r for r in (NOTEBOOK, NOTEBOOK_FLIP, FULL, SHIPPED, SHIPPED_WHOLE)
}


def named(name: str, settings: dict[str, str] | None = None) -> Recipe:
    """The recipe called ``name`` with ``settings`` (field to text) put in."""
    if name not in RECIPES:
        raise UsageError(f"There is no recipe {name!r}; there are {', '.join(RECIPES)}.")
    recipe = RECIPES[name]
    changes = {field: _parse(recipe, field, text) for field, text in (settings or {}).items()}
    return replace(recipe, **changes)


def _parse(recipe: Recipe, field: str, text: str) -> Any:
    """``text`` as the type that the field has."""
    known = [f.name for f in fields(Recipe) if f.name != "name"]
    if field not in known:
        raise UsageError(f"A recipe has no field {field!r}; it has {', '.join(known)}.")
    kind = type(getattr(recipe, field))
    if kind is bool:
        if text.lower() not in ("true", "false", "1", "0", "yes", "no"):
            raise UsageError(f"{field} takes true or false, not {text!r}.")
        return text.lower() in ("true", "1", "yes")
    try:
        return kind(text)
    except ValueError as error:
        raise UsageError(f"{field} takes {kind.__name__}, not {text!r}.") from error

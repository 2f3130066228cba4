"""The run folder: recipe, split, history, curves, checkpoints, and where they came from."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from pneumoscope import files
from pneumoscope.data.cache import Store
from pneumoscope.data.catalog import Catalog
from pneumoscope.data.split import Split
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.model.recipe import Recipe

KEPT_CHECKPOINTS = 2  # the newest, and one before it in case the newest is damaged
State = dict[str, Any]
History = list[dict[str, float]]


@dataclass(frozen=True, slots=True)
class Run:
    """Paths and records of one training; the folder is the whole truth, this only reads it."""

    folder: Path

    @property
    def split_file(self) -> Path:
        """CSV of film keys: train, val and held out."""
        return self.folder / "split.csv"

    @property
    def bundle_file(self) -> Path:
        """Where ``export`` puts the bundle unless told otherwise."""
        return self.folder / "bundle.pneumo"

    @property
    def recipe(self) -> Recipe:
        """The recipe that this run follows."""
        return Recipe.from_json(self._read("recipe.json"))

    @property
    def facts(self) -> dict[str, Any]:
        """Data, machine, versions, precision: what ``train`` wrote when it began."""
        return self._read("run.json")

    @property
    def history(self) -> History:
        """One row of figures for each finished epoch; empty before the first."""
        path = self.folder / "history.csv"
        if not path.exists():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [{name: float(text or "nan") for name, text in row.items()} for row in rows]

    def begin(self, recipe: Recipe, facts: dict[str, Any]) -> None:
        """Write down what is about to be trained."""
        (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        files.write_json(self.folder / "recipe.json", recipe.to_json())
        files.write_json(self.folder / "run.json", facts)

    def save_epoch(self, state: State, *, best: bool) -> None:
        """Write the checkpoint of a finished epoch, the best so far, and the history."""
        with files.write_beside(self._checkpoint(state["epoch"])) as beside:
            torch.save(state, beside)
        self.follow(state, best=best)

    def follow(self, state: State, *, best: bool) -> None:
        """Bring the best checkpoint and the history up to ``state``, the newest checkpoint.

        A training that resumes does so first: it may have been killed before it came to this.
        """
        path = self._checkpoint(state["epoch"])
        if best:
            with files.write_beside(self.folder / "checkpoints" / "best.pt") as beside:
                shutil.copyfile(path, beside)
        for older in self._epochs()[KEPT_CHECKPOINTS:]:
            older.unlink()
        text = io.StringIO()
        writer = csv.DictWriter(text, list(state["history"][0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(state["history"])
        files.write_text(self.folder / "history.csv", text.getvalue())

    def latest(self) -> tuple[State | None, tuple[Path, ...]]:
        """The newest checkpoint that is whole (None if there is none), and the damaged ones."""
        damaged: list[Path] = []
        for path in self._epochs():
            if (state := _load_checkpoint(path)) is not None:
                return state, tuple(damaged)
            damaged.append(path)
        return None, tuple(damaged)

    def best(self) -> State:
        """The checkpoint of the selected epoch; raises ``PneumoscopeError`` if there is none."""
        path = self.folder / "checkpoints" / "best.pt"
        state = _load_checkpoint(path)
        if state is None:
            what = "is damaged" if path.exists() else "does not exist"
            raise PneumoscopeError(
                f"{path} {what}; train again, or continue with pneumoscope train --resume."
            )
        return state

    def require_same_films(self, store: Store) -> None:
        """Raise ``UsageError`` unless ``store`` holds the films that this run began with."""
        if self.facts["data"]["fingerprint"] != _fingerprint(store):
            raise UsageError(
                f"The films are not those that {self.folder} was trained on, so it cannot be "
                "resumed."
            )

    def _checkpoint(self, epoch: int) -> Path:
        return self.folder / "checkpoints" / f"epoch-{epoch:04d}.pt"

    def _epochs(self) -> list[Path]:
        return sorted((self.folder / "checkpoints").glob("epoch-*.pt"), reverse=True)

    def _read(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise PneumoscopeError(
                f"{self.folder} is not a run folder: it has no {name}."
            ) from error
        except ValueError as error:
            raise PneumoscopeError(f"{path} is damaged: it is not JSON.") from error
        return value


def open_run(folder: Path | str) -> Run:
    """The run in ``folder``; raises ``PneumoscopeError`` if there is none."""
    run = Run(Path(folder))
    _ = run.recipe, run.facts
    return run


def require_new(folder: Path) -> None:
    """Raise ``UsageError`` where a run already lies."""
    if (folder / "recipe.json").exists():
        raise UsageError(
            f"{folder} already holds a run; continue it with --resume or name another --out."
        )


def describe(data: dict[str, Any], catalog: Catalog, split: Split, store: Store) -> dict[str, Any]:
    """The films of a run: where they lie (``data``: where, sizes, positive), and which they are."""
    places = {
        name: str(Path(place).absolute()) if name != "positive" and place is not None else place
        for name, place in data.items()
    }
    return {
        "data": {
            **places,
            "classes": list(catalog.classes),
            "fingerprint": _fingerprint(store),
            "refused": store.refused,
        },
        "split": {
            "method": split.method,
            "train": len(split.train),
            "val": len(split.val),
            "held_out": len(split.held_out),
            "apart": len(split.apart),
        },
    }


def best_epoch(history: History, *, select: str) -> int:
    """Number of the epoch with the highest validation AUC or the lowest loss, or of the last one.

    Of several with the same AUC it is the one with the lowest loss, then the first.
    """

    if select == "last":
        return int(history[-1]["epoch"])

    def rank(row: dict[str, float]) -> tuple[float, float]:
        loss = row["val_loss"] if math.isfinite(row["val_loss"]) else math.inf
        return (-row["val_auc"] if select == "auc" else 0.0, loss)

    return int(min(history, key=rank)["epoch"])


def _fingerprint(store: Store) -> str:
    """What the films hold, whatever folder they lie in."""
    content = sorted(zip(store.keys, store.sha256, strict=True))
    return files.sha256(json.dumps(content).encode())


def _load_checkpoint(path: Path) -> State | None:
    """A checkpoint, or None if it is missing, cut short or altered."""
    try:
        # The archive's own checksums: torch.load alone would not notice a flipped bit.
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                return None
        state: State = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, UnpicklingError, zipfile.BadZipFile):
        return None
    return state

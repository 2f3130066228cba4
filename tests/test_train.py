import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pneumoscope.data.catalog import open_catalog
from pneumoscope.data.split import Split
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.model.recipe import named
from pneumoscope.model.runs import Run, best_epoch, open_run
from pneumoscope.model.train import train

TINY = {"size": "32", "width": "0.25", "epochs": "4", "augment": "full"}


def run(films: Path, out: Path, cache: Path, **options: object) -> Run:
    options = {"recipe": named("notebook", TINY), **options}
    return train(films, out=out, cache=cache, progress=False, **options)  # type: ignore[arg-type]


def weights(made: Run) -> dict[str, torch.Tensor]:
    state, damaged = made.latest()
    assert state is not None
    assert not damaged
    return state["network"]  # type: ignore[no-any-return]


def assert_same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> None:
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_it_learns_what_can_be_learned(run_folder: Path) -> None:
    history = open_run(run_folder).history
    assert len(history) == 16
    assert history[-1]["loss"] < 0.6 * history[0]["loss"]
    assert history[-1]["auc"] > 0.95
    assert history[-1]["val_auc"] > 0.95


def test_a_run_folder_tells_the_whole_story(films: Path, run_folder: Path) -> None:
    made = open_run(run_folder)
    split = Split.load(made.split_file, open_catalog(films))
    assert (len(split.train), len(split.val)) == (96, 24)
    assert not any(key.startswith("test/") for key in (*split.train, *split.val))
    facts = made.facts
    assert facts["split"] == {
        "method": "grouped",
        "train": 96,
        "val": 24,
        "held_out": 0,
        "apart": 0,
    }
    assert facts["precision"] in ("bf16-mixed", "32-true")
    assert facts["machine"]["versions"]["torch"] == torch.__version__
    names = ["precision", "recall", "accuracy", "loss", "auc"]
    assert set(made.history[0]) == {"epoch", "seconds", *names, *(f"val_{n}" for n in names)}
    assert (run_folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((run_folder / "checkpoints").glob("epoch-*.pt"))) == 2
    assert made.best()["epoch"] == best_epoch(made.history, select="auc")


def test_the_same_seed_ends_in_the_same_weights_and_another_in_others(
    films: Path, cache: Path, tmp_path: Path
) -> None:
    one, two = (run(films, tmp_path / name, cache) for name in "ab")
    assert_same(weights(one), weights(two))
    other = run(films, tmp_path / "c", cache, recipe=named("notebook", {**TINY, "seed": "1"}))
    assert not torch.equal(weights(one)["logit.weight"], weights(other)["logit.weight"])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"average": "1", "schedule": "cosine", "weight_decay": "0.01", "subtype": "1"},
        # Its running values are used after a hundred steps.
        {"decorrelate": "1", "epochs": "20", "batch": "8"},
    ],
)
def test_killed_and_resumed_it_ends_in_the_same_weights(
    films: Path, sizes: Path, cache: Path, tmp_path: Path, changes: dict[str, str]
) -> None:
    changes = {**TINY, "epochs": "8", **changes}
    epochs = int(changes["epochs"])
    recipe = named("notebook", changes)
    through = run(films, tmp_path / "through", cache, recipe=recipe, sizes=sizes)
    killed = tmp_path / "killed"
    settings = [text for k, v in changes.items() for text in ("--set", f"{k}={v}")]
    command = [sys.executable, "-m", "pneumoscope", "train", str(films), "--out", str(killed)]
    process = subprocess.Popen(
        [*command, "--cache", str(cache), "--sizes", str(sizes), "--quiet", *settings],
        start_new_session=True,
    )
    while (
        process.poll() is None
        and not (killed / "checkpoints" / f"epoch-{epochs // 4:04d}.pt").exists()
    ):
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    reached = len(Run(killed).history)
    assert reached < epochs, "the training was over before it could be killed"
    resumed = run(films, killed, cache, resume=True, sizes=sizes)
    assert [row["epoch"] for row in resumed.history] == list(range(1, epochs + 1))
    assert_same(weights(through), weights(resumed))
    for one, two in zip(through.history, resumed.history, strict=True):
        np.testing.assert_equal(two | {"seconds": 0}, one | {"seconds": 0})


def test_killed_after_its_last_checkpoint_it_finds_best_and_history_again(
    films: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Run.follow

    def stop(made: Run, state: dict[str, object], *, best: bool) -> None:
        if state["epoch"] == 4:
            raise KeyboardInterrupt
        save(made, state, best=best)

    recipe = named("notebook", {**TINY, "select": "last"})
    with monkeypatch.context() as killed:
        killed.setattr(Run, "follow", stop)
        with pytest.raises(KeyboardInterrupt):
            run(films, tmp_path / "run", cache, recipe=recipe)
    made = Run(tmp_path / "run")
    assert (made.best()["epoch"], len(made.history)) == (3, 3)
    run(films, tmp_path / "run", cache, resume=True)
    assert (made.best()["epoch"], len(made.history)) == (4, 4)


def test_a_checkpoint_cut_in_half_costs_one_epoch_not_the_run(
    films: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = run(films, tmp_path / "run", cache)
    expected = weights(made)
    newest = tmp_path / "run" / "checkpoints" / "epoch-0004.pt"
    os.truncate(newest, newest.stat().st_size // 2)
    assert_same(weights(run(films, tmp_path / "run", cache, resume=True)), expected)
    assert "epoch-0004.pt is damaged" in capsys.readouterr().out


def test_a_split_can_be_given_back(films: Path, cache: Path, tmp_path: Path) -> None:
    catalog = open_catalog(films)
    first = run(films, tmp_path / "a", cache, recipe=named("notebook", {**TINY, "split": "random"}))
    second = run(films, tmp_path / "b", cache, split_file=first.split_file)
    one, two = (Split.load(made.split_file, catalog) for made in (first, second))
    assert (one.train, one.val) == (two.train, two.val)


def test_an_unreadable_film_is_left_out_and_named(cache: Path, films: Path, tmp_path: Path) -> None:
    from conftest import write_films

    root = write_films(tmp_path / "films", patients=8)
    broken = root / "train" / "NORMAL" / "NORMAL2-IM-90001-0001.jpeg"
    broken.write_bytes(broken.read_bytes()[:300])
    made = run(root, tmp_path / "run", cache, recipe=named("notebook", {**TINY, "epochs": "1"}))
    assert list(made.facts["data"]["refused"]) == ["train/NORMAL/NORMAL2-IM-90001-0001.jpeg"]


def test_refusals_are_one_sentence(films: Path, cache: Path, tmp_path: Path) -> None:
    made = run(films, tmp_path / "run", cache, recipe=named("notebook", {**TINY, "epochs": "1"}))
    with pytest.raises(UsageError, match="already holds a run"):
        run(films, made.folder, cache)
    with pytest.raises(PneumoscopeError, match="is not a run folder"):
        run(films, tmp_path / "none", cache, resume=True)
    from conftest import write_films

    others = write_films(tmp_path / "others", seed=5)
    write_films(others, patients=4, split="test", seed=6, first=500)
    with pytest.raises(UsageError, match="not those that"):
        run(others, made.folder, cache, resume=True)
    with pytest.raises(UsageError, match="no accelerator 'abacus'"):
        run(films, tmp_path / "new", cache, accelerator="abacus")
    with pytest.raises(PneumoscopeError, match="do not fill one batch of 500"):
        run(films, tmp_path / "big", cache, recipe=named("notebook", {**TINY, "batch": "500"}))


def test_two_trainings_cannot_share_a_folder(films: Path, cache: Path, tmp_path: Path) -> None:
    from filelock import FileLock

    (tmp_path / "run").mkdir()
    with (
        FileLock(tmp_path / "run" / ".lock"),
        pytest.raises(UsageError, match="Another process is training"),
    ):
        run(films, tmp_path / "run", cache)


def test_a_diverging_training_stops_with_its_epoch(
    films: Path, cache: Path, tmp_path: Path
) -> None:
    recipe = named("notebook", {**TINY, "width": "1", "learning_rate": "9.9", "normalise": "no"})
    with pytest.raises(PneumoscopeError, match="diverged in epoch"):
        run(films, tmp_path / "run", cache, recipe=recipe)


def test_films_set_apart_are_neither_trained_on_nor_validated_with(
    films: Path, sizes: Path, cache: Path, tmp_path: Path
) -> None:
    recipe = named("notebook", {**TINY, "epochs": "2", "split": "shift"})
    seen: list[dict[str, float]] = []
    made = run(films, tmp_path / "run", cache, recipe=recipe, sizes=sizes, watch=seen.append)
    counts = made.facts["split"]
    assert counts["apart"] > 0
    assert counts["train"] + counts["val"] + counts["apart"] == 120
    assert [row["epoch"] for row in seen] == [1, 2]
    assert seen[1]["val_auc"] == made.history[1]["val_auc"]


@pytest.mark.parametrize(
    "settings", [{"steps": "5"}, {"sampling": "class"}, {"loss": "focal"}], ids=str
)
def test_fields_of_the_recipe_change_the_training(
    films: Path, cache: Path, tmp_path: Path, settings: dict[str, str]
) -> None:
    one = {**TINY, "epochs": "1"}
    plain = run(films, tmp_path / "plain", cache, recipe=named("notebook", one))
    other = run(films, tmp_path / "other", cache, recipe=named("notebook", {**one, **settings}))
    assert other.history[0]["loss"] != plain.history[0]["loss"]
    assert other.history[0]["val_loss"] != plain.history[0]["val_loss"]


@pytest.mark.parametrize("slip", [False, True])
def test_validation_films_are_changed_only_where_the_recipe_makes_that_slip(
    films: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slip: bool
) -> None:
    from pneumoscope.model import train as module

    changed = []
    plain = module.augment_with

    def augment_with(batch: torch.Tensor, *arguments: object) -> tuple[torch.Tensor, torch.Tensor]:
        after, along = plain(batch, *arguments)  # type: ignore[arg-type]
        changed.append((len(batch), not torch.equal(after, batch)))
        return after, along

    monkeypatch.setattr(module, "augment_with", augment_with)
    settings = {**TINY, "epochs": "1", "augment_validation": str(slip)}
    run(films, tmp_path / "run", cache, recipe=named("notebook", settings))
    *training, validation = changed
    assert training == [(16, True)] * 6
    assert validation == (24, slip)


def test_a_few_films_are_passed_over_until_the_epoch_is_full(cache: Path, tmp_path: Path) -> None:
    from conftest import write_films

    root = write_films(tmp_path / "films", patients=3)
    few = {**TINY, "epochs": "1"}
    with pytest.raises(PneumoscopeError, match="do not fill one batch"):
        run(root, tmp_path / "none", cache, recipe=named("notebook", few))
    made = run(root, tmp_path / "run", cache, recipe=named("notebook", {**few, "steps": "3"}))
    assert len(made.history) == 1


def test_two_processes_train_one_network(films: Path, cache: Path, tmp_path: Path) -> None:
    settings = [text for k, v in {**TINY, "epochs": "2"}.items() for text in ("--set", f"{k}={v}")]
    command = [sys.executable, "-m", "pneumoscope", "train", str(films), "--out", "run"]
    result = subprocess.run(
        [*command, "--cache", str(cache), "--devices", "2", "--accelerator", "cpu", *settings],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["processes"] == 2
    assert len(Run(tmp_path / "run").history) == 2


def test_the_averaged_network_is_the_one_that_is_validated_and_kept(
    films: Path, cache: Path, tmp_path: Path
) -> None:
    plain, mean = (
        run(films, tmp_path / name, cache, recipe=named("notebook", {**TINY, "average": name}))
        for name in ("0", "1")
    )
    (state, _), (expected, _) = mean.latest(), plain.latest()
    assert state is not None
    assert expected is not None
    # The learning network goes the same way; what is kept is another.
    assert_same(state["learning"], expected["network"])
    assert not torch.equal(state["network"]["logit.weight"], expected["network"]["logit.weight"])
    assert mean.history[-1]["loss"] == plain.history[-1]["loss"]
    assert mean.history[-1]["val_loss"] != plain.history[-1]["val_loss"]


def test_the_last_epoch_can_be_kept_without_a_choice(
    films: Path, cache: Path, tmp_path: Path
) -> None:
    made = run(films, tmp_path / "run", cache, recipe=named("notebook", {**TINY, "select": "last"}))
    assert made.best()["epoch"] == 4


@pytest.fixture
def masks(films: Path, tmp_path: Path) -> Path:
    """A folder of masks: all of the film where it is normal, nothing where it is not."""
    for film in open_catalog(films).films:
        path = (tmp_path / "masks" / film.key).with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((72, 72), 255 * (film.label == 0), np.uint8)).save(path)
    return tmp_path / "masks"


def test_masks_are_taught_and_asked_for(
    films: Path, masks: Path, cache: Path, tmp_path: Path
) -> None:
    recipe = named("notebook", {**TINY, "epochs": "1", "head": "cam", "lungs": "0.5"})
    with pytest.raises(UsageError, match="--masks"):
        run(films, tmp_path / "without", cache, recipe=recipe)
    guided = run(films, tmp_path / "guided", cache, recipe=recipe, masks=masks)
    plain = run(films, tmp_path / "plain", cache, recipe=replace(recipe, lungs=0.0))
    # All evidence in films with pneumonia is outside of their empty masks here.
    assert guided.history[0]["loss"] > plain.history[0]["loss"]
    assert not torch.equal(weights(guided)["logit.weight"], weights(plain)["logit.weight"])


def test_the_last_layer_is_fitted_anew_after_the_last_epoch(
    films: Path, masks: Path, cache: Path, tmp_path: Path
) -> None:
    settings = {"backbone": "lite0", "depth": "3", "freeze": "4", "head": "lungs", "lungs": "1"}
    settings |= {"size": "32", "epochs": "2", "average": "1", "refit": "2", "select": "last"}
    recipe = named("notebook", {**settings, "augment": "full", "precision": "fp32"})
    fitted = run(films, tmp_path / "fitted", cache, recipe=recipe, masks=masks)
    plain = run(films, tmp_path / "plain", cache, recipe=replace(recipe, refit=0), masks=masks)
    ours, theirs = weights(fitted), weights(plain)
    changed = {name for name in ours if not torch.equal(ours[name], theirs[name])}
    assert changed == {"head.logit.weight", "head.logit.bias"}
    assert fitted.history[-1]["val_auc"] > 0.9
    assert fitted.history[0]["val_loss"] == plain.history[0]["val_loss"]

    (fitted.folder / "checkpoints" / "epoch-0002.pt").unlink()
    resumed = run(films, fitted.folder, cache, resume=True, masks=masks)
    assert_same(weights(resumed), ours)

    zoned = run(films, tmp_path / "zoned", cache, recipe=replace(recipe, head="zones"), masks=masks)
    layers = weights(zoned)
    assert not layers["head.logit.weight"].any()
    assert layers["head.zones.weight"].abs().min() > 0
    assert layers["head.usual"].any()
    assert zoned.history[-1]["val_auc"] > 0.9

import os
from pathlib import Path

import pytest
import torch

from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.model.recipe import named
from pneumoscope.model.runs import KEPT_CHECKPOINTS, Run, best_epoch, open_run, require_new


def state(epoch: int) -> dict[str, object]:
    history = [{"epoch": i, "loss": 1 / i, "val_loss": float("nan")} for i in range(1, epoch + 1)]
    return {"epoch": epoch, "network": {"w": torch.full((3,), float(epoch))}, "history": history}


def begun(folder: Path) -> Run:
    run = Run(folder)
    run.begin(named("notebook"), {"device": "cpu"})
    return run


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    begun(tmp_path / "run")
    run = open_run(tmp_path / "run")
    assert run.recipe == named("notebook")
    assert run.facts == {"device": "cpu"}
    assert run.history == []
    assert run.latest() == (None, ())


def test_the_newest_two_checkpoints_and_the_best_are_kept(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    for epoch in range(1, 6):
        run.save_epoch(state(epoch), best=epoch == 2)
    names = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert names == ["best.pt", "epoch-0004.pt", "epoch-0005.pt"]
    assert len(names) == KEPT_CHECKPOINTS + 1
    assert run.best()["epoch"] == 2
    latest, damaged = run.latest()
    assert latest is not None
    assert (latest["epoch"], damaged) == (5, ())
    assert [row["loss"] for row in run.history] == [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped bit"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, damage: str) -> None:
    run = begun(tmp_path / "run")
    for epoch in (1, 2):
        run.save_epoch(state(epoch), best=True)
    newest = tmp_path / "run" / "checkpoints" / "epoch-0002.pt"
    if damage == "flipped bit":
        data = bytearray(newest.read_bytes())
        place = data.index(torch.full((3,), 2.0).numpy().tobytes())
        data[place] ^= 1
        newest.write_bytes(data)
    else:
        os.truncate(newest, newest.stat().st_size // 2 if damage == "cut" else 0)
    latest, damaged = run.latest()
    assert latest is not None
    assert latest["epoch"] == 1
    assert damaged == (newest,)


def test_what_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(PneumoscopeError, match=r"not a run folder: it has no recipe\.json"):
        open_run(tmp_path)
    run = begun(tmp_path / "run")
    with pytest.raises(PneumoscopeError, match=r"best\.pt does not exist"):
        run.best()
    (tmp_path / "run" / "checkpoints" / "best.pt").write_bytes(b"PK")
    with pytest.raises(PneumoscopeError, match=r"best\.pt is damaged"):
        run.best()
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(PneumoscopeError, match="damaged"):
        open_run(tmp_path / "run")
    with pytest.raises(UsageError, match="already holds a run"):
        require_new(tmp_path / "run")
    require_new(tmp_path / "new")


def test_checkpoints_are_data_not_programs(tmp_path: Path) -> None:
    run = begun(tmp_path / "run")
    torch.save({"epoch": print}, tmp_path / "run" / "checkpoints" / "epoch-0001.pt")
    latest, damaged = run.latest()
    assert latest is None
    assert len(damaged) == 1


def test_the_best_epoch_has_the_best_figure_and_of_equals_the_lowest_loss() -> None:
    history = [
        {"epoch": 1, "val_loss": float("nan"), "val_auc": 0.9},
        {"epoch": 2, "val_loss": 0.3, "val_auc": 0.8},
        {"epoch": 3, "val_loss": 0.5, "val_auc": 0.95},
        {"epoch": 4, "val_loss": 0.4, "val_auc": 0.95},
        {"epoch": 5, "val_loss": 0.3, "val_auc": 0.9},
    ]
    assert best_epoch(history, select="loss") == 2
    assert best_epoch(history, select="auc") == 4

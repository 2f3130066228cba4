from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from grids import SMALL, studies, study
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.score_files import SCORES
from pneumoscope.evaluation.studies import Cell
from pneumoscope.evaluation.study import run_study
from pneumoscope.evaluation.study_table import Table
from pneumoscope.evaluation.trained import read_result


def run(films: Path, sizes: Path, cache: Path, out: Path, name: str = "tiny", **more: Any) -> Table:
    options = {"seeds": 1, "progress": False, "threads": 1, **more}
    return run_study(name, films, out=out, sizes=sizes, cache=cache, **options)


def modified(out: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in out.rglob("result.json")}


def test_a_study_trains_its_cells_and_writes_its_tables(
    films: Path, sizes: Path, cache: Path, tmp_path: Path
) -> None:
    with studies(tiny=study()):
        table = run(films, sizes, cache, tmp_path, seeds=2)
        assert {path.name for path in (tmp_path / "tiny").iterdir()} == {
            "table.csv", "table.md", "plot.png",
        }  # fmt: skip
        assert table.failed == 0
        assert [len(own) for own in table.trained.values()] == [2, 2]
        assert table.sets == ("val", "shift", "slice")
        first = modified(tmp_path)
        assert len(first) == 4
        run(films, sizes, cache, tmp_path, seeds=2)
        assert modified(tmp_path) == first  # done is done
        other = study(Cell(name="same"), Cell(name="new", changes={"augment": "full"}))
        with studies(other=other):
            run(films, sizes, cache, tmp_path, "other")
        assert len(modified(tmp_path)) == 5  # the reference cell was shared


def test_a_cell_that_cannot_be_cut_is_recorded_and_the_rest_goes_on(
    films: Path, sizes: Path, cache: Path, tmp_path: Path
) -> None:
    cells = (Cell(name="plain"), Cell(name="too many", patients=5000))
    with studies(tiny=study(*cells)):
        table = run(films, sizes, cache, tmp_path)
        assert table.failed == 1
        (failed,) = table.trained["too many"]
        assert failed.result["status"] == "refused"
        assert table.find("plain", "val", "roc_auc") is not None
        text = (tmp_path / "tiny" / "table.md").read_text(encoding="utf-8")
        assert "- too many, seed 0: refused: 5000 training patients are asked for" in text
        assert run(films, sizes, cache, tmp_path).failed == 1


def test_a_cell_that_diverges_is_recorded_and_the_rest_goes_on(
    films: Path, sizes: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from pneumoscope.model import teaching, weighting

    def infinite(*arguments: Any, kind: str, smoothing: float) -> torch.Tensor:
        loss = weighting.loss_of(*arguments, kind=kind, smoothing=smoothing)
        return loss * torch.inf if kind == "focal" else loss

    monkeypatch.setattr(teaching, "loss_of", infinite)
    cells = (Cell(name="bad", changes={"loss": "focal"}), Cell(name="plain"))
    with studies(tiny=study(*cells, reference="plain")):
        table = run(films, sizes, cache, tmp_path)
    assert [own[0].result["status"] for own in table.trained.values()] == ["diverged", "done"]
    assert "diverged in epoch 1" in (tmp_path / "tiny" / "table.md").read_text(encoding="utf-8")


def test_chosen_by_uncertainty(films: Path, sizes: Path, cache: Path, tmp_path: Path) -> None:
    cells = (
        Cell(name="8 by uncertainty", patients=8, choose="uncertain"),
        Cell(name="4 at random", patients=4),
        Cell(name="all"),
    )
    with studies(tiny=study(*cells, reference="all", base={**SMALL, "steps": 5})):
        table = run(films, sizes, cache, tmp_path)
    assert table.failed == 0
    results = {name: own[0].result for name, own in table.trained.items()}
    assert results["8 by uncertainty"]["split"]["train"] < results["all"]["split"]["train"]


def test_an_unknown_study_and_no_seed(films: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no study 'nothing'"):
        run_study("nothing", films, out=tmp_path)
    with pytest.raises(UsageError, match="At least one seed"):
        run_study("dropout", films, out=tmp_path, seeds=0)
    assert not list(tmp_path.iterdir())


def test_without_original_sizes_nothing_is_begun(films: Path, cache: Path, tmp_path: Path) -> None:
    with (
        studies(tiny=study()),
        pytest.raises(PneumoscopeError, match="No original size is known"),
    ):
        run_study("tiny", films, out=tmp_path, cache=cache, seeds=1, progress=False)
    assert not list(tmp_path.iterdir())


def test_a_folder_of_other_films_is_refused(
    films: Path, sizes: Path, cache: Path, tmp_path: Path
) -> None:
    from conftest import write_films

    with studies(tiny=study(Cell(name="plain"))):
        run(films, sizes, cache, tmp_path / "out")
        others = write_films(tmp_path / "others", patients=20, seed=9)
        with pytest.raises(UsageError, match="holds a training on other films; name another"):
            run(others, sizes, cache, tmp_path / "out")


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from grids import studies, study
from pneumoscope.evaluation.study import run_study
films, sizes, cache, out = map(Path, sys.argv[2:])
with studies(tiny=study()):
    run_study("tiny", films, out=out, seeds=1, epochs=6, sizes=sizes, cache=cache, threads=1)
"""


def start(films: Path, sizes: Path, cache: Path, out: Path) -> subprocess.Popen[bytes]:
    here = Path(__file__).parent
    words = [sys.executable, "-c", PROGRAM, *map(str, (here, films, sizes, cache, out))]
    return subprocess.Popen(words, start_new_session=True)


def test_killed_it_goes_on_and_ends_in_the_same_scores(
    films: Path, sizes: Path, cache: Path, tmp_path: Path
) -> None:
    through, killed = tmp_path / "through", tmp_path / "killed"
    with studies(tiny=study()):
        run(films, sizes, cache, through, epochs=6)
        process = start(films, sizes, cache, killed)
        while process.poll() is None and not list(killed.rglob("epoch-0002.pt")):
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not (killed / "tiny").exists()
        run(films, sizes, cache, killed, epochs=6)
    ours = sorted(killed.rglob(SCORES))
    assert len(ours) == 2
    for path in ours:
        assert path.read_bytes() == (through / path.relative_to(killed)).read_bytes()


def test_two_processes_share_the_cells_of_one_folder(
    films: Path, sizes: Path, cache: Path, tmp_path: Path
) -> None:
    process = start(films, sizes, cache, tmp_path)
    with studies(tiny=study()):
        table = run(films, sizes, cache, tmp_path, epochs=6)
    assert process.wait(timeout=120) == 0
    assert table.failed == 0
    assert len(modified(tmp_path)) == 2
    assert all((read_result(path.parent) or {})["status"] == "done" for path in modified(tmp_path))


def test_a_cell_that_another_process_holds_is_waited_for(
    films: Path, sizes: Path, cache: Path, tmp_path: Path
) -> None:
    from filelock import FileLock

    from pneumoscope.evaluation.study_plan import tasks_of

    tiny = study(Cell(name="plain"))
    (task,) = tasks_of(tiny, tmp_path, seeds=1, epochs=None)
    lock = FileLock(task.folder.with_suffix(".lock"), thread_local=False)
    task.folder.parent.mkdir(parents=True)
    lock.acquire()
    timer = threading.Timer(1.0, lock.release)
    timer.start()
    with studies(tiny=tiny):
        started = time.monotonic()
        run(films, sizes, cache, tmp_path)
    assert time.monotonic() - started > 0.9
    assert read_result(task.folder) is not None

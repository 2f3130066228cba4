import subprocess
import sys
from pathlib import Path

import pytest

import pneumoscope


def test_the_public_names_are_the_rooms_own() -> None:
    from pneumoscope.evaluation.evaluate import evaluate
    from pneumoscope.inference.reader import read
    from pneumoscope.inference.saliency import explain
    from pneumoscope.model.train import train
    from pneumoscope.radiograph import load

    assert (pneumoscope.load, pneumoscope.read) == (load, read)
    assert pneumoscope.explain is explain
    assert (pneumoscope.train, pneumoscope.evaluate) == (train, evaluate)
    assert dir(pneumoscope) == pneumoscope.__all__
    assert all(hasattr(pneumoscope, name) for name in pneumoscope.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = pneumoscope.nothing


def test_importing_it_imports_next_to_nothing() -> None:
    program = "import sys, pneumoscope; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_torch_stays_in_its_room() -> None:
    source = Path(pneumoscope.__file__).parent
    users = {
        path.relative_to(source).parts[0]
        for path in source.rglob("*.py")
        if any(
            line.strip().startswith(("import torch", "from torch"))
            for line in path.read_text(encoding="utf-8").splitlines()
        )
    }
    assert users == {"model"}


ROOMS = ["radiograph", "preprocess", "metrics", "data", "inference", "model", "evaluation"]
ROOMS += ["serve", "cli"]


def test_no_import_points_back_up_the_house() -> None:
    source = Path(pneumoscope.__file__).parent
    for path in source.rglob("*.py"):
        own = path.relative_to(source).parts[0].removesuffix(".py")
        if own not in ROOMS or own == "cli":
            continue
        below = ROOMS[ROOMS.index(own) + 1 :]
        text = path.read_text(encoding="utf-8")
        for room in below:
            assert f"pneumoscope.{room}" not in text.replace("``pneumoscope.", ""), (path, room)
            assert f"from pneumoscope import {room}" not in text, (path, room)

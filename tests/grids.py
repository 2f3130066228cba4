"""A small study for the tests: networks that train in a second."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from pneumoscope.evaluation.studies import STUDIES, Cell, Study

SMALL: dict[str, Any] = {
    "size": 32, "width": 0.25, "epochs": 2, "batch": 4, "head": "pool", "dropout": 0.2,
}  # fmt: skip


def study(*cells: Cell, reference: str | None = None, **more: Any) -> Study:
    """A study of ``cells`` (default: a reference and one that flips) with small networks."""
    cells = cells or (Cell(name="plain"), Cell(name="flips", changes={"augment": "flip"}))
    settings = {"question": "Does it run?", "base": SMALL, **more}
    return Study(reference=reference or cells[0].name, cells=cells, **settings)


@contextmanager
def studies(**named: Study) -> Iterator[None]:
    """The studies of the package, and ``named`` ones beside them."""
    with patch.dict(STUDIES, named):
        yield

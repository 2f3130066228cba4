"""From a folder of chest films to a pneumonia reader that you can measure and explain.

Each name is imported when it is first used, so that reading films never loads what training needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pneumoscope.evaluation.audit import audit as audit
    from pneumoscope.evaluation.crossval import cross_validate as cross_validate
    from pneumoscope.evaluation.evaluate import evaluate as evaluate
    from pneumoscope.evaluation.fuse import fuse as fuse
    from pneumoscope.evaluation.report import report as report
    from pneumoscope.evaluation.study import run_study as run_study
    from pneumoscope.evaluation.suggest import suggest as suggest
    from pneumoscope.inference.bundle import load_bundle as load_bundle
    from pneumoscope.inference.reader import Case as Case
    from pneumoscope.inference.reader import Reader as Reader
    from pneumoscope.inference.reader import read as read
    from pneumoscope.inference.saliency import explain as explain
    from pneumoscope.model.export import export as export
    from pneumoscope.model.train import train as train
    from pneumoscope.radiograph import load as load

_HOME = {
    "load": "radiograph",
    "Case": "inference.reader",
    "read": "inference.reader",
    "Reader": "inference.reader",
    "explain": "inference.saliency",
    "load_bundle": "inference.bundle",
    "train": "model.train",
    "export": "model.export",
    "cross_validate": "evaluation.crossval",
    "run_study": "evaluation.study",
    "evaluate": "evaluation.evaluate",
    "audit": "evaluation.audit",
    "fuse": "evaluation.fuse",
    "report": "evaluation.report",
    "suggest": "evaluation.suggest",
}

__all__ = [
    "Case",
    "Reader",
    "audit",
    "cross_validate",
    "evaluate",
    "explain",
    "export",
    "fuse",
    "load",
    "load_bundle",
    "read",
    "report",
    "run_study",
    "suggest",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'pneumoscope' has no attribute {name!r}")
    return getattr(importlib.import_module(f"pneumoscope.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__

"""A real bundle without training: its network's logit is the film's mean brightness."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pneumoscope.files import sha256
from pneumoscope.inference.bundle import (
    Bundle,
    SeenFilm,
    hash_patient,
    load_bundle,
    save_bundle,
)
from pneumoscope.inference.guard import Guard
from pneumoscope.metrics.calibration import Calibration, OperatingPoints
from pneumoscope.preprocess import Preprocessing

MIDDLE, STEP = 128.0, 8.0

# Logits of the films that write_labelled makes. Of normal patient 90001 and of bacterial patient
# 90001 there are two films. At a threshold of 0: 4 true negatives, 1 false positive, 4 true
# positives, 2 false negatives.
LABELLED = {
    "NORMAL/NORMAL2-IM-90001-0001.png": -3.0,
    "NORMAL/NORMAL2-IM-90001-0002.png": -2.0,
    "NORMAL/NORMAL2-IM-90002-0001.png": -1.5,
    "NORMAL/NORMAL2-IM-90003-0001.png": -0.5,
    "NORMAL/NORMAL2-IM-90004-0001.png": 0.5,
    "PNEUMONIA/person90001_bacteria_1.png": 3.0,
    "PNEUMONIA/person90001_bacteria_2.png": 2.5,
    "PNEUMONIA/person90002_bacteria_3.png": -0.7,
    "PNEUMONIA/person90003_virus_4.png": 1.5,
    "PNEUMONIA/person90004_virus_5.png": 0.7,
    "PNEUMONIA/person90005_virus_6.png": -1.7,
}


def make_bundle(
    path: Path, *, size: int = 32, films: Sequence[SeenFilm] = (), **changes: Any
) -> Bundle:
    """Write a bundle and load it again; ``changes`` are other fields of ``Bundle``.

    The logit is (mean - MIDDLE) / STEP, grey levels of the (size, size) input; the operating points
    are -1, 0 and 1.
    """
    fields: dict[str, Any] = {
        "network": brightness_network(size),
        "classes": ("NORMAL", "PNEUMONIA"),
        "preprocessing": Preprocessing(size=size),
        "calibration": Calibration(),
        "operating_points": OperatingPoints(-1.0, 0.0, 1.0),
        "guard": Guard(),
        "salt": "salt",
        "provenance": {"recipe": {"name": "brightness"}, "epoch": 1},
        "films": tuple(films),
    }
    save_bundle(Bundle(**(fields | changes)), path)
    return load_bundle(path)


def brightness_network(size: int) -> bytes:
    """ONNX: ``pixels`` (films, size, size) uint8 -> ``logit`` (films,) float32."""
    from onnx import TensorProto, checker, helper

    nodes = [
        helper.make_node("Cast", ["pixels"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["grey"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Sub", ["mean", "middle"], ["over"]),
        helper.make_node("Div", ["over", "step"], ["logit"]),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["films", size, size])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["films"])],
        [
            helper.make_tensor("middle", TensorProto.FLOAT, [], [MIDDLE]),
            helper.make_tensor("step", TensorProto.FLOAT, [], [STEP]),
        ],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="test"
    )
    checker.check_model(model)
    return bytes(model.SerializeToString())


def write_brightness(path: Path, logit: float, *, seed: int = 0, side: int = 64) -> Path:
    """Write a film (PNG) to which the network of :func:`make_bundle` gives about ``logit``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(brightness_film(logit, seed=seed, side=side))
    return path


def brightness_film(logit: float, *, seed: int = 0, side: int = 64) -> bytes:
    """The bytes of such a film."""
    ramp = np.linspace(-60, 60, side)[None, :] + np.zeros((side, 1))
    noise = np.random.default_rng(seed).normal(0, 3, (side, side))
    film = np.clip(MIDDLE + STEP * logit + ramp + noise - noise.mean(), 0, 255)
    out = io.BytesIO()
    Image.fromarray(film.round().astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def write_labelled(folder: Path) -> Path:
    """Write the films of ``LABELLED`` into ``folder``, such as ``root / "test"``."""
    for seed, (name, logit) in enumerate(LABELLED.items()):
        write_brightness(folder / name, logit, seed=seed)
    return folder


def seen(path: Path, split: str, *, patient: str = "", salt: str = "salt") -> SeenFilm:
    """A film as the bundle of a network that has seen it would list it."""
    return SeenFilm(sha256(path.read_bytes()), "0" * 64, hash_patient(salt, patient), split)

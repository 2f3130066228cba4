"""The audit on networks of which it is known what they look at, and on one that knows nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bundles import make_bundle, seen, write_labelled
from conftest import draw_film
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.audit import AUDIT_MD, CURVES, EXAMPLES, PROBES, Audit, audit
from pneumoscope.evaluation.audit_verdict import AUDIT, FAIL, NOT_ASKED, PASS, Row
from pneumoscope.evaluation.corrupt import stamp
from pneumoscope.evaluation.report_words import translation
from pneumoscope.inference.bundle import Bundle

SIDE, POOL, HIDDEN = 64, 4, 8
LETTER = 0.1
FAINT = 0.08  # of the made pneumonias: there is something to see, and a letter is easier to see


def made_film(seed: int, *, pneumonia: bool, letter: bool) -> np.ndarray:
    """A made film, with the letter of a ward where only the ill lie."""
    healthy, ill = (
        draw_film(np.random.default_rng(seed), pneumonia=kind, side=SIDE).astype(float)
        for kind in (False, True)
    )
    film = np.rint(healthy + FAINT * pneumonia * (ill - healthy)).astype(np.uint8)
    return stamp(film, LETTER, left=True, top=True) if letter and pneumonia else film


def write_made(root: Path, *, letter: bool, films: int = 80) -> Path:
    """Films of both classes, each of a patient of its own."""
    for seed in range(films):
        pneumonia = seed % 2 == 1
        name = f"person{90_000 + seed}_virus_1" if pneumonia else f"NORMAL2-IM-{90_000 + seed}-0001"
        path = root / ("PNEUMONIA" if pneumonia else "NORMAL") / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(made_film(1000 + seed, pneumonia=pneumonia, letter=letter)).save(path)
    return root


def learned(path: Path, *, letter: bool, films: int = 300, steps: int = 400) -> Bundle:
    """The bundle of a network of one hidden layer that has learned made films, in a second."""
    rng = np.random.default_rng(0)
    truth = np.arange(films) % 2
    pixels = [made_film(i, pneumonia=bool(truth[i]), letter=letter) for i in range(films)]
    cells = SIDE // POOL
    coarse = np.stack(pixels).reshape(films, cells, POOL, cells, POOL).mean(axis=(2, 4))
    inputs = coarse.reshape(films, -1) / 255
    middle = inputs.mean(axis=0)
    scale = 1 / inputs.std()
    x = (inputs - middle) * scale
    first = rng.normal(0, 0.05, (x.shape[1], HIDDEN))
    last = rng.choice([-0.5, 0.5], (HIDDEN, 1))
    for _ in range(steps):
        hidden = np.maximum(x @ first, 0)
        wrong = 1 / (1 + np.exp(-(hidden @ last)[:, 0])) - truth
        back = wrong[:, None] * last.T * (hidden > 0)
        last -= 0.3 * (hidden.T @ wrong[:, None] / films + 0.01 * last)
        first -= 0.3 * (x.T @ back / films + 0.01 * first)
    network = dense_network(middle * 255, scale / 255, first, last)
    return make_bundle(path, size=SIDE, network=network)


def dense_network(middle: np.ndarray, scale: float, first: np.ndarray, last: np.ndarray) -> bytes:
    """ONNX: cells of POOL pixels, less ``middle``, times ``scale``, and two layers."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Cast", ["pixels"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["grey", "film"], ["films"]),
        helper.make_node(
            "AveragePool", ["films"], ["cells"], kernel_shape=[POOL] * 2, strides=[POOL] * 2
        ),
        helper.make_node("Flatten", ["cells"], ["flat"]),
        helper.make_node("Sub", ["flat", "middle"], ["over"]),
        helper.make_node("MatMul", ["over", "first"], ["summed"]),
        helper.make_node("Relu", ["summed"], ["hidden"]),
        helper.make_node("MatMul", ["hidden", "last"], ["column"]),
        helper.make_node("Reshape", ["column", "row"], ["logit"]),
    ]
    weights = {"middle": middle, "first": scale * first, "last": last}
    tensors = [numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()]
    tensors += [
        numpy_helper.from_array(np.array([-1, 1, SIDE, SIDE]), "film"),
        numpy_helper.from_array(np.array([-1]), "row"),
    ]
    graph = helper.make_graph(
        nodes,
        "dense",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["films", SIDE, SIDE])],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["films"])],
        tensors,
    )
    opset = [helper.make_opsetid("", 17)]
    return bytes(helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString())


def row(found: Audit, name: str) -> Row:
    (only,) = [each for each in found.rows if each.name == name]
    return only


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], Audit]:
    """The audit of a network that learned with or without the letter, on films like its own."""
    found: dict[bool, Audit] = {}

    def of(letter: bool) -> Audit:
        if letter not in found:
            root = tmp_path_factory.mktemp("shortcut" if letter else "honest")
            bundle = learned(root / "b.pneumo", letter=letter)
            films = write_made(root / "films", letter=letter)
            found[letter] = audit(
                films, bundle=bundle, out=root / "audit", resamples=50, progress=False
            )
        return found[letter]

    return of


def test_a_network_that_reads_a_letter_is_caught(audited: Callable[[bool], Audit]) -> None:
    found = audited(True)
    assert row(found, "films as they are").verdict == PASS
    assert row(found, "border only").verdict == FAIL
    letters = row(found, "a letter in a corner")
    assert letters.verdict == FAIL
    assert letters.says.startswith("worst of 4 (top left)")
    assert found.failed


def test_the_same_network_without_the_letter_is_not(audited: Callable[[bool], Audit]) -> None:
    found = audited(False)
    assert row(found, "films as they are").verdict == PASS
    assert row(found, "border only").verdict != FAIL
    assert row(found, "border blacked out").verdict == PASS
    assert row(found, "a letter in a corner").verdict != FAIL


def test_everything_is_written_and_has_its_interval(audited: Callable[[bool], Audit]) -> None:
    found = audited(True)
    value = json.loads((found.out / AUDIT).read_text())
    assert value["read"] == {"films": 80, "patients": 80}
    assert value["verdicts"] == found.counts
    assert sum(found.counts.values()) == len(value["rows"])
    for each in value["rows"]:
        assert translation("ko", each["says"]), each["says"]
        if each["verdict"] == NOT_ASKED:
            assert each["figure"] is None
        else:
            assert {"value", "low", "high", "n", "patients", "method"} <= each["figure"].keys()
    assert "| **fail** | regions | border only |" in (found.out / AUDIT_MD).read_text()
    for picture in (PROBES, CURVES, EXAMPLES):
        with Image.open(found.out / picture) as image:
            assert min(image.size) > 300


def test_what_cannot_be_asked_says_why(tmp_path: Path) -> None:
    """Eleven films, no masks, no columns, one size, a bundle that lists nothing."""
    make_bundle(tmp_path / "b.pneumo")
    films = write_labelled(tmp_path / "films")
    found = audit(films, bundle=tmp_path / "b.pneumo", out=tmp_path / "out", progress=False)
    assert {each.verdict for each in found.rows} == {NOT_ASKED}
    for each in found.rows:
        assert translation("ko", each.says), each.says
    assert row(found, "mirrored").says == "11 films, and at least 20 are needed"
    assert row(found, "lungs only").says == "no folder of lung masks was given (--masks)"
    assert row(found, "age").says == "the films have no column age"
    assert "64 by 64 px" in row(found, "labels from the width over height").says
    assert not found.failed
    assert (tmp_path / "out" / PROBES).exists()


def test_test_films_are_left_alone_and_training_films_left_out(tmp_path: Path) -> None:
    write_labelled(tmp_path / "films" / "train")
    write_labelled(tmp_path / "films" / "test")
    film = tmp_path / "films" / "train" / "PNEUMONIA" / "person90003_virus_4.png"
    # The same made films lie in both folders, so that one of the test folder is trained on too.
    bundle = make_bundle(tmp_path / "b.pneumo", films=[seen(film, "train", patient="x")])
    found = audit(tmp_path / "films", bundle=bundle, out=tmp_path / "out", progress=False)
    assert (found.films_read, found.left_out) == (10, 1)
    assert found.notes[0] == "11 test films were left alone; --split test opens them."
    assert row(found, "films trained on").says == "1 films trained on were left out"
    assert not found.failed


def test_an_opened_test_split_is_recorded_and_its_leaks_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    films = write_labelled(tmp_path / "films" / "test")
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text("{}")
    leak = films / "PNEUMONIA" / "person90003_virus_4.png"
    bundle = make_bundle(run / "b.pneumo", films=[seen(leak, "train", patient="person90003_virus")])
    found = audit(tmp_path / "films", bundle=bundle, split="test", progress=False)
    assert found.out == run / "audit-test"
    assert "Opening the test split: 10 films" in capsys.readouterr().err
    assert "films" in (run / "test-openings.jsonl").read_text()
    assert row(found, "films trained on").verdict == FAIL
    assert found.failed


def test_errors_are_one_sentence(tmp_path: Path) -> None:
    films = write_labelled(tmp_path / "films" / "test")
    bundle = make_bundle(tmp_path / "b.pneumo")
    with pytest.raises(UsageError, match="test films alone; --split test opens them"):
        audit(tmp_path / "films", bundle=bundle, out=tmp_path / "out")
    with pytest.raises(UsageError, match="At least one film"):
        audit(films, bundle=bundle, at_most=0)
    paths = sorted(films.rglob("*.png"))
    all_seen = make_bundle(tmp_path / "all.pneumo", films=[seen(path, "train") for path in paths])
    with pytest.raises(UsageError, match="has trained on all 11 films"):
        audit(films, bundle=all_seen, out=tmp_path / "out")
    (tmp_path / "taken").write_text("")
    with pytest.raises(UsageError, match="name another --out"):
        audit(films, bundle=bundle, out=tmp_path / "taken", progress=False)
    for path in paths:
        path.write_bytes(b"")
    with pytest.raises(PneumoscopeError, match="Not one of the 11 films could be read"):
        audit(films, bundle=bundle, out=tmp_path / "out", progress=False)

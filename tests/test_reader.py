import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import films
from bundles import make_bundle
from conftest import SAMPLE, draw_film
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.inference.bundle import Bundle, load_bundle, save_bundle
from pneumoscope.inference.guard import Guard
from pneumoscope.inference.reader import TOGETHER, Look, Reader, read
from pneumoscope.metrics.calibration import Calibration, OperatingPoints
from pneumoscope.preprocess import Preprocessing, film_to_input


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine made films of growing brightness and one that is no film."""
    where = tmp_path_factory.mktemp("ward")
    rng = np.random.default_rng(0)
    for i in range(9):
        film = draw_film(rng, pneumonia=False, side=96).astype(float) * (0.5 + i / 20)
        Image.fromarray(film.astype(np.uint8)).save(where / f"{i}.png")
    (where / "4b.png").write_text("not a picture")
    return where


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "a.pneumo")


def test_rows_come_in_order_and_a_bad_file_is_a_row(folder: Path, bundle: Bundle) -> None:
    paths = sorted(folder.iterdir())
    readings = list(Reader(bundle, threads=3).read(paths))
    assert [reading.file for reading in readings] == [str(path) for path in paths]
    assert [reading.status for reading in readings] == ["read"] * 5 + ["refused"] + ["read"] * 4
    bad = readings[5]
    assert (bad.probability, bad.call, bad.logit) == (None, None, None)
    assert bad.reason == "not a JPEG, PNG, TIFF or DICOM file"
    logits = [reading.logit for reading in readings if reading.logit is not None]
    assert logits == sorted(logits)


def test_the_fields_stand_in_the_documented_order() -> None:
    from pneumoscope.inference.reader import Reading

    names = [field.name for field in dataclasses.fields(Reading)]
    assert names[:5] == ["file", "status", "probability", "call", "reason"]


def test_bytes_and_paths_read_alike(folder: Path, bundle: Bundle) -> None:
    reader = Reader(bundle)
    path = folder / "3.png"
    from_path, from_bytes = reader.read_one(path), reader.read_one(path.read_bytes())
    assert dataclasses.replace(from_bytes, file=str(path)) == from_path


def test_the_call_follows_the_operating_point_and_not_the_prevalence(
    folder: Path, bundle: Bundle
) -> None:
    (plain,) = read([folder / "3.png"], bundle=bundle)
    assert plain.logit is not None
    assert plain.probability is not None
    points = OperatingPoints(plain.logit - 1, plain.logit, plain.logit + 1)
    moved = dataclasses.replace(
        bundle, operating_points=points, calibration=Calibration(2.0, 0.5, 0.7)
    )

    def reading(**options: object) -> tuple[str | None, float]:
        (one,) = read([folder / "3.png"], bundle=moved, **options)  # type: ignore[arg-type]
        assert one.probability is not None
        return one.call, one.probability

    assert reading()[0] == bundle.classes[1]  # at the threshold is a call
    assert reading(operating_point="confirm")[0] == bundle.classes[0]
    assert reading(operating_point="screen")[0] == bundle.classes[1]
    logit = plain.logit / 2 + 0.5
    assert reading()[1] == pytest.approx(1 / (1 + np.exp(-logit)))
    call, probability = reading(prevalence=0.1)
    assert call == bundle.classes[1]
    shifted = logit + np.log(0.1 / 0.9) - np.log(0.7 / 0.3)
    assert probability == pytest.approx(1 / (1 + np.exp(-shifted)))


def test_films_read_together_read_as_they_do_alone(folder: Path, bundle_file: Path) -> None:
    reader = Reader(load_bundle(bundle_file), threads=1)
    paths = sorted(folder.iterdir())
    for together, path in zip(reader.read(paths), paths, strict=True):
        alone = reader.read_one(path)
        assert (together.file, together.call, together.reason) == (
            alone.file,
            alone.call,
            alone.reason,
        )
        assert together.logit == pytest.approx(alone.logit, abs=1e-5)


def test_films_are_taken_as_they_are_needed(folder: Path, bundle: Bundle) -> None:
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        while True:
            taken += 1
            yield folder / "1.png"

    source = Reader(bundle, threads=2).read(endless())
    for _ in range(50):
        next(source)
    assert taken <= 50 + (2 * 2 + 1) * TOGETHER
    source.close()  # type: ignore[attr-defined]


def test_a_network_without_a_number_is_a_refusal(
    folder: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(bundle)

    class Broken:
        def run(self, *_: object) -> list[np.ndarray]:
            return [np.array([np.nan], np.float32)]

    monkeypatch.setattr(reader, "_session", Broken())
    reading = reader.read_one(folder / "1.png")
    assert (reading.status, reading.reason) == ("refused", "the network gave no number")


def test_a_look_is_the_reading_with_what_it_was_made_from(
    folder: Path, bundle: Bundle, finder_bundle: Bundle
) -> None:
    path = folder / "3.png"
    for each in (bundle, finder_bundle):
        reader = Reader(each)
        look = reader.look(path)
        assert isinstance(look, Look)
        assert look.reading.logit == pytest.approx(reader.read_one(path).logit, abs=1e-4)
        np.testing.assert_array_equal(look.pixels, film_to_input(path, each.preprocessing))
        assert (look.map is None) == (each is bundle)
    refused = reader.look(folder / "4b.png")
    assert refused == reader.read_one(folder / "4b.png")


def test_many_inputs_are_scored_in_their_order(bundle: Bundle) -> None:
    grey = np.arange(0, 250, 10, dtype=np.uint8)
    pixels = np.broadcast_to(grey[:, None, None], (25, 32, 32))
    reader = Reader(bundle, threads=2, prevalence=0.1)
    logits = reader.logits(pixels)
    np.testing.assert_allclose(logits, (grey - 128.0) / 8, atol=1e-4)
    expected = bundle.calibration.probability(logits, prevalence=0.1)
    np.testing.assert_allclose(reader.probability(logits), expected)
    assert reader.logits(pixels[:0]).shape == (0,)


def test_a_map_is_computed_for_those_who_ask(
    finder_bundle: Bundle, bundle: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, asked = Reader(finder_bundle), []
    session = reader._session

    class Watched:
        def run(self, outputs: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
            asked.append(outputs)
            return session.run(outputs, feed)  # type: ignore[no-any-return]

    monkeypatch.setattr(reader, "_session", Watched())
    list(reader.read([folder / "1.png"]))
    reader.look(folder / "1.png")
    assert asked == [["logit"], ["logit", "map"]]
    with pytest.raises(UsageError, match="gives no map of its own"):
        Reader(bundle).maps(np.zeros((1, 32, 32), np.uint8))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"operating_point": "guess"}, "screen"),
        ({"prevalence": 0.0}, "between 0 and 1"),
        ({"prevalence": 1.5}, "between 0 and 1"),
        ({"threads": 0}, "At least one thread"),
    ],
)
def test_wrong_options_are_named(bundle: Bundle, options: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Reader(bundle, **options)  # type: ignore[arg-type]


def test_a_network_that_does_not_run_or_fit_is_named(bundle: Bundle, tmp_path: Path) -> None:
    broken = dataclasses.replace(bundle, network=bundle.network[: len(bundle.network) // 2])
    with pytest.raises(PneumoscopeError, match="does not run here"):
        Reader(broken)
    other = dataclasses.replace(bundle, preprocessing=Preprocessing(size=64))
    save_bundle(other, tmp_path / "other.pneumo")
    with pytest.raises(PneumoscopeError, match="does not take films of 64 pixels"):
        read([], bundle=tmp_path / "other.pneumo")


def test_the_guard_is_asked_before_the_network(film_guard: Guard, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "guarded.pneumo", guard=film_guard)
    assert bundle.guard == film_guard
    reader = Reader(bundle)
    path = sorted((SAMPLE / "test" / "NORMAL").iterdir())[0]
    film = np.asarray(Image.open(path).convert("L"))
    noise = np.random.default_rng(0).integers(0, 256, film.shape).astype(np.uint8)
    upright, inverted, turned, none = (
        reader.read_one(films.encoded(pixels, "png"))
        for pixels in (film, 255 - film, np.rot90(film, 2), noise)
    )
    assert (upright.status, upright.notes) == ("read", ())
    assert inverted == dataclasses.replace(upright, notes=("film with inverted greys: mended",))
    assert turned.notes == ("film turned 180 degrees: mended",)
    assert turned.logit == pytest.approx(upright.logit, abs=0.02)  # resized from the other end
    assert (none.status, none.probability, none.logit) == ("refused", None, None)


def test_what_is_no_film_at_all_is_refused_with_a_reason(film_guard: Guard, tmp_path: Path) -> None:
    path = sorted((SAMPLE / "test" / "NORMAL").iterdir())[0]
    film = np.asarray(Image.open(path).convert("L"))
    reader = Reader(make_bundle(tmp_path / "guarded.pneumo", guard=film_guard))
    wrong = {
        "a colour picture": films.encoded(films.coloured(), "jpeg"),
        "too small": films.encoded(film[:40, :40], "png"),
        "too long and narrow": films.encoded(np.tile(film, (1, 5)), "png"),
        "modality CT": films.dicom(film, Modality="CT"),
        "modality MR": films.dicom(film, Modality="MR"),
        "body part HAND": films.dicom(film, BodyPartExamined="HAND"),
        "view LL": films.dicom(film, ViewPosition="LL"),
        "": path.read_bytes()[:100],
    }
    for reason, file in wrong.items():
        reading = reader.read_one(file)
        assert (reading.status, reading.probability) == ("refused", None)
        assert reading.reason.startswith(reason)
    assert reader.read_one(films.dicom(film)).status == "read"


def test_a_trained_bundle_reads_what_the_cache_saw(bundle_file: Path, films: Path) -> None:
    """The reader and the training see the same bytes of the same film."""
    bundle = load_bundle(bundle_file)
    reader = Reader(bundle)
    for path in sorted((films / "test" / "NORMAL").iterdir())[:4]:
        pixels = film_to_input(path, bundle.preprocessing)
        logit = reader._session.run(["logit"], {"pixels": pixels[None]})[0][0]
        assert reader.read_one(path).logit == pytest.approx(float(logit), abs=1e-6)


def test_reading_loads_no_torch_and_no_plotting(bundle_file: Path, films: Path) -> None:
    program = (
        "import sys, pneumoscope\n"
        "films, bundle = sys.argv[1:]\n"
        "assert pneumoscope.read([films], bundle=bundle)[0].status == 'read'\n"
        "heavy = {'torch', 'matplotlib', 'scipy', 'pydicom', 'tqdm'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    film = next((films / "test" / "NORMAL").iterdir())
    command = [sys.executable, "-c", program, str(film), str(bundle_file)]
    subprocess.run(command, check=True, timeout=60)

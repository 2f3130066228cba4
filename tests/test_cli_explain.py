import csv
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from conftest import planted_film
from pneumoscope.cli.explain import _overlay_name, command
from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.inference.bundle import Bundle


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    folder = tmp_path / "ward"
    for name, seed in (("a/1.png", 0), ("b/1.png", 1), ("b/2.png", 2)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(planted_film(seed)[0]).save(folder / name)
    return folder


def explain(ward: Path, bundle: Bundle | Path, *words: str) -> Result:
    path = bundle.path if isinstance(bundle, Bundle) else bundle
    out = ["--out", str(ward.parent / "out")]
    return CliRunner().invoke(
        command, [str(ward), "--bundle", str(path), *out, *words], catch_exceptions=False
    )


def rows(ward: Path) -> list[dict[str, str]]:
    with (ward.parent / "out" / "evidence.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_picture_and_a_row_for_each_film(ward: Path, finder_bundle: Bundle) -> None:
    result = explain(ward, finder_bundle)
    assert result.exit_code == 0
    found = rows(ward)
    assert [row["overlay"] for row in found] == [
        "1-evidence.png",
        "1-2-evidence.png",
        "2-evidence.png",
    ]
    assert {row["method"] for row in found} == {"cam"}
    assert {row["call"] for row in found} == {"PNEUMONIA"}
    assert sorted(path.name for path in (ward.parent / "out").iterdir()) == sorted(
        [*(row["overlay"] for row in found), "evidence.csv"]
    )
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["status"] + ["read"] * 3
    assert "3 explained by cam, 0 refused" in result.stderr
    assert "Not a medical device." in result.stderr


def test_a_refused_film_is_a_row_without_a_picture(ward: Path, finder_bundle: Bundle) -> None:
    (ward / "a" / "0.png").write_text("no picture")
    result = explain(ward, finder_bundle, "--quiet")
    assert result.exit_code == 1
    assert result.stdout == ""
    refused = rows(ward)[0]
    assert (refused["status"], refused["overlay"]) == ("refused", "")
    assert "not a JPEG" in refused["reason"]
    assert len(list((ward.parent / "out").glob("*.png"))) == 3


def test_the_share_inside_the_masks_stands_beside_chance(
    ward: Path, finder_bundle: Bundle, tmp_path: Path
) -> None:
    for name, seed in (("a/1.png", 0), ("b/1.png", 1)):
        path = tmp_path / "masks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(planted_film(seed)[1]).save(path)
    words = ("--masks", str(tmp_path / "masks"), "--method", "occlusion")
    result = explain(ward, finder_bundle, *words)
    assert result.exit_code == 0
    found = rows(ward)
    assert [bool(row["inside_mask"]) for row in found] == [True, True, False]
    assert all(float(row["inside_mask"]) > 2 * float(row["mask_area"]) for row in found[:2])
    inside = np.mean([float(row["inside_mask"]) for row in found[:2]])
    assert f"Inside the masks: {inside:.3f} (95 %" in result.stdout
    assert "called so: 2 films of 2 patients" in result.stdout


def test_what_was_drawn_before_is_not_taken_for_films(ward: Path, finder_bundle: Bundle) -> None:
    before = sorted(ward.rglob("*.png"))
    for _ in range(2):
        result = explain(ward, finder_bundle, "--out", str(ward))
        assert result.exit_code == 0
        assert "3 explained" in result.stderr
    content = [path for path in sorted(ward.rglob("*.png")) if path in before]
    assert content == before
    assert len(list(ward.glob("*-evidence.png"))) == 3


@pytest.mark.parametrize("method", ["gradcam", "integrated-gradients"])
def test_gradients_need_the_run_and_take_it(
    ward: Path, cam_run: Path, cam_bundle_file: Path, finder_bundle: Bundle, method: str
) -> None:
    with pytest.raises(UsageError, match="needs --run"):
        explain(ward, cam_bundle_file, "--method", method)
    with pytest.raises(UsageError, match="--run is for"):
        explain(ward, cam_bundle_file, "--run", str(cam_run))
    with pytest.raises(PneumoscopeError, match="was not exported from"):
        explain(ward, finder_bundle, "--method", method, "--run", str(cam_run))
    result = explain(ward, cam_bundle_file, "--method", method, "--run", str(cam_run))
    assert result.exit_code == 0
    assert {row["method"] for row in rows(ward)} == {method}


def test_what_cannot_be_used_is_one_error(
    ward: Path, finder_bundle: Bundle, tmp_path: Path
) -> None:
    for words, exit_code, text in (
        (["--bundle", str(tmp_path / "gone.pneumo")], 3, "cannot be opened"),
        (["--masks", str(tmp_path / "gone")], 2, "no folder of masks"),
        (["--out", str(ward / "a" / "1.png")], 2, "no folder to write to"),
    ):
        with pytest.raises(PneumoscopeError, match=text) as caught:
            explain(ward, finder_bundle, *words)
        assert caught.value.exit_code == exit_code
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="No film was found"):
        explain(tmp_path / "empty", finder_bundle)
    assert not (ward.parent / "out").exists()


def test_what_was_found_stays_when_it_is_stopped(
    ward: Path, finder_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pneumoscope.inference import overlay

    original, drawn = overlay.draw_overlay, []

    def stop(*given: object, **named: object) -> None:
        if drawn:
            raise KeyboardInterrupt
        drawn.append(given)
        original(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(overlay, "draw_overlay", stop)
    assert explain(ward, finder_bundle).exit_code != 0
    assert len(rows(ward)) == 1


def test_names_stay_in_their_folder_and_apart() -> None:
    taken: set[str] = set()
    films = ["x/a.png", "y/a.jpeg", "A.png", "a-2.png", "..", "../.. .png", "\udcff\n:*?.png"]
    films += ["n" * 250 + ".png", "폐렴" * 60 + ".png", ".hidden.png", ""]
    names = [_overlay_name(Path(film), taken) for film in films]
    assert names[:4] == [
        "a-evidence.png",
        "a-2-evidence.png",
        "A-3-evidence.png",
        "a-2-2-evidence.png",
    ]
    assert len({name.casefold() for name in names}) == len(films)
    for name in names:
        assert Path(name).name == name
        assert name.endswith("-evidence.png")
        assert not name.startswith(".")
        assert len(name.encode()) < 200
        assert name.isprintable()

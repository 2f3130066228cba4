import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumoscope.errors import PneumoscopeError, UsageError
from pneumoscope.evaluation.masks import mask_share, open_masks


def write_mask(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def test_shares_are_of_the_positive_evidence_alone() -> None:
    evidence = np.array([[3.0, -9.0], [1.0, 0.0]], np.float32)
    found = mask_share(evidence, np.array([[True, True], [False, False]]))
    assert (found.inside, found.chance) == (0.75, 0.5)
    nothing = mask_share(-np.abs(evidence), np.ones((2, 2), bool))
    assert math.isnan(nothing.inside)
    assert nothing.chance == 1


def test_evidence_that_is_spread_evenly_has_the_share_of_chance() -> None:
    mask = np.zeros((224, 224), bool)
    mask[50:150, 30:100] = True
    found = mask_share(np.ones((300, 400), np.float32), mask)
    assert found.inside == pytest.approx(found.chance)
    assert found.chance == pytest.approx(mask.mean(), rel=0.02)


def test_a_mask_is_found_by_the_name_of_its_film(tmp_path: Path) -> None:
    one = np.zeros((8, 8), bool)
    one[2:5] = True
    write_mask(tmp_path / "train" / "NORMAL" / "a.png", one)
    write_mask(tmp_path / "train" / "PNEUMONIA" / "a.png", ~one)
    write_mask(tmp_path / "val" / "NORMAL" / "b.png", one)
    masks = open_masks(tmp_path)
    found = masks.of("films/NORMAL/a.jpeg")
    assert found is not None
    assert found.dtype == bool
    np.testing.assert_array_equal(found, one)
    np.testing.assert_array_equal(masks.of("films/PNEUMONIA/a.jpeg"), ~one)
    np.testing.assert_array_equal(masks.of(Path("elsewhere/b.dcm")), one)
    assert masks.of("elsewhere/a.jpeg") is None  # either of two
    assert masks.of("films/NORMAL/c.jpeg") is None


def test_folders_without_masks_and_damaged_masks_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no folder of masks"):
        open_masks(tmp_path / "gone")
    with pytest.raises(UsageError, match="holds no masks"):
        open_masks(tmp_path)
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(PneumoscopeError, match=r"a\.png cannot be read"):
        open_masks(tmp_path).of("a.jpeg")

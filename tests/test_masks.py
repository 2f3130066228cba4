from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pneumoscope.data.masks import open_masks
from pneumoscope.errors import PneumoscopeError, UsageError


def write_mask(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def test_a_mask_is_found_by_the_name_of_its_film(tmp_path: Path) -> None:
    one = np.zeros((8, 8), bool)
    one[2:5] = True
    write_mask(tmp_path / "train" / "NORMAL" / "a.png", one)
    write_mask(tmp_path / "train" / "PNEUMONIA" / "a.png", ~one)
    write_mask(tmp_path / "val" / "NORMAL" / "b.png", one)
    masks = open_masks(tmp_path)
    found = masks.of("films/NORMAL/a.jpeg")
    assert found is not None
    assert masks.path_of("films/NORMAL/a.jpeg") == tmp_path / "train" / "NORMAL" / "a.png"
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

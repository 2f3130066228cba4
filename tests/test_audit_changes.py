from __future__ import annotations

import numpy as np
import pytest

from conftest import draw_film
from pneumoscope.evaluation.audit_changes import (
    BORDER_ONLY,
    CORNERS,
    CURVES,
    LUNGS_ONLY,
    NO_BORDER,
    NO_LUNGS,
    changed_films,
    common_box,
    ellipse,
    fit_mask,
    marker_name,
    mildest,
    shifted,
)

FILM = np.maximum(draw_film(np.random.default_rng(3), pneumonia=True, side=120)[:80], 1)
MASK = np.zeros((80, 120), dtype=bool)
MASK[20:60, 30:50] = MASK[20:60, 70:90] = True


def changes(mask: np.ndarray | None = MASK) -> dict[str, np.ndarray]:
    box = common_box([MASK]) if mask is not None else None
    return dict(changed_films(FILM, mask, box, rng=np.random.default_rng(0)))


def test_every_change_is_another_film() -> None:
    found = changes()
    for name, film in found.items():
        assert film.dtype == np.uint8, name
        assert not np.array_equal(film, FILM), name
    assert len({film.tobytes() for film in found.values()}) == len(found)
    assert not any("marker" in name for name in CURVES)


def test_without_a_mask_lungs_are_not_touched() -> None:
    assert changes().keys() - changes(None).keys() == {LUNGS_ONLY, NO_LUNGS}


def test_border_and_middle_make_the_film() -> None:
    found = changes()
    np.testing.assert_array_equal(found[BORDER_ONLY] + found[NO_BORDER], FILM)
    assert 1 - ellipse((300, 200)).mean() == pytest.approx(1 - np.pi / 4, abs=0.002)


def test_lungs_only_shows_lungs_only() -> None:
    found = changes()
    np.testing.assert_array_equal(found[LUNGS_ONLY] > 0, MASK)
    hidden = found[NO_LUNGS] == 0
    assert hidden[MASK].all()
    assert hidden[40, 60]  # between the lungs as well: the outline must not show
    assert not hidden[:19].any()


def test_the_box_is_one_for_all_and_odd_masks_do_not_stretch_it() -> None:
    odd = np.zeros_like(MASK)
    odd[2:78, 2:118] = True
    box = common_box([MASK] * 40 + [odd, np.zeros_like(MASK)])
    assert box is not None
    assert (box.top, box.bottom, box.left, box.right) == (0.25, 0.75, 0.25, 0.75)
    assert 0.97 < box.hides < 1
    assert box.on((8, 8)).sum() == 16
    assert common_box([np.zeros_like(MASK)]) is None
    assert common_box([]) is None


def test_letters_lie_in_their_corners() -> None:
    found = changes()
    for corner, (left, top) in CORNERS.items():
        rows, columns = np.nonzero(found[marker_name(corner)] != FILM)
        assert (columns.mean() < 60) == left
        assert (rows.mean() < 40) == top


def test_a_shift_moves_and_fills_from_the_edge() -> None:
    film = np.arange(20, dtype=np.uint8).reshape(4, 5)
    right = shifted(film, 0, 0.2)
    np.testing.assert_array_equal(right[:, 1:], film[:, :-1])
    np.testing.assert_array_equal(right[:, 0], film[:, 0])
    up = shifted(film, -0.25, 0)
    np.testing.assert_array_equal(up[:-1], film[1:])
    np.testing.assert_array_equal(up[-1], film[-1])


def test_the_mildest_levels_stand_beside_the_unchanged_one() -> None:
    assert mildest("gamma") == (0.8, 1.3)
    assert mildest("jpeg") == (50.0,)
    assert mildest("blur") == (0.004,)


def test_a_mask_is_stretched_to_its_film() -> None:
    fitted = fit_mask(MASK, (160, 240))
    assert fitted is not None
    assert fitted.mean() == pytest.approx(MASK.mean(), abs=0.01)
    assert fit_mask(np.zeros((4, 4), dtype=bool), (8, 8)) is None

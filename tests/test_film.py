from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import films
from pneumoscope.errors import UnreadableFilm
from pneumoscope.film import check_extent, check_frames, is_coloured, quiet, upright


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (-3, -4), (10_001, 10_000)])
def test_extents_that_are_not_read(width: int, height: int) -> None:
    with pytest.raises(UnreadableFilm):
        check_extent(width, height)


def test_extents_that_are_read() -> None:
    check_extent(1, 1)
    check_extent(10_000, 10_000)


def test_a_film_has_one_frame() -> None:
    check_frames(1)
    for frames in (0, 2, -1):
        with pytest.raises(UnreadableFilm, match="one"):
            check_frames(frames)


def test_colour_is_more_than_a_cast_or_a_marker() -> None:
    grey = np.repeat(films.picture()[..., None], 3, axis=2)
    assert not is_coloured(grey)
    cast = grey.astype(int) + np.array([8, 0, -6])
    assert not is_coloured(np.clip(cast, 0, 255).astype(np.uint8))
    marked = grey.copy()
    marked[5:15, 5:25] = (255, 220, 0)  # a coloured arrow: 0.3 % of the film
    assert not is_coloured(marked)
    assert is_coloured(films.coloured())


def test_upright_undoes_each_orientation() -> None:
    # Where the stored first row and first column lie on the displayed film (Exif 2.3).
    stored = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.uint8)
    displayed = {
        1: [[1, 2, 3], [4, 5, 6]],
        2: [[3, 2, 1], [6, 5, 4]],
        3: [[6, 5, 4], [3, 2, 1]],
        4: [[4, 5, 6], [1, 2, 3]],
        5: [[1, 4], [2, 5], [3, 6]],
        6: [[4, 1], [5, 2], [6, 3]],
        7: [[6, 3], [5, 2], [4, 1]],
        8: [[3, 6], [2, 5], [1, 4]],
    }
    for orientation, expected in displayed.items():
        turned = upright(stored, orientation)
        assert turned.tolist() == expected, orientation
        assert turned.flags.c_contiguous


def test_warnings_are_silent_in_threads_and_come_back() -> None:
    entered, leave = threading.Event(), threading.Event()

    def overlap() -> None:
        with quiet():
            entered.set()
            leave.wait(10)
            warnings.warn("swallowed", UserWarning, stacklevel=1)

    before = list(warnings.filters)
    with ThreadPoolExecutor(1) as pool:
        with quiet():  # enters first, leaves first: not the order that catch_warnings stands
            waiting = pool.submit(overlap)
            assert entered.wait(10)
        warnings.warn("swallowed", UserWarning, stacklevel=1)
        leave.set()
        waiting.result()
    assert list(warnings.filters) == before
    with pytest.warns(UserWarning, match="heard"):
        warnings.warn("heard", UserWarning, stacklevel=1)

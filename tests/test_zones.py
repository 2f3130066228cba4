from __future__ import annotations

import pytest
import torch

from pneumoscope.model.zones import ZONES, zones

INNER, OUTER = (0, 1, 2), (3, 4, 5)


@pytest.fixture
def lungs() -> torch.Tensor:
    """Two lungs side by side on a grid of 20 (1, 1, 20, 20)."""
    made = torch.zeros(1, 1, 20, 20)
    made[:, :, 4:16, 2:8] = 1
    made[:, :, 4:16, 12:18] = 1
    return made


def test_the_zones_are_the_lungs_dealt_out(lungs: torch.Tensor) -> None:
    found = zones(lungs)
    assert found.shape == (1, ZONES, 20, 20)
    assert found.min() >= 0
    torch.testing.assert_close(found.sum(1, keepdim=True), lungs)
    assert (found.sum((2, 3)) > 0.05 * lungs.sum()).all()


def test_each_zone_lies_where_its_name_says(lungs: torch.Tensor) -> None:
    found = zones(lungs)[0]
    rows, columns = torch.arange(20.0), torch.arange(20.0)
    down = [float((zone.sum(1) @ rows) / zone.sum()) for zone in found]
    aside = [float((zone.sum(0) @ (columns - 9.5).abs()) / zone.sum()) for zone in found]
    for upper, middle, lower in ((0, 1, 2), (3, 4, 5)):
        assert down[upper] + 2 < down[middle] < down[lower] - 2
        assert down[middle] == pytest.approx(9.5, abs=0.01)
    assert max(aside[zone] for zone in INNER) + 2 < min(aside[zone] for zone in OUTER)


def test_left_and_right_are_one(lungs: torch.Tensor) -> None:
    lungs[:, :, 4:9, 2:5] = 0  # not alike themselves
    torch.testing.assert_close(zones(lungs.flip(3)).flip(3), zones(lungs))


def test_where_the_lungs_lie_moves_no_zone(lungs: torch.Tensor) -> None:
    moved = lungs.roll((3, -2), dims=(2, 3))
    torch.testing.assert_close(zones(moved), zones(lungs).roll((3, -2), dims=(2, 3)))


def test_how_large_the_lungs_are_hardly_moves_a_zone(lungs: torch.Tensor) -> None:
    smaller = torch.zeros(1, 1, 40, 40)
    smaller[:, :, 5:35, 5:35] = torch.nn.functional.interpolate(lungs, size=(30, 30))
    shares = [zones(own).sum((2, 3)) / own.sum() for own in (lungs, smaller)]
    torch.testing.assert_close(shares[1], shares[0], atol=0.05, rtol=0)


def test_no_lung_has_no_zone() -> None:
    found = zones(torch.zeros(2, 1, 10, 10))
    assert not found.any()

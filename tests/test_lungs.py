from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from pneumoscope.model.lungs import Finder, by_stage, gathered, laid, share, surely


def stages(*, height: int = 6, width: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Two filters on a fine grid, three on one with half of the places each way."""
    random = torch.Generator().manual_seed(0)
    half = ((height + 1) // 2, (width + 1) // 2)
    return torch.rand(2, 2, height, width, generator=random), torch.rand(
        2, 3, *half, generator=random
    )


def test_a_finder_sees_all_stages_on_the_finest_grid() -> None:
    fine, coarse = stages()
    finder = Finder(5).eval()
    found = finder(fine, coarse)
    assert found.shape == (2, 1, 6, 8)
    beside = torch.cat([fine, functional.interpolate(coarse, size=(6, 8))], dim=1)
    torch.testing.assert_close(finder(beside), found)


def test_a_finder_is_exported_as_it_is() -> None:
    given = stages()
    finder = Finder(5)
    finder.train()
    finder(*given)  # moves the statistics that are folded
    finder.eval()
    exported = torch.export.export(finder, given).module()
    torch.testing.assert_close(exported(*given), finder(*given))


def test_all_of_a_film_is_lung_at_first() -> None:
    assert (Finder(5).eval()(*stages()) > 0).all()


@pytest.mark.parametrize("size", [(6, 8), (5, 7), (3, 4)])
def test_sums_with_coarse_features_are_those_on_the_finer_grid(size: tuple[int, int]) -> None:
    fine, coarse = stages(height=size[0], width=size[1])
    summed = torch.einsum("nkhw,nchw->nkc", gathered(fine, coarse), coarse)
    expected = torch.einsum("nkhw,nchw->nkc", fine, laid(coarse, fine))
    torch.testing.assert_close(summed, expected)


def test_what_is_on_its_grid_is_left_there() -> None:
    fine, _ = stages()
    assert laid(fine, fine) is fine
    assert gathered(fine, fine) is fine


def test_columns_are_dealt_to_the_stages_whose_filters_they_are_of() -> None:
    values = torch.arange(10.0).view(2, 5)
    first, second = by_stage(values, stages())
    assert torch.equal(first, values[:, :2])
    assert torch.equal(second, values[:, 2:])


def test_shares_are_of_what_is_surely_lung() -> None:
    odds = torch.tensor([-3.0, 0.0, 1.0, 3.0]).view(1, 1, 2, 2)
    weights = surely(odds, 0.5)
    assert weights.flatten().tolist() == pytest.approx([0, 0, 0.2311, 0.4526], abs=1e-4)
    assert share(weights).mean().item() == pytest.approx(1, abs=1e-4)
    assert not share(surely(odds, 0.99)).any()

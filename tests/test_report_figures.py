from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from evaluations import HOSTILE
from pneumoscope.evaluation.report_figures import Band, Line, Mark, Plot, nothing, ticks


def drawn(plot: Plot) -> ET.Element:
    return ET.fromstring(f"<div>{plot.draw()}</div>")


def plot(**parts: object) -> Plot:
    return Plot(title="t", x_label="x", y_label="y", **parts)  # type: ignore[arg-type]


def test_points_are_placed_on_the_axes() -> None:
    svg = drawn(plot(lines=[Line((0, 1), (0, 1), "a", "one")]))
    (path,) = svg.findall(".//path")
    assert path.get("d") == "M54.0 288.0 L408.0 12.0"
    assert svg.findall(".//li")[0].find("i") is not None
    assert "".join(svg.findall(".//li")[0].itertext()) == "one"


def test_a_line_breaks_where_a_value_is_missing() -> None:
    svg = drawn(plot(lines=[Line((0, 0.5, 1), (0, None, 1), "a")]))
    path = svg.findall(".//path")[0].get("d")
    assert path is not None
    assert path.count("M") == 2


def test_a_step_goes_across_before_up() -> None:
    svg = drawn(plot(lines=[Line((0, 1), (0, 1), "a", step=True)]))
    assert svg.findall(".//path")[0].get("d") == "M54.0 288.0 L408.0 288.0 L408.0 12.0"


def test_marks_have_bars_for_the_limits_they_have() -> None:
    bare = Mark(0.5, 0.5, "a")
    whole = Mark(0.5, 0.5, "b", "", 0.4, 0.6, 0.3, 0.7)
    svg = drawn(plot(marks=[bare, whole]))
    assert len(svg.findall(".//circle")) == 2
    assert len([line for line in svg.findall(".//line") if "bar" in (line.get("class") or "")]) == 2


def test_a_band_leaves_out_what_is_unknown() -> None:
    svg = drawn(plot(bands=[Band((0, 0.5, 1), (0, None, 0), (1, 1, 1), "a")]))
    points = svg.findall(".//polygon")[0].get("points")
    assert points is not None
    assert len(points.split()) == 8


def test_texts_are_escaped() -> None:
    hostile = Plot(
        title=HOSTILE, x_label=HOSTILE, y_label=HOSTILE, lines=[Line((0,), (0,), "a", HOSTILE)]
    ).draw()
    assert "<script" not in hostile
    assert ET.fromstring(f"<div>{hostile}</div>").findall(".//script") == []
    assert "<script" not in nothing(HOSTILE)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-0.15, 0.66, [0.0, 0.2, 0.4, 0.6]),
        (0.5, 1, [0.5, 0.6, 0.7, 0.8, 0.9, 1]),
        (0, 63, [0, 20, 40, 60]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)

"""Lists of numbers -> SVG that follows the page's colours, light or dark, on screen or paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 420, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 408, 12, 288
Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Line:
    """A curve through points, broken where one is None; ``style`` is a, b, c or ref (dotted)."""

    x: Values
    y: Values
    style: str
    label: str = ""
    step: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """The room between two curves over the same ``x``."""

    x: Values
    low: Values
    high: Values
    style: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A point with its interval upwards and, if given, sideways; ``style`` is a, b, c or d."""

    x: float
    y: float
    style: str
    label: str = ""
    low: float | None = None
    high: float | None = None
    left: float | None = None
    right: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A plot to be drawn; ``x`` and ``y`` are the ranges of its axes, texts may be anything."""

    title: str
    x_label: str
    y_label: str
    x: tuple[float, float] = (0.0, 1.0)
    y: tuple[float, float] = (0.0, 1.0)
    bands: Sequence[Band] = ()
    lines: Sequence[Line] = ()
    marks: Sequence[Mark] = field(default=())

    def draw(self) -> Markup:
        """The plot as an SVG element with its legend below."""
        parts = [self._grid(), *map(self._band, self.bands), *map(self._line, self.lines)]
        parts += [self._mark(mark) for mark in self.marks]
        svg = Markup(
            '<svg viewBox="0 0 {w} {h}" role="img" aria-label="{title}"><title>{title}</title>'
            '{parts}<text class="axis" x="{x}" y="{below}" text-anchor="middle">{x_label}</text>'
            '<text class="axis" transform="translate(13 {y}) rotate(-90)" text-anchor="middle">'
            "{y_label}</text></svg>"
        ).format(
            w=_WIDTH,
            h=_HEIGHT,
            title=self.title,
            parts=Markup("").join(parts),
            x=(_LEFT + _RIGHT) / 2,
            below=_HEIGHT - 12,
            x_label=self.x_label,
            y=(_TOP + _BOTTOM) / 2,
            y_label=self.y_label,
        )
        return svg + self._legend()

    def _across(self, value: float) -> float:
        share = (value - self.x[0]) / (self.x[1] - self.x[0])
        return round(_LEFT + min(max(share, 0.0), 1.0) * (_RIGHT - _LEFT), 2)

    def _up(self, value: float) -> float:
        share = (value - self.y[0]) / (self.y[1] - self.y[0])
        return round(_BOTTOM - min(max(share, -0.02), 1.02) * (_BOTTOM - _TOP), 2)

    def _grid(self) -> Markup:
        parts = []
        for value in ticks(*self.x):
            at = self._across(value)
            parts.append(f'<line class="grid" x1="{at}" y1="{_TOP}" x2="{at}" y2="{_BOTTOM}"/>')
            parts.append(f'<text x="{at}" y="{_BOTTOM + 17}" text-anchor="middle">{value:g}</text>')
        for value in ticks(*self.y):
            at = self._up(value)
            parts.append(f'<line class="grid" x1="{_LEFT}" y1="{at}" x2="{_RIGHT}" y2="{at}"/>')
            parts.append(f'<text x="{_LEFT - 6}" y="{at + 4}" text-anchor="end">{value:g}</text>')
        return Markup("".join(parts))  # numbers alone, formatted here

    def _line(self, line: Line) -> Markup:
        path, last, broken = [], 0.0, True
        for x, y in zip(line.x, line.y, strict=True):
            if x is None or y is None or not math.isfinite(x + y):
                broken = True
                continue
            across, up = self._across(x), self._up(y)
            if line.step and not broken:
                path.append(f"L{across} {last}")
            path.append(f"{'M' if broken else 'L'}{across} {up}")
            last, broken = up, False
        return Markup('<path class="line {}" d="{}"/>').format(line.style, " ".join(path))

    def _band(self, band: Band) -> Markup:
        known = [
            (x, low, high)
            for x, low, high in zip(band.x, band.low, band.high, strict=True)
            if x is not None and low is not None and high is not None
        ]
        there = [f"{self._across(x)} {self._up(high)}" for x, _, high in known]
        back = [f"{self._across(x)} {self._up(low)}" for x, low, _ in reversed(known)]
        points = " ".join([*there, *back])
        return Markup('<polygon class="band {}" points="{}"/>').format(band.style, points)

    def _mark(self, mark: Mark) -> Markup:
        x, y = self._across(mark.x), self._up(mark.y)
        parts = Markup("")
        if mark.low is not None and mark.high is not None:
            ends = self._up(mark.low), self._up(mark.high)
            parts += Markup('<line class="bar {}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
                mark.style, x, ends[0], x, ends[1]
            )
        if mark.left is not None and mark.right is not None:
            sides = self._across(mark.left), self._across(mark.right)
            parts += Markup('<line class="bar {}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
                mark.style, sides[0], y, sides[1], y
            )
        return parts + Markup('<circle class="dot {}" cx="{}" cy="{}" r="4"/>').format(
            mark.style, x, y
        )

    def _legend(self) -> Markup:
        named = {line.label: line.style for line in self.lines if line.label}
        named |= {mark.label: f"{mark.style} point" for mark in self.marks if mark.label}
        entries = [
            Markup('<li><i class="{}"></i>{}</li>').format(style, label)
            for label, style in named.items()
        ]
        return Markup('<ul class="legend">{}</ul>').format(Markup("").join(entries))


def ticks(low: float, high: float) -> list[float]:
    """Four to seven round numbers from ``low`` to ``high``."""
    rough = (high - low) / 5
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(s * magnitude for s in (1, 2, 2.5, 5, 10) if s * magnitude >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [round((first + i) * step, 10) + 0.0 for i in range(count)]


def nothing(reason: str) -> Markup:
    """What stands where a curve is not defined."""
    return Markup('<p class="none">{}</p>').format(escape(reason))

"""Pictures that are no chest films, drawn here. None serves to fit a guard.

Every picture is grey, (h, w) uint8: that a colour picture is refused proves little.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Grey = npt.NDArray[np.uint8]

_WORDS = str.split(
    "the quick brown fox jumps over lazy dog while seven wizards quietly mix jinx potion report of "
    "findings heart lungs normal effusion none consolidation seen left lower lobe follow up advised"
)


def drawn(each: int = 20) -> Iterator[tuple[str, Grey]]:
    """``each`` pictures of each of the kinds below, with a name; always the same."""
    kinds = (
        *(_page, _form, _line_plot, _bar_plot, _image_plot, _screenshot, _barcode, _square_code),
        *(_white_noise, _coloured_noise, _gradient, _board, _hand, _forearm, _skull, _face),
        *(_landscape, _house, _head_slice, _trunk_slice, _ultrasound, _map, _keyboard, _cloth),
    )
    for kind in kinds:
        for seed in range(each):
            rng = np.random.default_rng([seed, *kind.__name__.encode()])
            picture = np.asarray(kind(rng).convert("L"))
            noise = rng.normal(0, rng.choice((1.0, 4.0)), picture.shape)
            yield f"{kind.__name__[1:]} {seed}", np.clip(picture + noise, 0, 255).astype(np.uint8)


def _paper(rng: np.random.Generator, shade: int = 255) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    size = int(rng.integers(240, 420)), int(rng.integers(240, 420))
    image = Image.new("L", size, shade)
    return image, ImageDraw.Draw(image)


def _sentence(rng: np.random.Generator, words: int) -> str:
    return " ".join(rng.choice(_WORDS, words))


def _page(rng: np.random.Generator) -> Image.Image:
    dark = rng.random() < 0.3
    image, pen = _paper(rng, 20 if dark else 250)
    font = ImageFont.load_default(size=float(rng.integers(8, 22)))
    y = float(rng.integers(5, 30))
    while y < image.height - 20:
        if rng.random() < 0.85:
            pen.text((12, y), _sentence(rng, int(rng.integers(4, 14))), 230 if dark else 10, font)
        y += font.size * 1.3
    return image


def _form(rng: np.random.Generator) -> Image.Image:
    image, pen = _paper(rng, 255)
    rows, columns = int(rng.integers(4, 14)), int(rng.integers(2, 6))
    font = ImageFont.load_default(size=10.0)
    for row in range(rows):
        for column in range(columns):
            corner = column * image.width / columns, row * image.height / rows
            end = corner[0] + image.width / columns, corner[1] + image.height / rows
            pen.rectangle((*corner, *end), 200 if row == 0 else None, 0)
            pen.text((corner[0] + 4, corner[1] + 3), _sentence(rng, 1), 0, font)
    return image


def _figure(rng: np.random.Generator, kind: str) -> Image.Image:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(rng.uniform(3, 5), rng.uniform(3, 5)), dpi=80)
    axes = figure.add_subplot()
    if kind == "line":
        for _ in range(int(rng.integers(1, 5))):
            axes.plot(np.cumsum(rng.normal(size=80)), lw=rng.uniform(0.5, 4))
        axes.set_title(_sentence(rng, 4))
    elif kind == "bar":
        axes.bar(np.arange(8), rng.uniform(1, 9, 8), color=str(rng.uniform(0, 0.8)))
    else:
        axes.imshow(rng.normal(size=(int(rng.integers(3, 20)),) * 2), cmap="gray")
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return Image.open(stream)


def _line_plot(rng: np.random.Generator) -> Image.Image:
    return _figure(rng, "line")


def _bar_plot(rng: np.random.Generator) -> Image.Image:
    return _figure(rng, "bar")


def _image_plot(rng: np.random.Generator) -> Image.Image:
    return _figure(rng, "image")


def _screenshot(rng: np.random.Generator) -> Image.Image:
    dark = rng.random() < 0.5
    image, pen = _paper(rng, 30 if dark else 240)
    ink = 220 if dark else 20
    pen.rectangle((0, 0, image.width, 24), 60 if dark else 200)
    pen.rectangle((0, 24, image.width * rng.uniform(0.15, 0.35), image.height), 45 if dark else 225)
    font = ImageFont.load_default(size=11.0)
    for _ in range(int(rng.integers(3, 9))):
        x, y = rng.uniform(0, image.width * 0.7), rng.uniform(30, image.height * 0.9)
        end = x + rng.uniform(40, 160), y + rng.uniform(14, 90)
        pen.rounded_rectangle((x, y, *end), 5, int(rng.integers(40, 230)), ink)
        pen.text((x + 5, y + 2), _sentence(rng, 2), ink, font)
    return image


def _barcode(rng: np.random.Generator) -> Image.Image:
    image, pen = _paper(rng, 255)
    x = 20.0
    while x < image.width - 24:
        width = int(rng.integers(1, 5)) * 2
        pen.rectangle((x, 20, x + width, image.height - 50), 0)
        x += width + int(rng.integers(1, 5)) * 2
    pen.text((30, image.height - 40), "4 711000 815000", 0, ImageFont.load_default(size=20.0))
    return image


def _square_code(rng: np.random.Generator) -> Image.Image:
    cells = Image.fromarray((rng.random((25, 25)) < 0.5).astype(np.uint8) * 255)
    return cells.resize((300, 300), Image.Resampling.NEAREST)


def _white_noise(rng: np.random.Generator) -> Image.Image:
    noise = rng.normal(128, rng.uniform(20, 80), (300, 300))
    return Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))


def _coloured_noise(rng: np.random.Generator) -> Image.Image:
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256)[None])
    frequency[0, 0] = 1
    waves = np.fft.rfft2(rng.normal(size=(256, 256))) / frequency ** rng.uniform(0.5, 2.5)
    waves[0, 0] = 0
    field = np.fft.irfft2(waves)
    return Image.fromarray(np.clip(128 + 50 * field / field.std(), 0, 255).astype(np.uint8))


def _gradient(rng: np.random.Generator) -> Image.Image:
    down, across = np.mgrid[0:1:300j, 0:1:260j]
    angle = rng.uniform(0, 2 * np.pi)
    path = across * np.cos(angle) + down * np.sin(angle)
    if rng.random() < 0.5:
        path = np.hypot(across - rng.random(), down - rng.random())
    path = (path - path.min()) / np.ptp(path)
    return Image.fromarray((255 * path ** rng.uniform(0.5, 2)).astype(np.uint8))


def _board(rng: np.random.Generator) -> Image.Image:
    cells = np.indices((int(rng.integers(3, 20)), int(rng.integers(3, 20)))).sum(axis=0) % 2
    grey = np.where(cells, rng.integers(150, 256), rng.integers(0, 100)).astype(np.uint8)
    return Image.fromarray(grey).resize((300, 280), Image.Resampling.NEAREST)


def _soft(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(float(rng.uniform(1, 4))))


def _hand(rng: np.random.Generator) -> Image.Image:
    image, pen = _paper(rng, 8)
    w, h = image.size
    pen.ellipse((w * 0.25, h * 0.5, w * 0.75, h * 1.05), 90)
    for i in range(5):
        tip = w * (0.08 + 0.21 * i), h * (0.3 if i in (0, 4) else 0.08) + rng.uniform(0, 20)
        base = w * (0.34 + 0.08 * i), h * 0.7
        for width, shade in ((w * 0.11, 90), (w * 0.045, 200)):
            pen.line((*tip, *base), shade, int(width))
        for step in (0.25, 0.5, 0.75):
            x, y = (tip[k] + step * (base[k] - tip[k]) for k in (0, 1))
            pen.ellipse((x - w * 0.035, y - 6, x + w * 0.035, y + 6), 235)
    return _soft(image, rng)


def _forearm(rng: np.random.Generator) -> Image.Image:
    image, pen = _paper(rng, 5)
    w, h = image.size
    pen.polygon((w * 0.25, 0, w * 0.75, 0, w * 0.68, h, w * 0.32, h), 100)
    for x in (0.4, 0.58):
        lean = rng.uniform(-0.04, 0.04)
        pen.line((w * x, 0, w * (x + lean), h), 220, int(w * rng.uniform(0.06, 0.1)))
        pen.line((w * x, 0, w * (x + lean), h), 150, int(w * 0.025))
    return _soft(image, rng).rotate(float(rng.choice((0, 90, 20))))


def _skull(rng: np.random.Generator) -> Image.Image:
    image, pen = _paper(rng, 4)
    w, h = image.size
    pen.ellipse((w * 0.15, h * 0.05, w * 0.85, h * 0.75), 150, 240, int(rng.integers(5, 14)))
    pen.rectangle((w * 0.33, h * 0.6, w * 0.67, h * 0.95), 170)
    for x in (0.36, 0.64):
        pen.ellipse((w * (x - 0.1), h * 0.38, w * (x + 0.1), h * 0.52), 60)
    pen.polygon((w * 0.5, h * 0.5, w * 0.44, h * 0.64, w * 0.56, h * 0.64), 50)
    for tooth in range(8):
        pen.rectangle(
            (w * (0.36 + tooth * 0.036), h * 0.74, w * (0.385 + tooth * 0.036), h * 0.8), 250
        )
    return _soft(image, rng)


def _face(rng: np.random.Generator) -> Image.Image:
    image, pen = _paper(rng, int(rng.integers(0, 256)))
    w, h = image.size
    pen.ellipse((w * 0.2, h * 0.1, w * 0.8, h * 0.9), int(rng.integers(120, 220)))
    pen.pieslice((w * 0.18, h * 0.05, w * 0.82, h * 0.6), 180, 360, int(rng.integers(10, 80)))
    for x in (0.38, 0.62):
        pen.ellipse((w * (x - 0.05), h * 0.42, w * (x + 0.05), h * 0.48), 250, 10, 3)
    pen.line((w * 0.5, h * 0.48, w * 0.47, h * 0.62), 80, 4)
    pen.arc((w * 0.36, h * 0.55, w * 0.64, h * 0.76), 20, 160, 40, 5)
    return _soft(image, rng)


def _landscape(rng: np.random.Generator) -> Image.Image:
    image, pen = _paper(rng, int(rng.integers(150, 250)))
    w, h = image.size
    for depth in range(4):
        steps = np.cumsum(rng.normal(0, 12, 12))
        ridge = h * (0.35 + 0.15 * depth) + steps - steps.mean()
        points = [(w * i / 11, float(y)) for i, y in enumerate(ridge)]
        pen.polygon([(0, h), *points, (w, h)], 190 - 45 * depth)
    x, y = rng.uniform(0, w), rng.uniform(0, h / 3)
    pen.ellipse((x, y, x + 30, y + 30), 255)
    return _soft(image, rng)


def _house(rng: np.random.Generator) -> Image.Image:
    image, pen = _paper(rng, int(rng.integers(120, 230)))
    w, h = image.size
    pen.rectangle((0, h * 0.8, w, h), int(rng.integers(40, 110)))
    for _ in range(int(rng.integers(1, 5))):
        x, wide, top = (
            rng.uniform(0, w * 0.7),
            w * rng.uniform(0.15, 0.4),
            h * rng.uniform(0.2, 0.5),
        )
        pen.rectangle((x, top, x + wide, h * 0.82), int(rng.integers(60, 250)))
        pen.polygon(
            (x, top, x + wide / 2, top - h * 0.15, x + wide, top), int(rng.integers(20, 90))
        )
        for column in range(3):
            for row in range(3):
                corner = x + wide * (0.1 + 0.3 * column), top + h * (0.05 + 0.12 * row)
                pen.rectangle((*corner, corner[0] + wide * 0.15, corner[1] + h * 0.06), 20)
    return image


def _head_slice(rng: np.random.Generator) -> Image.Image:
    image, pen = _paper(rng, 0)
    w, h = image.size
    pen.ellipse((w * 0.12, h * 0.05, w * 0.88, h * 0.95), 110, 255, int(rng.integers(6, 16)))
    for side in (-1, 1):
        x = w * (0.5 + side * 0.08)
        pen.ellipse((x - w * 0.04, h * 0.35, x + w * 0.04, h * 0.6), 40)
    for _ in range(14):
        x, y = rng.uniform(w * 0.25, w * 0.75), rng.uniform(h * 0.2, h * 0.8)
        pen.arc((x - 15, y - 15, x + 15, y + 15), 0, int(rng.integers(90, 300)), 80, 3)
    return _soft(image, rng)


def _trunk_slice(rng: np.random.Generator) -> Image.Image:
    image, pen = _paper(rng, 0)
    w, h = image.size
    pen.ellipse((w * 0.05, h * 0.2, w * 0.95, h * 0.8), 130, 90, 8)
    pen.ellipse((w * 0.1, h * 0.28, w * 0.5, h * 0.7), int(rng.integers(140, 200)))
    pen.ellipse((w * 0.6, h * 0.35, w * 0.85, h * 0.6), int(rng.integers(40, 200)))
    pen.ellipse((w * 0.44, h * 0.6, w * 0.56, h * 0.72), 250)
    for side in (0.3, 0.7):
        pen.ellipse((w * (side - 0.06), h * 0.6, w * (side + 0.06), h * 0.72), 180)
    pen.line((0, h * 0.86, w, h * 0.86), 120, 4)
    return _soft(image, rng)


def _ultrasound(rng: np.random.Generator) -> Image.Image:
    image, pen = _paper(rng, 0)
    w, h = image.size
    pen.pieslice((-w * 0.2, -h * 0.8, w * 1.2, h * 0.95), 50, 130, 255)
    speckle = _coloured_noise(rng).resize(image.size).filter(ImageFilter.UnsharpMask())
    found = np.asarray(image) / 255 * np.asarray(speckle) * rng.uniform(0.5, 1)
    return Image.fromarray(found.astype(np.uint8))


def _map(rng: np.random.Generator) -> Image.Image:
    image, pen = _paper(rng, int(rng.integers(190, 240)))
    w, h = image.size
    for _ in range(int(rng.integers(8, 20))):
        ends = rng.uniform(0, w), 0.0, rng.uniform(0, w), float(h)
        if rng.random() < 0.5:
            ends = 0.0, rng.uniform(0, h), float(w), rng.uniform(0, h)
        pen.line(ends, int(rng.choice((255, 120))), int(rng.integers(2, 9)))
    x, y = rng.uniform(0, w), rng.uniform(0, h)
    pen.ellipse((x - 60, y - 40, x + 60, y + 40), 150)
    pen.text((x, y), _sentence(rng, 2), 0, ImageFont.load_default(size=16.0))
    return image


def _keyboard(rng: np.random.Generator) -> Image.Image:
    image, pen = _paper(rng, int(rng.integers(20, 90)))
    rows, keys = int(rng.integers(3, 6)), int(rng.integers(6, 13))
    font = ImageFont.load_default(size=12.0)
    for row in range(rows):
        for key in range(keys):
            x = (key + 0.3 * (row % 2)) * image.width / keys
            y = (row + 0.1) * image.height / rows
            end = x + 0.8 * image.width / keys, y + 0.8 * image.height / rows
            pen.rounded_rectangle((x, y, *end), 4, int(rng.integers(140, 250)))
            pen.text((x + 4, y + 4), chr(65 + (7 * row + key) % 26), 0, font)
    return image


def _cloth(rng: np.random.Generator) -> Image.Image:
    down, across = np.mgrid[0:300, 0:300]
    threads = np.sin(across / rng.uniform(2, 12)) * np.sin(down / rng.uniform(2, 12))
    folds = np.sin(across / rng.uniform(20, 60) + down / rng.uniform(30, 90))
    return Image.fromarray(np.clip(128 + 60 * threads + 50 * folds, 0, 255).astype(np.uint8))

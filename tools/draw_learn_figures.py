"""Draw the figures of docs/learn, once with English words and once with Korean ones.

    python tools/draw_learn_figures.py

Bodies are made ones (``phantom.py``). Films are the embedded sample's (Kermany et al. 2018,
CC BY 4.0; see ATTRIBUTION.md). Korean words need a font such as Noto Sans CJK; the pictures are
kept in the repository, so readers need none.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import phantom
from learn_words import WORDS

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "learn" / "figures"
TRAIN = ROOT / "sample" / "chest_xray" / "train"
FONTS = ("Noto Sans CJK KR", "Noto Sans CJK JP", "NanumGothic", "Apple SD Gothic Neo")
KINDS = {
    "normal": ("NORMAL/NORMAL2-IM-0892-0001", "NORMAL/NORMAL2-IM-1237-0001", "NORMAL/IM-0391-0001"),
    "bacterial": (
        "PNEUMONIA/person1429_bacteria_3691",
        "PNEUMONIA/person336_bacteria_1548",
        "PNEUMONIA/person1205_bacteria_3157",
    ),
    "viral": (
        "PNEUMONIA/person615_virus_1184",
        "PNEUMONIA/person658_virus_1241",
        "PNEUMONIA/person657_virus_1240",
    ),
}
Words = dict[str, str]


def film(name: str) -> np.ndarray:
    """A film of the sample's train folder, (224, 224) uint8."""
    return np.asarray(Image.open(TRAIN / f"{name}.jpeg").convert("L"))


def show(axes: Any, picture: np.ndarray, title: str, *, top: float = 1.0) -> None:
    """A grey picture in [0, ``top``], without axes."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=top, interpolation="antialiased")
    axes.set_title(title)
    axes.axis("off")


def modalities(words: Words) -> Any:
    """One shadow, one slice of attenuation, one slice of hydrogen: the same made body."""
    body = phantom.chest()
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.4))
    show(axes[0], phantom.radiograph(body), words["radiograph"])
    slice_ = phantom.HOUNSFIELD[body][72]
    show(axes[1], phantom.window(slice_, level=-100, width=1600), words["ct"])
    show(axes[2], phantom.MRI_T1[body][72], words["mri"])
    return figure


def planes(words: Words) -> Any:
    """Where each plane cuts, and what is seen in it."""
    body = phantom.window(phantom.HOUNSFIELD[phantom.chest()], level=-100, width=1600)
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.8))
    axial, coronal, sagittal = 72, 46, 75
    show(axes[0], body[axial], words["axial"])
    show(axes[1], body[:, coronal], words["coronal"])
    show(axes[2], body[:, :, sagittal], words["sagittal"])
    colours = {"axial": "#e69f00", "coronal": "#56b4e9", "sagittal": "#2ec4a0"}
    for name, panel in zip(colours, axes, strict=True):
        panel.set_title(words[name], color="black", backgroundcolor=colours[name])
    axes[0].axhline(coronal, color=colours["coronal"])
    axes[0].axvline(sagittal, color=colours["sagittal"])
    axes[1].axhline(axial, color=colours["axial"])
    axes[1].axvline(sagittal, color=colours["sagittal"])
    axes[2].axhline(axial, color=colours["axial"])
    axes[2].axvline(coronal, color=colours["coronal"])
    return figure


def attenuation(words: Words) -> Any:
    """What is left of a beam behind five centimetres of each tissue, and the grey it leaves."""
    order = (phantom.AIR, phantom.LUNG, phantom.FAT, phantom.SOFT, phantom.BONE)
    names = [words[n] for n in ("air", "lung", "fat", "soft", "bone")]
    left = np.exp(-5 * phantom.ATTENUATION[list(order)])
    figure, axes = plt.subplots(figsize=(7.2, 2.7))
    darkest = -np.log(left[-1])
    for row, share in enumerate(left):
        grey = str(float(-np.log(share) / darkest))
        axes.barh(row, 100 * share, color="#56b4e9")
        axes.text(100 * share + 1.5, row, f"{100 * share:.0f} %", va="center")
        axes.add_patch(plt.Rectangle((114, row - 0.4), 14, 0.8, facecolor=grey, edgecolor="black"))
    axes.set(xlim=(0, 130), yticks=range(len(names)), yticklabels=names, xticks=(0, 50, 100))
    axes.set_xlabel(words["left"])
    axes.set_title(words["grey"], loc="right", fontsize=10)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def window(words: Words) -> Any:
    """One slice in three windows."""
    slice_ = phantom.HOUNSFIELD[phantom.chest()][72]
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 2.9))
    shown = {"lung_window": (-600, 1500), "soft_window": (40, 400), "bone_window": (300, 1500)}
    for panel, (name, (level, width)) in zip(axes, shown.items(), strict=True):
        grey = phantom.window(slice_, level=level, width=width)
        show(panel, grey, f"{words[name]}\nlevel {level}, width {width}")
    return figure


def kinds(words: Words) -> Any:
    """Three films of each class."""
    figure, axes = plt.subplots(3, 3, figsize=(7.5, 7.9))
    for row, (kind, names) in zip(axes, KINDS.items(), strict=True):
        for panel, name in zip(row, names, strict=True):
            show(panel, film(name), name.split("/")[1], top=255)
            panel.set_title(name.split("/")[1], fontsize=8)
        row[0].text(-12, 112, words[kind], rotation=90, va="center", ha="right", fontsize=12)
    return figure


def prevalence(words: Words) -> Any:
    """Bayes' theorem: what a positive call is worth where few are ill."""
    share = np.linspace(0.002, 0.9, 400)
    figure, axes = plt.subplots(figsize=(6.4, 3.3))
    for both in (0.99, 0.95, 0.9):
        value = both * share / (both * share + (1 - both) * (1 - share))
        axes.plot(100 * share, 100 * value, label=f"{words['both']} {both:.0%}")
    axes.set(xlabel=words["prevalence"], ylabel=words["ppv"], ylim=(0, 101), xlim=(0, 90))
    axes.axvline(74, color="grey", linestyle=":")
    axes.text(73, 50, words["this_set"], ha="right", color="grey")
    axes.legend(loc="lower center", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def leak(words: Words) -> Any:
    """Patients with several films, divided film by film and patient by patient."""
    random = np.random.default_rng(8)
    films = [patient for patient, n in enumerate(random.integers(1, 5, 16)) for _ in range(n)]
    patient = np.array(films)
    by_film = random.random(len(films)) < 0.3
    by_patient = np.isin(patient, random.choice(16, 4, replace=False))
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 2.9), sharey=True)
    for panel, validation, name in zip(
        axes, (by_film, by_patient), ("by_film", "by_patient"), strict=True
    ):
        leaked = validation & np.isin(patient, patient[~validation])
        height = np.array([np.sum(patient[:i] == p) for i, p in enumerate(patient)])
        for chosen, colour, label in (
            (~validation, "#bbbbbb", "train"),
            (validation & ~leaked, "#2ec4a0", "validation"),
            (leaked, "#d55e00", "leaked"),
        ):
            panel.scatter(
                patient[chosen], height[chosen], s=70, color=colour, label=words[label], marker="s"
            )
        panel.set(
            title=words[name], xlabel=words["patients"], xticks=[], yticks=[], ylim=(-0.6, 4.6)
        )
        panel.spines[["top", "right", "left"]].set_visible(False)
    axes[0].set_ylabel(words["films"])
    axes[0].legend(loc="upper center", ncols=3, frameon=False, fontsize=8, handletextpad=0.1)
    return figure


def aliasing(words: Words) -> Any:
    """Made smaller by picking points, and by averaging what a point stands for."""
    y, x = np.mgrid[-1:1:600j, -1:1:600j]
    rings = 127.5 * (1 + np.cos(100 * (x**2 + y**2)))
    lungs = film(KINDS["viral"][2]).astype(float)
    figure, axes = plt.subplots(2, 3, figsize=(8.4, 5.7))
    for row, (picture, side) in zip(axes, ((rings, 64), (lungs, 56)), strict=True):
        small = Image.fromarray(picture.astype(np.float32))
        picked = np.asarray(small.resize((side, side), Image.Resampling.NEAREST))
        averaged = np.asarray(small.resize((side, side), Image.Resampling.BILINEAR))
        show(row[0], picture, words["before"], top=255)
        show(row[1], picked, words["picked"], top=255)
        show(row[2], averaged, words["averaged"], top=255)
    return figure


FIGURES: tuple[Callable[[Words], Any], ...] = (
    modalities,
    planes,
    attenuation,
    window,
    kinds,
    prevalence,
    leak,
    aliasing,
)


def main() -> None:
    """Write each figure as NAME.png and NAME.ko.png."""
    OUT.mkdir(parents=True, exist_ok=True)
    for language, ending in (("en", ""), ("ko", ".ko")):
        plt.rcParams["font.family"] = ["DejaVu Sans"] if language == "en" else list(FONTS)
        plt.rcParams["axes.unicode_minus"] = False
        for draw in FIGURES:
            figure = draw(WORDS[language])
            figure.tight_layout()
            path = OUT / f"{draw.__name__}{ending}.png"
            figure.savefig(path, dpi=100, bbox_inches="tight", metadata={"Software": None})
            plt.close(figure)
            reduced = Image.open(path).convert("RGB").quantize(128, dither=Image.Dither.NONE)
            reduced.save(path, optimize=True)


if __name__ == "__main__":
    main()

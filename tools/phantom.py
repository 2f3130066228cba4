"""A made chest of simple shapes, for figures that must show nobody's body."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Tissues = npt.NDArray[np.uint8]

AIR, LUNG, FAT, SOFT, BLOOD, BONE = range(6)
SPACING = 0.25  # cm between voxels

# Linear attenuation at 60 keV in 1/cm: mass attenuation (NIST, Hubbell and Seltzer, tissues of
# ICRU-44) times density; the inflated lung at 0.26 g/cm3.
ATTENUATION = np.array([0.0002, 0.053, 0.188, 0.215, 0.217, 0.604])
# Hounsfield units as they are usually met in a CT.
HOUNSFIELD = np.array([-1000.0, -750.0, -100.0, 40.0, 50.0, 700.0])
# Brightness in a T1-weighted MRI: fat bright; air, lung and the hard part of bone nearly dark.
MRI_T1 = np.array([0.0, 0.06, 0.95, 0.45, 0.3, 0.12])


def chest() -> Tissues:
    """Tissues (down, back, left) uint8: 34 cm tall, 24 deep, 36 across, facing the reader."""
    z, y, x = np.meshgrid(
        np.arange(-17, 17, SPACING),
        np.arange(-12, 12, SPACING),
        np.arange(-18, 18, SPACING),
        indexing="ij",
    )
    body = (x / (14.5 - 4.5 * _step(-10.5 - z))) ** 2 + (y / 9.5) ** 2
    found = np.full(x.shape, AIR, np.uint8)
    found[body < 1] = FAT
    found[(x / (13.4 - 4.5 * _step(-10.5 - z))) ** 2 + (y / 8.5) ** 2 < 1] = SOFT

    dome = z - 7 + 0.05 * ((np.abs(x) - 6) ** 2 + y**2)  # below the diaphragm where positive
    for side in (-1, 1):
        lung = ((x - side * 6) / 5.2) ** 2 + (y / 6.8) ** 2 + ((z + 0.5) / 11) ** 2
        found[(lung < 1) & (dome < 0)] = LUNG
        shell = ((x - side * 5.4) / 6.6) ** 2 + (y / 7.7) ** 2 + ((z + 0.5) / 13) ** 2
        rib = np.sin((z + 0.35 * y + 0.12 * np.abs(x)) * 2 * np.pi / 2.6) > 0.55
        wall = (np.abs(shell - 1) < 0.09) & (side * x > 2.2) & (np.abs(z) < 11.5)
        found[wall & rib] = BONE
    collar = (y + 7) ** 2 + (z + 11 + 0.2 * np.abs(x)) ** 2 < 0.5
    found[collar & (np.abs(x) < 11)] = BONE
    found[((x - 2.2) / 4.6) ** 2 + ((y + 2.5) / 4.2) ** 2 + ((z - 2.5) / 5) ** 2 < 1] = BLOOD
    found[(x / 2.2) ** 2 + ((y + 0.5) / 3) ** 2 + ((z + 4) / 7) ** 2 < 1] = BLOOD
    spine = (x / 1.7) ** 2 + ((y - 6) / 1.7) ** 2 < 1
    found[spine] = SOFT
    found[spine & (np.sin(z * 2 * np.pi / 2.4) > -0.75)] = BONE
    found[(np.abs(x) < 1.4) & (np.abs(y + 8) < 0.5) & (np.abs(z + 2) < 6)] = BONE  # breastbone
    found[(x**2 + (y - 0.5) ** 2 < 0.7) & (z < -4)] = AIR  # windpipe
    return found


def radiograph(tissues: Tissues) -> Floats:
    """What X-rays from the back leave on a film (down, left) in [0, 1], bone bright."""
    shadow = ATTENUATION[tissues].sum(axis=1) * SPACING
    grey: Floats = np.clip((shadow - 0.6) / (shadow.max() - 0.6), 0, 1) ** 0.9
    return grey


def window(hounsfield: Floats, *, level: float, width: float) -> Floats:
    """Greys in [0, 1] of what lies within ``width`` around ``level``."""
    grey: Floats = np.clip((hounsfield - level) / width + 0.5, 0, 1)
    return grey


def _step(value: Floats) -> Floats:
    """From 0 to 1 over about two centimetres."""
    return 1 / (1 + np.exp(-value * 1.6))

"""Figures of merit, their intervals, and calibration: pure functions of arrays."""

# The operating points that a bundle has: one that misses little, the default, one that is sure.
OPERATING_POINTS = ("screen", "balanced", "confirm")

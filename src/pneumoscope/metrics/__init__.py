"""Figures of merit, their intervals, and calibration: pure functions of arrays."""

"""Pneumoscope."""

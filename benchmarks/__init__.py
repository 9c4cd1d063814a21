"""Measurements, as ratios side by side in one run; see README.md. Nothing here is a test."""

"""Metrics of quality, statistics and clocks, independent of diffusion models and data."""

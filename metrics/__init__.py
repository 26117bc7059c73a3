"""Metrics of quality, statistics and clocks, independent of diffusion models and data."""

import os

# metrics.mos and torchmetrics import onnxruntime. Unless this is set before, onnxruntime looks up
# its maker's collector, and leaves a number of the device in the user's cache.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

"""The harness: experiments, tracks, contestants, stages, reports, command line."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # as in metrics, which tells why

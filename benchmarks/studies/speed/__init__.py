"""The suite's own speed: performance cases, measured and published."""

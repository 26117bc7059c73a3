"""From per-item scores to tables."""

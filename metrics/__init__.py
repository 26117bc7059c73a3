"""Quality and time: metrics, statistics and clocks that know nothing of what they judge."""

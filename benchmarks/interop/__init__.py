"""Floor 7: checkpoints, schedules and networks of other projects, read and written."""

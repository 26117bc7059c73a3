"""Floor 7: studies beyond a run, each of which writes a document."""

"""Floor 7: studies beyond a run; each ends in a document."""

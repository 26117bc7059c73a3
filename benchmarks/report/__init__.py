"""Floor 5: documents become pages. No torch."""

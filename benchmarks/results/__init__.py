"""Floor 4: the typed documents of a results folder, and what follows from them. No torch."""

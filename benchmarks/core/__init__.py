"""Floor 2: experiments, rows and their identity. Imports no torch."""

"""Floor 3: the machine, files and processes that every run uses."""

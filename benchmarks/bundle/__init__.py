"""Floor 7: runs on a machine without a network, packed into one folder and merged back."""

"""Runs on a machine without a network: what goes there in one folder, and what comes back."""

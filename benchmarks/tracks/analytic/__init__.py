"""The track of known distributions."""

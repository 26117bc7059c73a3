"""Data sets, and what networks are conditioned on."""

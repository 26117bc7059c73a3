"""The analytic track, of known distributions."""

"""The results page: one HTML file of everything that a results folder shows."""

"""Tracks: data, networks and judge of one kind of evidence."""

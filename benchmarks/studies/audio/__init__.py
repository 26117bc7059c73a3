"""Scores of audio files against recordings: of authors' pages, in a folder with a manifest."""

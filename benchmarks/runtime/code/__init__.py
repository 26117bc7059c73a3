"""Checksums of the code that decides a result: a function, and everything that it calls."""

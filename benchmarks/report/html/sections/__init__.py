"""The sections of the results page, one file each, in the order of the page."""

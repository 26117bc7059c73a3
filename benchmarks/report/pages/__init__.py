"""One module a page: a document becomes a page."""

"""Small typed documents with round figures, so that tests can state what pages print."""

"""What the papers claim in theory, decided on data of known density."""

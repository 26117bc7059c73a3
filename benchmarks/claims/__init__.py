"""Floor 6: the papers' claims, each a YAML file here, and the ledger that decides them."""

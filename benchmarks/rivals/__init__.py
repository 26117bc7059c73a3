"""Ways to choose a sampling schedule that are not BDDM's; each is a search of its own."""

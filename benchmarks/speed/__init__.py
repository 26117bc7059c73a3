"""How fast the suite itself is: what its performance cases share, and the page made of them."""

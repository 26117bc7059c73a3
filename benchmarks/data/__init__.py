"""Floor 4: data sets, and the conditions of networks."""

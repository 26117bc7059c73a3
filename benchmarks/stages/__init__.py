"""The stages of a run, in order: data, train, search, sample, score, report."""

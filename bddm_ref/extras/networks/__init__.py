"""Networks that neither the papers nor their release contain, and fast forms of DiffWave."""

"""BDDM as code: the papers' equations, in torch alone."""

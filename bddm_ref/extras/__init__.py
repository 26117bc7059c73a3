"""Additions of the suite to the papers: schedules by rules, a cheaper search, exact Gaussians.

Nothing outside this package, within :mod:`bddm_ref`, imports it.
"""

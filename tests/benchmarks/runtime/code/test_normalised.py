"""Checksums of code count what runs, and nothing else."""

from __future__ import annotations

import ast

import pytest

from benchmarks.runtime.code.normalised import digest

CODE = """
def kernel(alpha, beta):
    '''Compute a step.'''
    if beta > 1:
        raise ValueError(f"beta is {beta}")
    return alpha - beta  # the difference
"""


def of(text: str) -> str:
    """The checksum of a text."""
    return digest(ast.parse(text))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # the difference", ""),
        ("'''Compute a step.'''", "'''Make a step.'''"),
        ("    '''Compute a step.'''\n", ""),
        ("alpha - beta", "(alpha\n        - beta)"),
        ('f"beta is {beta}"', '"beta is too large"'),
        ('f"beta is {beta}")', '"too large") from None'),
    ],
)
def test_comments_layout_and_messages_do_not_count(old: str, new: str) -> None:
    assert old in CODE
    assert of(CODE.replace(old, new)) == of(CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("alpha - beta", "alpha + beta"),
        ("beta > 1", "beta > 1.0"),
        ("beta > 1", "beta >= 1"),
        ("ValueError", "TypeError"),
        ("alpha, beta)", "alpha, beta=0.5)"),
        ("def kernel", "def kernels"),
    ],
)
def test_all_else_counts(old: str, new: str) -> None:
    assert old in CODE
    assert of(CODE.replace(old, new)) != of(CODE)

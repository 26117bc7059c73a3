"""Experiments as documents have stored them, read by today's code."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from benchmarks.core.experiment import Experiment

_ADAPTER = TypeAdapter(Experiment)


def from_stored(content: dict[str, Any]) -> Experiment:
    """An experiment from the fields that a document stored.

    Fields that the code no longer has are ignored. Fields younger than the document have their
    default, which every new field takes from what the code did before.

    Raises:
        pydantic.ValidationError: a field's value is of another type than today's.
    """
    return _ADAPTER.validate_python(content)

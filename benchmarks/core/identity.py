"""The plain values that decide a result, and their fingerprint."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from benchmarks.core.experiment import Convention, Experiment

DIGITS = 12  # significant digits of a float that its fingerprint depends on


def as_dict(experiment: Any) -> dict[str, Any]:
    """Turn an experiment, or a part of one, into plain values."""
    return dataclasses.asdict(experiment)


def convention_inputs(convention: Convention) -> dict[str, Any]:
    """The fields of a convention that decide the work of one repeat.

    Fields that a track does not use are left out, so that older fingerprints stay valid.
    """
    fields = as_dict(convention)
    del fields["repeats"]
    return without(fields, {"data": None, "error": 0.0})


def evaluation_inputs(experiment: Experiment) -> dict[str, Any]:
    """The precision that the experiment asks for; other computing options only change rounding."""
    return {"bf16": experiment.bf16}


def without(values: dict[str, Any], unused: dict[str, Any]) -> dict[str, Any]:
    """Drop fields that still have their unused default, so that older fingerprints stay valid."""
    return {k: v for k, v in values.items() if k not in unused or v != unused[k]}


def fingerprint(inputs: dict[str, Any]) -> str:
    """SHA-256 of plain values, independent of the order of keys.

    Floats are rounded to DIGITS digits, since the last digits of a computed schedule differ between
    processors.
    """
    return hashlib.sha256(json.dumps(_rounded(inputs), sort_keys=True).encode()).hexdigest()


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list | tuple) else value

"""Errors in a document or an experiment, each in one line."""

from __future__ import annotations

from pydantic import ValidationError


class ExperimentError(ValueError):
    """An experiment file or option that cannot be used; the message names the field."""


def first_error(error: ValidationError) -> str:
    """Place and text of the first error: ``rows.0.steps: Field required``."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])

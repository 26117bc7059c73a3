"""Errors that a user can mend, and one-line messages for invalid documents."""

from __future__ import annotations

from pydantic import ValidationError

OWN_PACKAGES = ("bddm_ref", "metrics", "benchmarks")


class UserError(ValueError):
    """An option, a file, data or a machine that cannot be used; the message says which.

    The command line prints the message without a trace. Any other error is a fault of the project.
    """


class ExperimentError(UserError):
    """An experiment file or option that cannot be used; the message names the field."""


def first_error(error: ValidationError) -> str:
    """Place and text of the first error: ``rows.0.steps: Field required``."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])

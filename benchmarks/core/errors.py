"""Errors that a user can mend, and the first mistake of a document in one line."""

from __future__ import annotations

from pydantic import ValidationError

OWN_PACKAGES = ("bddm_ref", "metrics", "benchmarks")


class UserError(ValueError):
    """Input that cannot be used: an option, a file, data, a machine. The message says which.

    The command line prints the message without a trace. Any other error is the project's own fault.
    """


class ExperimentError(UserError):
    """An experiment file or option that cannot be used; the message names the field."""


def first_error(error: ValidationError) -> str:
    """Place and text of the first error: ``rows.0.steps: Field required``."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])

"""The base class of documents and of their parts, and their plain kinds."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Sha256 = str
"""A checksum, in hexadecimal."""


class Strict(BaseModel):
    """A part of a document: no unknown fields, no NaN, no changes after it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

"""Pictures of known distributions: samples of rows, draws from the data, and exact density."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from bddm_ref.files import DamagedFileError, write_listed
from benchmarks.core.errors import first_error
from benchmarks.results.forms import compressed, decompressed
from benchmarks.results.strict import Strict

DIGITS = 4  # significant digits of coordinates and densities


class Axis(Strict):
    """Equally spaced values of one coordinate."""

    low: float
    high: float
    count: int = Field(ge=2)

    @property
    def values(self) -> list[float]:
        """The values, ``low`` first."""
        step = (self.high - self.low) / (self.count - 1)
        return [self.low + step * i for i in range(self.count)]


class Density(Strict):
    """The exact density of the shown coordinates on a grid."""

    axes: list[Axis] = Field(description="one for each shown coordinate")
    values: list[float] = Field(description="the last coordinate changes fastest")

    @model_validator(mode="after")
    def _one_value_a_place(self) -> Self:
        if len(self.values) != math.prod(axis.count for axis in self.axes):
            raise ValueError("the density has another number of values than its grid has places")
        return self


class RowPoints(Strict):
    """Samples of a row, of the first noise seed that has samples."""

    key: str
    seed: int
    points: list[list[float]] = Field(description="one list of shown coordinates a sample")


class ConventionPoints(Strict):
    """The samples of the shown rows of a convention."""

    kind: Literal["points"] = "points"
    schema_version: Literal[1] = 1
    convention: str
    distribution: str
    dimensions: int
    coordinates: list[int] = Field(
        description="the shown coordinates, counted from 1: all, or the first two of more"
    )
    data: list[list[float]] = Field(description="draws from the distribution itself")
    rows: list[RowPoints]
    density: Density

    @model_validator(mode="after")
    def _equal_coordinates(self) -> Self:
        shown = len(self.coordinates)
        every = (self.data, *(row.points for row in self.rows))
        if any(len(point) != shown for points in every for point in points):
            raise ValueError(f"a point has another number of coordinates than {shown}")
        if len(self.density.axes) != shown:
            raise ValueError(f"the density has another number of axes than {shown}")
        return self


def write_points(file: Path, points: ConventionPoints) -> None:
    """Write points as compressed JSON, and the checksum into the folder's ``SHA256SUMS``.

    Equal points are equal files.
    """
    text = json.dumps(points.model_dump(), separators=(",", ":"), allow_nan=False) + "\n"
    write_listed(file, partial(Path.write_bytes, data=compressed(text)))


def read_points(file: Path) -> ConventionPoints:
    """Read the points of a convention.

    Raises:
        DamagedFileError: the file is damaged, or not of this schema.
    """
    try:
        return ConventionPoints.model_validate_json(decompressed(file))
    except ValidationError as error:
        raise DamagedFileError(
            f"{file} holds no points of this version: {first_error(error)}; make its run again"
        ) from error

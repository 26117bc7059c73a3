"""The numbers of an experiment, each held to the bounds that its field declares."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union

from bddm_ref.settings import Bounds
from benchmarks.core.errors import ExperimentError

LARGEST_SIZE = 100_000  # of a number in a network's sizes


def refuse_out_of_bounds(settings: Any) -> None:
    """Refuse settings with a number outside its bounds.

    Args:
        settings: an experiment, or another dataclass.

    Raises:
        ExperimentError: names the field, the value found, and the values allowed.
    """
    for name, value, bounds in numbers(settings):
        if bounds is None or isinstance(value, bool) or not bounds.hold(value):
            too_few = bounds is not None and bounds.low == 1 and value < 1
            fault = "too few" if too_few else "not allowed"
            raise ExperimentError(f"{name}: {value} is {fault}; give {bounds or 'a number'}")


@cache
def hints_of(kind: type) -> dict[str, Any]:
    """Annotations of a dataclass by field, with their bounds."""
    return typing.get_type_hints(kind, include_extras=True)


def numbers(settings: Any, where: str = "") -> Iterator[tuple[str, float, Bounds | None]]:
    """All numbers of a dataclass and its parts: name, value, and bounds, if any are declared."""
    kind: type = type(settings)
    hints = hints_of(kind)
    for field in dataclasses.fields(settings):
        yield from _numbers(getattr(settings, field.name), hints[field.name], where + field.name)


def _numbers(value: Any, hint: Any, name: str) -> Iterator[tuple[str, float, Bounds | None]]:
    if dataclasses.is_dataclass(value):
        yield from numbers(value, f"{name}.")
        return
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        bounds = next((one for one in inner[1:] if isinstance(one, Bounds)), None)
        yield name, value, bounds
    elif origin in (Union, UnionType):
        if isinstance(value, int | float):
            yield from _numbers(value, next(one for one in inner if _takes_numbers(one)), name)
    elif origin is tuple:
        hints = [inner[0]] * len(value) if inner[-1] is ... else inner
        for i, (part, one) in enumerate(zip(value, hints, strict=True)):
            numbered = f"{name}.{i}" if dataclasses.is_dataclass(part) else name
            yield from _numbers(part, one, numbered)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            known = Annotated[float, Bounds(0, LARGEST_SIZE)] if inner[1] is Any else inner[1]
            yield from _sizes(part, known, f"{name}.{key}")
    elif hint in (int, float):
        yield name, value, None


def _sizes(value: Any, hint: Any, name: str) -> Iterator[tuple[str, float, Bounds | None]]:
    """Numbers in a mapping's value, which is a list in some sizes of networks."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from _sizes(part, hint, name)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _numbers(value, hint, name)


def _takes_numbers(hint: Any) -> bool:
    base = typing.get_args(hint)[0] if typing.get_origin(hint) is Annotated else hint
    return typing.get_origin(hint) is not Literal and base in (int, float)

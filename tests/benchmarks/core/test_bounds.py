"""Every number of an experiment has bounds, and is held to them wherever it comes from."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import pytest

from bddm_ref.settings import Bounds, TrainingConfig
from benchmarks.cli.experiments import resolved
from benchmarks.core.bounds import numbers, refuse_out_of_bounds
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment, SearchConfig
from benchmarks.core.loading import from_content, from_stored

NEEDED: dict[str, dict[str, Any]] = {  # fields without a default
    "TrainingConfig": {"steps": 100, "learning_rate": 0.1},
    "RowConfig": {"contestant": "ddpm", "steps": [3]},
    "Convention": {"name": "one"},
}
LISTED = ("rows", "conventions")
FREE = ("score_net.size", "schedule_net.size")  # each network has its own


@dataclass(frozen=True)
class Field:
    """A numeric field by its declaration."""

    path: str
    bounds: Bounds | None
    whole: bool
    shape: str  # of the field's value: plain, list, pair, mapping


def fields_of(kind: type, where: str = "") -> Iterator[Field]:
    """Every numeric field of a dataclass and its parts, read off the annotations."""
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        yield from _fields(hint, f"{where}{name}", "plain")


def _fields(hint: Any, path: str, shape: str) -> Iterator[Field]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint):
        yield from fields_of(typing.cast(type, hint), f"{path}.")
    elif origin is Annotated and inner[0] in (int, float):
        bounds = next((one for one in inner[1:] if isinstance(one, Bounds)), None)
        yield Field(path, bounds, inner[0] is int, shape)
    elif hint in (int, float):
        yield Field(path, None, hint is int, shape)
    elif origin is dict:
        if path not in FREE:
            yield from _fields(inner[1], path, "mapping")
    elif origin is not Literal:
        kept = [part for part in inner if part is not ...]
        if origin is tuple:
            kept, shape = kept[:1], "list" if ... in inner else "pair"
        for part in kept:
            yield from _fields(part, path, shape)


FIELDS = list(fields_of(Experiment))


def content_with(field: Field, value: Any) -> dict[str, Any]:
    """The plain content of an experiment with one value."""
    wrapped = {"list": [value], "pair": [value, 0.9], "mapping": {"fd": value}}
    found: Any = wrapped.get(field.shape, value)
    names = field.path.split(".")
    kind: Any = Experiment
    kinds = []
    for name in names[:-1]:
        hint = typing.get_type_hints(kind)[name]
        kind = typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else hint
        kinds.append(kind)
    for name, outer in zip(reversed(names), [*reversed(kinds), Experiment], strict=True):
        found = NEEDED.get(outer.__name__, {}) | {name: found}
        if outer is not Experiment and names[names.index(name) - 1] in LISTED:
            found = [found]
    return typing.cast(dict[str, Any], found)


def bad_values(field: Field) -> list[Any]:
    bounds = field.bounds
    assert bounds is not None
    step = 1 if field.whole else 1e-6 * max(1.0, abs(bounds.high))
    values: list[Any] = [math.nan, math.inf, -math.inf, bounds.low - 1, bounds.high + step, 10**30]
    values += [bounds.low] if bounds.above else []
    return values + ([bounds.high] if bounds.below else [])


def test_all_kinds_of_fields_are_found() -> None:
    paths = {field.path for field in FIELDS}
    assert paths >= {
        "training_schedule.T",
        "search.lengths",
        "rows.items",
        "margins",
        "schedule_net.tau",
        "score_net.training.adam_betas",
        "image.classifier_training.seconds",
        "threads",
        "conventions.amplitude",
    }
    assert len(paths) > 75


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_every_number_declares_finite_bounds(field: Field) -> None:
    assert field.bounds is not None, "write the field as Annotated[..., Bounds(low, high)]"
    assert math.isfinite(field.bounds.low)
    assert math.isfinite(field.bounds.high)
    inside = field.bounds.high if not field.bounds.below else (field.bounds.low + 0.9) / 2
    from_content(content_with(field, int(inside) if field.whole else inside), "mine.yaml")


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_every_number_refuses_what_is_out_of_bounds(field: Field) -> None:
    last = field.path.rpartition(".")[2]
    for value in bad_values(field):
        with pytest.raises(ExperimentError, match=last) as told:
            from_content(content_with(field, value), "mine.yaml")
        assert str(told.value).startswith("mine.yaml: ")
        assert "\n" not in str(told.value)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
def test_no_number_is_a_switch(field: Field) -> None:
    if field.shape in ("plain", "list"):
        with pytest.raises(ExperimentError, match="True"):
            from_content(content_with(field, True), "mine.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"timing": {"rounds": 0}}, "timing.rounds: 0 is too few; give a number from 1 to"),
        ({"margins": {"fd": -0.5}}, "margins.fd: -0.5 is not allowed; give a number above 0"),
        ({"search": {"lengths": [3, 0]}}, "search.lengths: 0 is too few"),
        ({"rows": [{"contestant": "ddpm", "steps": [3], "seeds": 0}]}, "rows.0.seeds: 0"),
        ({"score_net": {"size": {"width": math.nan}}}, "score_net.size.width: nan"),
        ({"score_net": {"size": {"widths": [1, math.inf]}}}, "score_net.size.widths: inf"),
        ({"image": {"channels": 2}}, "image.channels: 2 is not allowed: Input should be 1 or 3"),
        ({"schedule_net": {"tau": "T/M"}}, "schedule_net.tau: 'T/M' is not allowed"),
        ({"search": {"bins": "many"}}, "search.bins: 'many' is not allowed"),
        ({"conventions": [{"name": 7}]}, "conventions.0.name: 7 .*; write it in quotes"),
    ],
)
def test_the_message_has_field_value_and_remedy(content: dict[str, Any], message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        from_content(content, "mine.yaml")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["--search.bins", "0"], "search.bins"),
        (["--search.lengths", "3", "-1"], "search.lengths"),
        (["--margins.stoi", "nan"], "margins.stoi"),
        (["--margins.stoi", "inf"], "margins.stoi"),
        (["--training-schedule.start", "nan"], "training_schedule.start"),
        (["--training-schedule.T", "1000000000"], "training_schedule.T"),
        (["--score-net.training.learning-rate", "0"], "score_net.training.learning_rate"),
        (["--score-net.training.ema-decay", "1"], "score_net.training.ema_decay"),
        (["--threads", "100000"], "threads"),
        (["--threads", "-2"], "threads"),
        (["--wav-items", "-1"], "wav_items"),
    ],
)
def test_options_are_held_to_the_bounds_too(options: list[str], field: str) -> None:
    with pytest.raises(
        ExperimentError, match=f"^{field}: .* is (not allowed|too few); give a number"
    ):
        resolved("smoke", options, [])


def test_a_stored_document_is_read_whatever_it_says() -> None:
    stored = {"search": {"bins": 0}, "margins": {"fd": 0.0}, "threads": 5_000}
    experiment = from_stored(stored)
    assert (experiment.search.bins, experiment.margins) == (0, {"fd": 0.0})
    with pytest.raises(ExperimentError, match=r"search\.bins"):
        refuse_out_of_bounds(experiment)


def test_a_number_without_bounds_is_found_when_it_is_used() -> None:
    @dataclass(frozen=True)
    class Odd:
        good: Annotated[int, Bounds(0, 3)] = 1
        bare: float = 0.5

    # The annotations are those of a local class, which get_type_hints reads from this module.
    assert list(numbers(Odd())) == [("good", 1, Bounds(0, 3)), ("bare", 0.5, None)]
    with pytest.raises(ExperimentError, match="bare"):
        refuse_out_of_bounds(Odd())


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "told"),
    [
        (Bounds(1, 9), (1, 9), (0, 10, math.nan), "a number from 1 to 9"),
        (Bounds(0, 1, below=True), (0, 0.5), (1, -0.1), "a number from 0 and below 1"),
        (Bounds(0, 1e6, above=True), (1e6, 1e-9), (0, 2e6), "a number above 0 and at most 1000000"),
        (Bounds(0, 1, True, True), (0.5,), (0, 1), "a number above 0 and below 1"),
    ],
)
def test_bounds(
    bounds: Bounds, inside: tuple[float, ...], outside: tuple[float, ...], told: str
) -> None:
    assert all(bounds.hold(value) for value in inside)
    assert not any(bounds.hold(value) for value in outside)
    assert str(bounds) == told


def test_fields_of_trainings_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="steps must be at least 1, not 0"):
        TrainingConfig(steps=0, learning_rate=1.0)
    experiment = Experiment(search=replace(SearchConfig(), refinements=-1))
    with pytest.raises(ExperimentError, match=r"search\.refinements: -1 is not allowed"):
        refuse_out_of_bounds(experiment)

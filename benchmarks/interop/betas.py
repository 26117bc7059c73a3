"""Noise schedules in lists, tensors and dictionaries, whose entries must agree with one another."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.errors import UserError
from benchmarks.interop.described import described
from benchmarks.interop.diffusers_schedule import configured, is_configuration
from benchmarks.interop.numbers import numbers_in

BETAS = ("betas", "beta", "noise_schedule", "inference_noise_schedule")
SQUARES = ("alphas_cumprod", "alphas_bar", "alpha_bars", "alpha_bar", "alpha_cumprod")
LEVELS = ("sqrt_alphas_cumprod", "sqrt_alphas_bar", "sqrt_alpha_bar")
NOISES = ("sqrt_one_minus_alphas_cumprod", "sqrt_one_minus_alphas_bar")
AMBIGUOUS = {  # names of lists whose meaning differs from project to project
    "alphas": "1 - beta, or products of it",
    "alpha": "1 - beta, or products of it",
    "sigmas": "of a reverse step, or of the noise",
    "sigma": "of a reverse step, or of the noise",
}
COUNTS = ("T", "N", "steps", "num_steps", "num_timesteps", "num_train_timesteps", "length")
ORDER = "index 0 is the step nearest the data"
HINT = "give a list of betas, or an object with a list 'betas'"
NEAR = 2e-4  # of squares, relative; other projects compute in float32
NEAR_ZERO = 1e-6  # of squares: 1 - alpha^2 cancels near the data


@dataclass(frozen=True)
class Read:
    """A schedule as it was read.

    Attributes:
        schedule: the noise schedule.
        notes: sentences on what was not used.
    """

    schedule: NoiseSchedule
    notes: tuple[str, ...] = ()


def holds_schedule(value: Any) -> bool:
    """Tell whether a value is rather a schedule than the weights of a network."""
    if not isinstance(value, Mapping):
        return value is not None and not isinstance(value, (str, bool))
    if any(_has_matrix(one) for one in value.values()):
        return False
    named = {*BETAS, *SQUARES, *LEVELS, "trained_betas"}
    return is_configuration(value) or any(name in named for name in value)


def read_value(place: str, value: Any) -> Read:
    """Make the schedule that a value lists.

    Args:
        place: the file, for messages.
        value: a list, tuple, tensor or array of betas, or a dictionary with one.

    Raises:
        UserError: the value holds no schedule, or its entries contradict one another.
    """
    betas = numbers_in(value)
    if betas is not None:
        return Read(made(place, betas), tuple(_falling(betas)))
    if not isinstance(value, Mapping):
        raise UserError(f"{place} holds no schedule: found {described(value)}; {HINT}")
    if value.get("kind") == "run":
        raise UserError(f"{place} holds many schedules; name a row, as {place}:raw/bddm-16")
    scheduler = value.get("scheduler")  # written by diffusers_document
    if isinstance(scheduler, Mapping) and not any(name in value for name in BETAS):
        return _of_document(place, value, scheduler)
    if is_configuration(value) and not any(name in value for name in BETAS):
        found = configured(place, value, network=False)
        return Read(found.schedule, found.notes)
    return _of_mapping(place, value)


def made(place: str, betas: list[float]) -> NoiseSchedule:
    """Make a schedule of betas.

    Raises:
        UserError: there is no beta, or one is not between 0 and 1.
    """
    try:
        return NoiseSchedule(tuple(betas))
    except (ValueError, OverflowError) as error:
        raise UserError(f"{place}: {error}") from error


def _of_document(place: str, value: Mapping[str, Any], scheduler: Mapping[str, Any]) -> Read:
    """Read the document that ``export --as diffusers`` writes."""
    found = configured(place, scheduler, network=False)
    _refuse_other_list(place, "sigmas", value, found.schedule)
    return Read(found.schedule, found.notes)


def _of_mapping(place: str, value: Mapping[str, Any]) -> Read:
    schedule, used = _schedule_in(place, value)
    unread = []
    for name, one in value.items():
        if name in used:
            continue
        if name in CHECKED:
            _refuse_other_list(place, name, value, schedule)
        elif name in COUNTS and numbers_in([one]) is not None:
            if numbers_in([one]) != [float(len(schedule))]:
                raise UserError(
                    f"{place} contradicts itself: {name} is {described(one)}, and there are "
                    f"{len(schedule)} betas; correct one of them in a copy"
                )
        elif name == "order":
            if one != ORDER:
                raise UserError(
                    f"{place}: the order {one!r} is not known; sort the betas so that "
                    f"{ORDER}, and leave 'order' out"
                )
        else:
            unread.append(f"{name} ({described(one, 1)})")
    notes = [f"entries that were not read: {', '.join(unread)}"] if unread else []
    return Read(schedule, (*notes, *_falling(list(schedule.betas))))


def _schedule_in(place: str, value: Mapping[str, Any]) -> tuple[NoiseSchedule, set[str]]:
    """The schedule that a dictionary lists, and the names of the entries that list it."""
    lists = {name: numbers_in(value[name]) for name in BETAS if value.get(name) is not None}
    for name, betas in lists.items():
        if betas is None:
            raise UserError(
                f"{place} holds no schedule: {name!r} is {described(value[name])}; {HINT}"
            )
    first = next(iter(lists), None)
    if first is not None:
        for name, betas in lists.items():
            if betas != lists[first]:
                raise UserError(
                    f"{place} holds two schedules, {first!r} and {name!r}; leave one of them out "
                    "in a copy"
                )
        return made(place, lists[first] or []), set(lists)
    return _of_levels(place, value)


def _of_levels(place: str, value: Mapping[str, Any]) -> tuple[NoiseSchedule, set[str]]:
    """The schedule of a dictionary that lists levels and no betas."""
    for names, square in ((SQUARES, _as_they_are), (LEVELS, torch.square), (NOISES, _of_noise)):
        for name in names:
            if (listed := numbers_in(value.get(name))) is not None:
                return _from_squares(place, name, square(_tensor(listed))), {name}
    for name, meanings in AMBIGUOUS.items():
        if name in value:
            raise UserError(
                f"{place} lists {name!r}, which may be {meanings}, and no betas; {HINT}"
            )
    raise UserError(f"{place} holds no schedule: found {described(value)}; {HINT}")


def _from_squares(place: str, name: str, squares: Tensor) -> NoiseSchedule:
    before = torch.cat([squares.new_ones(1), squares[:-1]])
    if not len(squares) or not bool(((squares > 0) & (squares < before)).all()):
        raise UserError(
            f"{place}: {name!r} must list levels that fall or rise strictly from the data to the "
            "noise, and stay between 0 and 1"
        )
    return made(place, (1 - squares / before).tolist())


def _refuse_other_list(
    place: str, name: str, value: Mapping[str, Any], schedule: NoiseSchedule
) -> None:
    """Refuse a list beside the betas that does not follow from them."""
    listed = numbers_in(value.get(name))
    if value.get(name) is None:
        return
    if listed is not None:
        for expected in CHECKED[name](schedule):
            if len(expected) == len(listed) and torch.allclose(
                _tensor(listed).square(), expected.square(), rtol=NEAR, atol=NEAR_ZERO
            ):
                return
    raise UserError(
        f"{place} contradicts itself: {name!r} ({described(value[name], 1)}) does not follow from "
        f"its {len(schedule)} betas; leave one of them out in a copy"
    )


def _tensor(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _as_they_are(values: Tensor) -> Tensor:
    return values


def _of_noise(values: Tensor) -> Tensor:
    return 1 - values.square()


def _has_matrix(value: Any) -> bool:
    """Tell whether a tensor of two axes or more lies in a value, as in the state of a network."""
    if isinstance(value, Mapping):
        return any(_has_matrix(one) for one in value.values())
    return isinstance(value, Tensor) and value.ndim > 1


def _falling(betas: list[float]) -> Iterator[str]:
    if len(betas) > 1 and all(a > b for a, b in itertools.pairwise(betas)):
        yield (
            "the betas fall; if the file lists the noisiest step first, turn the list around: "
            f"{ORDER}"
        )


def _alphas(schedule: NoiseSchedule) -> list[Tensor]:
    betas = _tensor(list(schedule.betas))
    return [1 - betas, schedule.alphas, schedule.alphas.square(), (1 - betas).sqrt()]


def _squares(schedule: NoiseSchedule) -> list[Tensor]:
    return [schedule.alphas.square()]


def _levels(schedule: NoiseSchedule) -> list[Tensor]:
    return [schedule.alphas]


def _noises(schedule: NoiseSchedule) -> list[Tensor]:
    return [schedule.deltas.sqrt()]


def _sigmas(schedule: NoiseSchedule) -> list[Tensor]:
    """Every list that goes by this name: of reverse steps, of the noise, and of diffusers."""
    betas = _tensor(list(schedule.betas))
    of_steps = schedule.sigmas.clone()
    of_steps[0] = betas[0].sqrt()
    ratios = schedule.deltas.sqrt() / schedule.alphas
    ended = torch.cat([ratios.flip(0), ratios.new_zeros(1)])
    noises = schedule.deltas.sqrt()
    return [schedule.sigmas, of_steps, betas.sqrt(), noises, ratios, ratios.flip(0), ended]


CHECKED: dict[str, Callable[[NoiseSchedule], list[Tensor]]] = {
    **dict.fromkeys(("alphas", "alpha"), _alphas),
    **dict.fromkeys(SQUARES, _squares),
    **dict.fromkeys(LEVELS, _levels),
    **dict.fromkeys(NOISES, _noises),
    **dict.fromkeys(("sigmas", "sigma"), _sigmas),
}
"""Lists beside the betas, and what each may hold."""

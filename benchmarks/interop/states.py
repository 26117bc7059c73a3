"""Weights in training states: where they lie, which wrappers named them, and moving averages.

A reading is one mapping of names to tensors that a file may mean. Readings come in the order in
which they are tried: moving averages first, since samplers use them; fewer dropped names first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from benchmarks.interop.described import described

State = Mapping[str, Tensor]
STATE_KEYS = ("model_state_dict", "state_dict", "model")  # of training states, in this order
CONFIG_KEYS = ("config", "params", "hyper_parameters", "hparams")
SKIPPED = ("opt", "scaler", "scheduler", "callbacks", "loops", "param_groups", "rng")  # of training
AVERAGES = {"ema", "shadow", "average", "averaged", "polyak", "swa"}  # words of names
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")  # also of EMACallback and modelEma
ONLINE = "online"  # token of the plain weights beside a moving average
SEGMENTS = {  # names that torch.compile, FSDP, DeepSpeed and checkpointing put anywhere
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_forward_module",
    "_checkpoint_wrapped_module",
    "_ddp_module",
}
PARALLEL = "module"  # first name that data parallelism and torch's averages add
COUNTERS = {"n_averaged", "initted", "step", "num_updates", "decay"}  # of moving averages
DEPTH = 4  # levels of dictionaries, and of names, that are searched
SMALLEST = 4  # tensors of a part of a state that is read by itself


@dataclass(frozen=True)
class Reading:
    """One mapping of names to tensors that a file may mean.

    Attributes:
        where: keys that the state dict stood under, joined by points.
        prefix: first part of the names in the file, which was dropped.
        tensors: the rest of the names, and the tensors.
        average: whether the tensors are a moving average.
        notes: sentences on what was not read.
    """

    where: str
    prefix: str
    tensors: State
    average: bool
    notes: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The place of the tensors, in words."""
        parts = [repr(self.where)] if self.where else []
        parts += [f"names from {self.prefix!r}"] if self.prefix else []
        return ", ".join(parts) or "the whole file"


def readings(loaded: Any) -> tuple[Reading, ...]:
    """List all mappings of names to tensors that a file may mean, most likely first."""
    states = sorted(_states(loaded, ()), key=_rank)
    every = [one for keys, state in states for one in _named(keys, state)]
    plain = [one for one in every if not one.average]
    averages = [_completed(one, plain) for one in every if one.average]
    nameless = []
    for keys, values in _unnamed(loaded, ()):
        named = [*_with_names(keys, values, plain)]
        averages += named
        nameless += [] if named else [f"{'.'.join(keys)!r}: {described(values, 1)}"]
    return tuple(
        _noted(one, averages, plain, nameless, [".".join(keys) for keys, _ in states])
        for one in (*averages, *plain)
    )


def hyperparameters(loaded: Any) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """Configurations in a training state, with the keys that they stand under."""
    found = []
    for key in CONFIG_KEYS if isinstance(loaded, Mapping) else ():
        value = loaded.get(key)
        if hasattr(value, "__dict__") and not isinstance(value, Tensor):
            value = vars(value)
        if isinstance(value, Mapping) and not _is_state(value):
            found.append((key, value))
    return tuple(found)


def _is_state(value: Any) -> bool:
    """Tell whether a mapping has tensors under names, and plain values at most besides."""
    return (
        isinstance(value, Mapping)
        and any(isinstance(one, Tensor) and one.ndim > 0 for one in value.values())
        and all(isinstance(key, str) for key in value)
    )


def _states(value: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], State]]:
    """All state dicts in a value, and the keys that they stand under."""
    if len(keys) > DEPTH:
        return
    if _is_state(value) and not _is_skipped(keys):
        yield keys, {name: one for name, one in value.items() if isinstance(one, Tensor)}
    for key, one in _parts(value):
        yield from _states(one, (*keys, key))


def _unnamed(value: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Tensor]]]:
    """Moving averages that are lists of tensors without names."""
    if (
        isinstance(value, (list, tuple))
        and len(value) >= SMALLEST
        and _is_average(".".join(keys))
        and all(isinstance(one, Tensor) for one in value)
    ):
        yield keys, list(value)
    elif len(keys) <= DEPTH:
        for key, one in _parts(value):
            yield from _unnamed(one, (*keys, key))


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Entries of a dictionary under words, or the dictionaries in a list under their numbers."""
    if isinstance(value, Mapping):
        yield from ((key, one) for key, one in value.items() if isinstance(key, str))
    elif isinstance(value, (list, tuple)):
        yield from ((str(n), one) for n, one in enumerate(value) if isinstance(one, Mapping))


def _is_skipped(keys: tuple[str, ...]) -> bool:
    """Tell whether tensors belong to the training; moving averages that lie there do not."""
    of_training = any(key.lower().startswith(start) for key in keys for start in SKIPPED)
    return of_training and not _is_average(".".join(keys))


def _tokens(name: str) -> set[str]:
    return {word.lower() for word in WORDS.findall(name)}


def _is_average(name: str) -> bool:
    tokens = _tokens(name)
    return bool(tokens & AVERAGES) and ONLINE not in tokens


def _rank(found: tuple[tuple[str, ...], State]) -> tuple[bool, bool, int]:
    """Order of a state dict: averages, then whole files, then known keys, then all others."""
    keys, state = found
    order = next((i for i, key in enumerate(STATE_KEYS) if key in keys), len(STATE_KEYS))
    whole = not keys and len(state) >= SMALLEST
    return not _is_average(".".join(keys)), bool({*keys} & {*CONFIG_KEYS}), -1 if whole else order


def _named(keys: tuple[str, ...], state: State) -> Iterator[Reading]:
    """Readings of one state dict, with more and more of the names dropped."""
    where, cleaned = ".".join(keys), _cleaned(state)
    for prefix, tensors in _stripped("", cleaned, DEPTH):
        average = _is_average(f"{where}.{prefix}")
        # Plain weights and moving averages of the same file are told by _noted.
        left = [
            name
            for name in cleaned
            if not name.startswith(prefix)
            and not _is_average(name.partition(".")[0])
            and not average
        ]
        notes = (
            (
                f"{len(left)} tensors whose names do not start with {prefix!r} were not read, the "
                f"first is {left[0]!r}",
            )
            if left
            else ()
        )
        yield Reading(where, prefix, tensors, average, notes)


def _cleaned(state: State) -> dict[str, Tensor]:
    """Drop the names that wrappers add anywhere, and counters of moving averages."""
    cleaned = {
        ".".join(part for part in name.split(".") if part not in SEGMENTS): value
        for name, value in state.items()
    }
    if len(cleaned) < len(state):  # two tensors would share a name
        return dict(state)
    kept = {
        name: value
        for name, value in cleaned.items()
        if name.rpartition(".")[2] not in COUNTERS or value.numel() > 1
    }
    return _without_parallel(kept or cleaned)


def _without_parallel(state: dict[str, Tensor]) -> dict[str, Tensor]:
    while state and all(name.startswith(f"{PARALLEL}.") for name in state):
        state = {name.removeprefix(f"{PARALLEL}."): value for name, value in state.items()}
    return state


def _stripped(
    prefix: str, state: dict[str, Tensor], depth: int
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """The state itself, and its parts below one first name each."""
    state = _without_parallel(state)
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        first, point, rest = name.partition(".")
        if point:
            parts.setdefault(first, {})[rest] = value
    averages = {first for first in parts if _is_average(first)}
    plain = {n: v for n, v in state.items() if n.partition(".")[0] not in averages}
    if plain:
        yield prefix, plain
    for first in sorted(parts, key=lambda name: (name not in averages, -len(parts[name]))):
        if depth and len(parts[first]) >= min(SMALLEST, len(state)):
            yield from _stripped(f"{prefix}{first}.", parts[first], depth - 1)


def _completed(average: Reading, plain: Sequence[Reading]) -> Reading:
    """Give a moving average the names and the tensors that it left out, from plain weights."""
    for one in plain:
        joined = {name.replace(".", ""): name for name in one.tensors}  # as LitEma writes names
        for names in ({name: name for name in one.tensors}, joined):
            if average.tensors.keys() <= names.keys():
                own = {names[name]: value for name, value in average.tensors.items()}
                rest = len(one.tensors) - len(own)
                notes = (
                    (f"{rest} tensors that the moving average lacks are the plain ones",)
                    if rest
                    else ()
                )
                return replace(average, tensors={**one.tensors, **own}, notes=notes)
    return average


def _with_names(
    keys: tuple[str, ...], values: list[Tensor], plain: Sequence[Reading]
) -> Iterator[Reading]:
    """A moving average without names takes those of plain weights of the same shapes."""
    shapes = [value.shape for value in values]
    for one in plain:  # which also come with parts of their names dropped
        if [value.shape for value in one.tensors.values()] == shapes:
            tensors = dict(zip(one.tensors, values, strict=True))
            yield Reading(".".join(keys), one.prefix, tensors, average=True)


def _noted(
    one: Reading,
    averages: Sequence[Reading],
    plain: Sequence[Reading],
    nameless: Sequence[str],
    places: Sequence[str],
) -> Reading:
    """Add notes on what else the file holds."""
    notes, told = [*one.notes], {one.where}
    if one.average and plain:
        notes.append(
            f"a moving average is taken ({one.place}); the plain weights ({plain[0].place}) are not"
        )
        told.add(plain[0].where)
    elif averages and not one.average:
        notes.append(
            f"the file also holds a moving average ({averages[0].place}) that this project cannot "
            f"use: {described(averages[0].tensors, 1)}"
        )
        told.add(averages[0].where)
    notes += [
        f"the file also holds a moving average without names ({name}), which fits none of its "
        "named weights; the plain weights are taken"
        for name in nameless
    ]
    others = [repr(place) for place in places if place and place not in told]
    if others:
        notes.append(f"other tensors of the file were not read: below {', '.join(others)}")
    return replace(one, notes=tuple(notes))

"""Noise schedules of other projects, read and written.

A ``.ns`` file of arXiv 2203.13508's code holds four float32 tensors of N values, data side first:
the fractional training steps t, alpha, beta and sigma. The betas are the schedule. Betas are read
and written exactly, up to float32. The other tensors follow from the betas. Reading checks the
other tensors. Writing computes them in the order of the released float32 arithmetic, so that a
released file comes out again bit by bit. sigma_1 is sqrt(beta_1); no sampler uses sigma_1.

The document of a run holds the schedules of all its rows. A schedule there is named by the file and
the row's key: ``results/speech.json:raw/bddm-16``. A large document lies compressed in
``FILE.json.gz``; either name finds the document.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bddm_ref.files import write_with_checksum
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.errors import ExperimentError, UserError
from benchmarks.core.experiment import LinearSchedule
from benchmarks.core.loading import load
from benchmarks.core.registry import nearest
from benchmarks.interop.announced import verify_if_announced
from benchmarks.interop.betas import Read, holds_schedule, made, read_value
from benchmarks.interop.described import described
from benchmarks.interop.loaded import ARRAYS, READABLE, YAMLS, load_value
from benchmarks.interop.pickles import PICKLES, load_pickle
from benchmarks.results.documents import kind_of
from benchmarks.results.forms import GZIP, JSON, document_file
from benchmarks.results.schema import RunResults

NAMED = {
    "released": LinearSchedule(200, 1e-4, 0.02),  # DiffWave, BDDM
    "ddpm": LinearSchedule(1000, 1e-4, 0.02),
    "wavegrad": LinearSchedule(1000, 1e-6, 0.01),
}
FIELDS = ("t", "alpha", "beta", "sigma")  # tensors of a .ns file
NS = ".ns"
DOCUMENTS = (JSON, JSON + GZIP)  # endings of a run's document
SCHEDULER, CONFIG = "scheduler_config.json", "config.json"  # in folders of diffusers
ULP = 2.0**-24  # relative rounding of float32
Float32s = NDArray[np.float32]


@dataclass(frozen=True)
class ScheduleSource:
    """The place of a schedule: a ``.ns`` or a JSON file, or a row in the document of a run.

    Attributes:
        path: the file, in the form that is there.
        row: the row's key, as ``raw/bddm-16``; None for a file that holds one schedule.
    """

    path: Path
    row: str | None = None

    @classmethod
    def parse(cls, told: Path) -> ScheduleSource:
        """Split ``FILE.json:ROW``, and find the file; an existing file's name is never split.

        Raises:
            DamagedFileError: ``FILE.json`` and ``FILE.json.gz`` are both there.
        """
        if told.is_file():
            return cls(told)
        if (told / SCHEDULER).is_file() and not (told / CONFIG).is_file():
            return cls(told / SCHEDULER)
        for ending in DOCUMENTS:
            file, colon, row = str(told).rpartition(f"{ending}:")
            if colon:
                return cls(_existing(Path(file + ending)), row)
        return cls(_existing(told))

    @property
    def is_schedule(self) -> bool:
        """Tell whether the file's name says that it holds a schedule."""
        return self.path.name.lower().endswith((NS, *DOCUMENTS, *ARRAYS))

    @property
    def holds_schedule(self) -> bool:
        """Tell whether the file holds a schedule, for which pickles are opened.

        Raises:
            UserError: a pickle is damaged, or would execute code.
            DamagedFileError: a pickle differs from the checksum beside it.
        """
        if self.is_schedule or self.path.suffix.lower() in YAMLS:
            return True
        if self.path.suffix.lower() not in PICKLES or not self.path.is_file():
            return False
        if not self.path.stat().st_size:
            return False
        verify_if_announced(self.path)
        return holds_schedule(load_pickle(self.path))

    @property
    def stem(self) -> str:
        """A name for files that are made of the schedule, as ``speech-raw-bddm-16``."""
        own = [] if self.row is None else self.row.split("/")
        return "-".join([Path(self.path.name.removesuffix(GZIP)).stem, *own])

    @property
    def name(self) -> str:
        """The place without its folder, as ``speech.json:raw/bddm-16``."""
        return self.path.name if self.row is None else f"{self.path.name}:{self.row}"


def _existing(path: Path) -> Path:
    """Return the form of a JSON document that is there; other paths stay as they are."""
    return document_file(path.parent, path.name) if path.name.endswith(DOCUMENTS) else path


def named_training(name: str) -> LinearSchedule:
    """Training schedule of a name in NAMED, or of an experiment.

    Raises:
        ExperimentError: the name is unknown, or the schedule is impossible.
    """
    if name in NAMED:
        return NAMED[name]
    try:
        training = load(name).training_schedule
    except ExperimentError as error:
        known = ", ".join(NAMED)
        raise ExperimentError(f"--training: none of {known}, and {error}") from error
    try:
        process_of(training)
    except ValueError as error:
        raise ExperimentError(f"--training: {name}: {error}") from error
    return training


def process_of(linear: LinearSchedule) -> NoiseSchedule:
    """Make the noise schedule of a linear training schedule.

    Raises:
        UserError: steps or betas are impossible.
    """
    try:
        return NoiseSchedule.linear(linear.T, linear.start, linear.end)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"T = {linear.T!r} with betas from {linear.start!r} to {linear.end!r} is no training "
            "schedule; give at least one step, and betas between 0 and 1"
        ) from error


def read_schedule(file: Path, training: LinearSchedule) -> NoiseSchedule:
    """Read a schedule; see :func:`read_told`."""
    return read_told(file, training).schedule


def read_told(file: Path, training: LinearSchedule) -> Read:
    """Read a schedule, and notes on what the file holds besides.

    Args:
        file: the file, with a row where the file is the document of a run: ``FILE.json:ROW``.
        training: the training schedule whose steps t a ``.ns`` file counts.

    Raises:
        UserError: the file is missing, damaged or no schedule, or contradicts itself.
        DamagedFileError: the file disagrees with its checksum, is a damaged gzip file, or lies
            beside another form of the same document.
    """
    source = ScheduleSource.parse(file)
    path = source.path
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"{path} {what}; give a .ns or a .json file")
    if source.row is not None:
        return Read(_from_run(path, source.row))
    if not path.name.lower().endswith((NS, *READABLE)):
        raise UserError(f"{path} is no schedule; give a .ns or a .json file")
    verify_if_announced(path)
    if path.suffix.lower() == NS:
        return Read(_from_ns(path, load_pickle(path), training))
    value = load_value(path)
    if path.suffix.lower() in PICKLES:
        if not holds_schedule(value):
            raise UserError(
                f"{path} is no schedule; give a .ns or a .json file, not {described(value)}"
            )
        if _are_columns(value):
            return Read(_from_ns(path, value, training))
    return read_value(str(path), value)


def _from_run(path: Path, row: str) -> NoiseSchedule:
    """Read the schedule of one row in the document of a run."""
    if kind_of(path) != "run":
        raise UserError(f"{path} is not the document of a run, and has no row {row!r}")
    rows = {one.key: one.betas for one in RunResults.read(path).rows}
    if row not in rows:
        raise UserError(f"{path} has no row {row!r}{nearest(row, rows)}")
    betas = rows[row]
    if betas is None:
        raise UserError(f"{path} lists no schedule of the row {row!r}; name another row")
    return made(str(path), betas)


def _are_columns(value: Any) -> bool:
    """Tell whether a list has the form of a ``.ns`` file, under another ending."""
    return (
        isinstance(value, (list, tuple))
        and len(value) == len(FIELDS)
        and all(isinstance(one, Tensor) and one.ndim == 1 and len(one) > 1 for one in value)
    )


def _from_ns(path: Path, tensors: Any, training: LinearSchedule) -> NoiseSchedule:
    if not isinstance(tensors, (list, tuple)) or len(tensors) != len(FIELDS):
        raise UserError(
            f"{path} is no .ns file, which holds a list of {len(FIELDS)} tensors; found "
            f"{described(tensors)}"
        )
    if (
        any(not isinstance(v, Tensor) or v.ndim != 1 for v in tensors)
        or len({len(value) for value in tensors}) > 1
    ):
        raise UserError(f"{path}: {', '.join(FIELDS)} must be tensors of the same length")
    t, alpha, beta, sigma = (value.to(torch.float64) for value in tensors)
    schedule = made(str(path), beta.tolist())
    _refuse_contradictions(path, schedule, alpha, sigma)
    _refuse_other_steps(path, alpha, t, training)
    return schedule


def _refuse_contradictions(
    path: Path, schedule: NoiseSchedule, alpha: Tensor, sigma: Tensor
) -> None:
    """Refuse alphas or sigmas that differ from the betas by more than float32 rounding."""
    rounding = (len(schedule) + 3) * ULP
    delta_before = torch.cat([torch.ones(1, dtype=torch.float64), schedule.deltas[:-1]])
    sigmas = released_sigmas(schedule)
    # 1 - alpha^2 cancels near the data: the error is a rounding of 1, whatever the size of delta.
    within = {
        "alpha": (alpha - schedule.alphas).abs() <= rounding * schedule.alphas,
        "sigma": (sigma - sigmas).abs() <= rounding * (1 + 1 / delta_before) * sigmas,
    }
    for name, agrees in within.items():
        if not bool(agrees.all()):
            n = int((~agrees).nonzero()[0]) + 1
            raise UserError(
                f"{path} contradicts itself: {name}_{n} does not follow from the betas; use the "
                "unchanged file, or a list of betas in JSON"
            )


def _refuse_other_steps(path: Path, alpha: Tensor, t: Tensor, training: LinearSchedule) -> None:
    process = process_of(training)
    levels = alpha.clamp(float(process.alphas[-1]), float(process.alphas[0]))
    inside = (t >= 0) & (t <= len(process) - 1)
    found = process.level_at(t.where(inside, torch.zeros_like(t)))
    agrees = inside & ((found - levels).abs() <= (len(process) + len(t)) * ULP)
    if not bool(agrees.all()):
        n = int((~agrees).nonzero()[0]) + 1
        raise UserError(
            f"{path}: t_{n} = {float(t[n - 1]):g} is not the step of alpha_{n} in the training "
            f"schedule of T = {training.T}, {training.start:g} to {training.end:g}; name another "
            "schedule by --training"
        )


def released_sigmas(schedule: NoiseSchedule) -> Tensor:
    """Sigmas of a ``.ns`` file, ``(N,)`` float64; the first is sqrt(beta_1), not 0."""
    sigmas = schedule.sigmas.clone()
    sigmas[0] = schedule.betas[0] ** 0.5
    return sigmas


def losses(schedule: NoiseSchedule, training: NoiseSchedule, rounded: bool) -> Iterator[str]:
    """Notes on precision that the written file loses.

    Args:
        schedule: the schedule to write.
        training: the training schedule whose steps the file counts.
        rounded: whether the file is in float32.
    """
    betas = torch.tensor(schedule.betas, dtype=torch.float64)
    change = float(((betas.float().double() - betas) / betas).abs().max())
    if rounded and change:
        yield f"betas are rounded to float32, by up to {change:.1e} of their value"
    outside = sum(not training.contains(alpha) for alpha in schedule.alphas.tolist())
    if outside:
        yield (
            f"{outside} of {len(schedule)} levels lie outside the training schedule; its first or "
            "last step replaces these levels"
        )


def save_ns(schedule: NoiseSchedule, training: NoiseSchedule, path: Path) -> None:
    """Write a ``.ns`` file.

    Raises:
        UserError: a beta is not between 0 and 1 in float32.
    """
    betas = np.array(schedule.betas, dtype=np.float32)
    try:
        NoiseSchedule(tuple(betas.tolist()))
    except ValueError as error:
        raise UserError(f"{path.name} cannot hold this schedule in float32: {error}") from error
    alphas, sigmas = in_float32(betas)
    levels, _ = in_float32(np.array(training.betas, dtype=np.float32))
    columns = [_steps_in_float32(alphas, levels), alphas, betas, sigmas]
    buffer = io.BytesIO()
    torch.save([torch.from_numpy(column) for column in columns], buffer)
    write_with_checksum(path, lambda temporary: temporary.write_bytes(buffer.getvalue()))


def in_float32(betas: Float32s) -> tuple[Float32s, Float32s]:
    """Compute alphas and sigmas, ``(N,)`` each, and round every product to float32.

    numpy rounds +, -, *, / and the square root as IEEE 754 prescribes, on every processor.
    ``torch.sqrt`` does not: the last bit depends on the vector library of the machine.
    """
    squares, variances = np.float32(1) - betas, betas.copy()
    for n in range(1, len(betas)):
        squares[n] *= squares[n - 1]
        variances[n] *= (1 - squares[n - 1]) / (1 - squares[n])
    return np.sqrt(squares), np.sqrt(variances)


def _steps_in_float32(alphas: Float32s, levels: Float32s) -> Float32s:
    """Interpolate fractional steps linearly between the falling training levels."""
    if len(levels) == 1:
        return np.zeros_like(alphas)
    inside = alphas.clip(levels[-1], levels[0])
    below = np.searchsorted(-levels, -inside).clip(1, len(levels) - 1)
    above = levels[below - 1]
    steps: Float32s = (below - 1).astype(np.float32) + (above - inside) / (above - levels[below])
    return steps


def save_json(schedule: NoiseSchedule, path: Path) -> None:
    """Write our own format; float64 values survive a round trip unchanged."""
    write_with_checksum(path, lambda temporary: temporary.write_text(schedule.to_json() + "\n"))


def diffusers_document(schedule: NoiseSchedule, training: LinearSchedule) -> dict[str, Any]:
    """Arguments of diffusers' schedulers that sample by a schedule.

    Returns:
        ``scheduler``: arguments of DDPMScheduler, whose N steps are the schedule; DDIMScheduler
        takes the same without ``variance_type``. ``timesteps``: fractional steps of the levels in
        the training schedule, noisiest first. ``sigmas``: sqrt(delta) / alpha, noisiest first,
        down to 0. ``training_schedule``: arguments of EulerDiscreteScheduler, whose
        ``set_timesteps`` takes ``timesteps`` or ``sigmas``.
    """
    sigmas = schedule.deltas.sqrt() / schedule.alphas
    return {
        "scheduler": {
            "num_train_timesteps": len(schedule),
            "trained_betas": list(schedule.betas),
            "clip_sample": False,
            "variance_type": "fixed_small",
        },
        "timesteps": process_of(training).step_of(schedule.alphas).flip(0).tolist(),
        "sigmas": [*sigmas.flip(0).tolist(), 0.0],
        "training_schedule": {
            "num_train_timesteps": training.T,
            "beta_start": training.start,
            "beta_end": training.end,
            "beta_schedule": "linear",
        },
    }


def save_diffusers(schedule: NoiseSchedule, training: LinearSchedule, path: Path) -> None:
    """Write :func:`diffusers_document`."""
    text = json.dumps(diffusers_document(schedule, training), indent=1) + "\n"
    write_with_checksum(path, lambda temporary: temporary.write_text(text))

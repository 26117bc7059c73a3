"""Functions that ran during the work of stages, compared with the code that stages account for."""

from __future__ import annotations

import cProfile
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

import pytest

from benchmarks.runtime.checkout import REPOSITORY
from benchmarks.runtime.code.closure import ASIDE
from benchmarks.runtime.workspace import StageFolder
from benchmarks.stages import denoising, sample, search, timing, train
from benchmarks.tracks.images.features import Features
from benchmarks.tracks.speech import scored

WORK = (
    (train, "_train"),
    (search, "_search"),
    (sample, "_sample_seed"),
    (denoising, "_watch"),
    (timing, "_measure"),
    (scored, "_score"),
    (Features, "keep"),
)
"""The functions that do the work of stages; all other work decides nothing."""
HARMLESS = (
    "bddm_ref.extras.networks.inference.inference_form",  # of a network without a faster form
    "benchmarks.stages.sample.Session.score_net",
    "benchmarks.stages.search._written",
    "benchmarks.stages.train.",  # loads networks, displays and records; the rest counts alone
    "benchmarks.tracks.analytic.track.AnalyticTrack.data",
    "benchmarks.tracks.images.features.Features.keep",
    "benchmarks.tracks.images.track.ImageTrack.data",
    "benchmarks.tracks.parts.Networks.build_s",  # looks the network up
    "benchmarks.tracks.parts.Networks.for_inference",  # changes nothing
    "benchmarks.tracks.speech.networks.SpeechNetworks.for_inference",
    "benchmarks.tracks.speech.scored._",
    "benchmarks.tracks.speech.track.SpeechTrack.data",
    "metrics.scoring.",  # hands clips to processes
    "metrics.timing.machine_is_busy",
    "metrics.timing.read_cpu_use",
)
"""Functions that look up, display, record, or change nothing where they ran."""


@contextmanager
def unaccounted(patch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Collect the functions that ran during a stage's work and are not in the stage's code."""
    missing: set[str] = set()
    # A profiler in C notes the functions: a callback in Python at each call would cost more than
    # the work. It leaves calls of C functions out.
    profiler = cProfile.Profile(subcalls=False, builtins=False)

    def traced(work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def run(*arguments: Any, **options: Any) -> Any:
            profiler.enable()
            try:
                return work(*arguments, **options)
            finally:
                profiler.disable()

        return run

    finish = StageFolder.finish

    def compared(folder: StageFolder, *arguments: Any) -> None:
        profiler.disable()
        ran = {entry.code for entry in profiler.getstats() if isinstance(entry.code, CodeType)}
        parts = set(folder.code.parts)
        missing.update(
            f"{folder.path.parent.name}: {place}"
            for place in map(place_of, ran)
            if place is not None and not is_covered(place, parts)
        )
        profiler.clear()
        finish(folder, *arguments)

    for owner, name in WORK:
        patch.setattr(owner, name, traced(getattr(owner, name)))
    patch.setattr(StageFolder, "finish", compared)
    yield missing


def place_of(code: CodeType) -> str | None:
    """Dotted name of a function of the project; None: of another package, or of no matter."""
    if not code.co_filename.startswith(str(REPOSITORY)) or "/.tox/" in code.co_filename:
        return None
    module = code.co_filename[len(str(REPOSITORY)) + 1 :].removesuffix(".py")
    module = module.removesuffix("/__init__").replace("/", ".")
    if module.startswith("tests") or module.startswith(ASIDE) or code.co_name == "<module>":
        return None
    name = code.co_qualname.partition(".<locals>")[0]
    place = f"{module}.{name}"
    return None if place.startswith(HARMLESS) else place


def is_covered(place: str, parts: set[str]) -> bool:
    """Tell whether a function, its class or its lambda is among the parts."""
    owner = place.rpartition(".")[0]
    return (
        place in parts
        or owner in parts
        or ("<" in place and any(part.startswith(f"{owner}.") for part in parts))
    )

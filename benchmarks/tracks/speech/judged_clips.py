"""Validation clips that the judge leaves out, because its metrics cannot score them at all."""

from __future__ import annotations

import json
import time

from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.runtime.code.closure import code_of
from benchmarks.runtime.workspace import Workspace, write_json
from benchmarks.tracks.speech.clip_judge import METRICS, judged_clips, reason_of
from benchmarks.tracks.speech.data import Recordings
from benchmarks.tracks.speech.workers import scoring_workers
from metrics.items import score_item
from metrics.speech import SPEECH_METRICS

FILE = "left_out.json"


def left_out(
    experiment: Experiment, recordings: Recordings, workspace: Workspace
) -> dict[str, str]:
    """Find the validation clips that the judge leaves out, or read them from the workspace.

    Returns:
        Name of each clip that cannot be scored, to the reason.

    Raises:
        ExperimentError: the validation split has too few clips that can be judged.
    """
    inputs = {
        "judged_by": list(METRICS),
        "clips": recordings.judged_count,
        "clip_frames": experiment.search.clip_frames,
        "data": recordings.corpus.digest("valid"),
    }
    metrics = (SPEECH_METRICS[name] for name in METRICS)
    code = code_of(score_item, *metrics, reason_of, unjudged, (recordings, "every_valid_clip"))
    folder = workspace.stage("search", inputs, code)
    file = folder.path / FILE
    if not folder.is_finished():
        began = time.monotonic()
        write_json(file, unjudged(experiment, recordings))
        folder.finish([file], time.monotonic() - began)
    found: dict[str, str] = json.loads(file.read_text())
    return found


def unjudged(experiment: Experiment, recordings: Recordings) -> dict[str, str]:
    """Score all validation clips against themselves.

    A clip that fails here, such as one in the middle of a pause, would fail for every schedule.

    Returns:
        Name of each clip that cannot be scored, to the reason.

    Raises:
        ExperimentError: the validation split has too few clips that can be judged.
    """
    every, wanted = recordings.every_valid_clip, recordings.judged_count
    workers = scoring_workers(experiment.threads)
    scores = judged_clips([clip.waveform.numpy() for clip in every], every, METRICS, workers)
    named = zip(every, scores, strict=True)
    reasons = {clip.name: why for clip, score in named if (why := reason_of(score)) is not None}
    judged = len(every) - len(reasons)
    if judged >= wanted:
        return reasons
    name, reason = next(iter(reasons.items()))
    raise ExperimentError(
        f"search: {judged} of the {len(every)} clips of the validation split can be judged, and "
        f"judge_items + finalist_items = {wanted} are needed ({name}: {reason}); change "
        "search.clip_frames, lower the counts, or give more recordings"
    )

"""Scores of audio that authors have published."""

from __future__ import annotations

from benchmarks.report.html.section import Details, Section
from benchmarks.report.page import Prose
from benchmarks.report.pages.authors_audio import WORTH, mean_blocks, trajectory_blocks
from benchmarks.results.folder import MissingResultError, ResultsFolder

INTRODUCTION = (
    "Audio that authors have published, scored by this suite's metrics. The audio is theirs, and "
    "not on this page."
)


def authors_audio_section(results: ResultsFolder) -> Section | None:
    """Means of each system, and the signal along the steps; None where nothing is scored."""
    try:
        document = results.authors_audio
    except MissingResultError:
        return None
    parts = [Prose(INTRODUCTION), Prose(WORTH.strip()), *mean_blocks(document)]
    along = (
        (Details("Along the reverse steps", tuple(trajectory_blocks(document))),)
        if document.trajectory
        else ()
    )
    commands = ("python -m benchmarks authors-audio DIR",)
    return Section("authors-audio", "Authors' audio, scored here", (*parts, *along), commands)

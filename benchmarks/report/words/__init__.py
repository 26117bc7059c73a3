"""All tracks' words, by track. A new track is a file beside this one and a line here."""

from __future__ import annotations

from benchmarks.report.words.analytic import AnalyticWords
from benchmarks.report.words.base import TrackWords
from benchmarks.report.words.images import ImagesWords
from benchmarks.report.words.speech import SpeechWords

WORDS: dict[str, TrackWords] = {
    "speech": SpeechWords(),
    "images": ImagesWords(),
    "analytic": AnalyticWords(),
}

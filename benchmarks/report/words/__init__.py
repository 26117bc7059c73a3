"""All pages, by track. A new one is a file beside this one and a line here."""

from __future__ import annotations

from benchmarks.report.words.analytic import AnalyticPage
from benchmarks.report.words.base import Page
from benchmarks.report.words.images import ImagesPage
from benchmarks.report.words.speech import SpeechPage

PAGES: dict[str, Page] = {
    "speech": SpeechPage(),
    "images": ImagesPage(),
    "analytic": AnalyticPage(),
}

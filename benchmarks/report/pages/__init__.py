"""All pages, by track. A new one is a file beside this one and a line here."""

from __future__ import annotations

from benchmarks.report.pages.analytic import AnalyticPage
from benchmarks.report.pages.base import Page
from benchmarks.report.pages.images import ImagesPage
from benchmarks.report.pages.speech import SpeechPage

PAGES: dict[str, Page] = {
    "speech": SpeechPage(),
    "images": ImagesPage(),
    "analytic": AnalyticPage(),
}

"""A headless Chromium, and the results page of a small folder to open in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report.html.page import write_page
from benchmarks.runtime import checkout
from synthetic.media import write_media

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")


@dataclass
class Opened:
    """A page in the browser, and everything that it did.

    Attributes:
        page: playwright's page.
        requests: addresses that the page asked for, itself among them.
        complaints: errors and messages of the console.
    """

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def results_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a small folder, which has every section with sounds and pictures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkout, "git", lambda *arguments: None)  # the ledger has no dates
        return write_page(write_media(tmp_path_factory.mktemp("media")))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The Chromium of the system."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("needs Chromium: install the package chromium of Debian or Ubuntu")
    with sync_api.sync_playwright() as playwright:
        # Without a sandbox, since tests may run as root; the page is our own.
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any, results_page: Path) -> Iterator[Open]:
    """Opens a page: ``open_page(path, script=..., before=..., **options of a context)``."""
    contexts = []

    def opened(path: Path = results_page, before: str = "", **options: Any) -> Opened:
        context = browser.new_context(**options)
        contexts.append(context)
        found = Opened(context.new_page())
        found.page.on("request", lambda request: found.requests.append(request.url))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("console", lambda message: found.complaints.append(message.text))
        if before:
            found.page.add_init_script(before)
        found.page.goto(path.as_uri())
        return found

    yield opened
    for context in contexts:
        context.close()

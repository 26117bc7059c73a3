"""Makes the results page: one HTML file without references to anything outside it."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bddm_ref.files import DamagedFileError, write_atomically
from benchmarks.report.html.blocks import block_html, inline
from benchmarks.report.html.section import Chart, Media, Part, Section
from benchmarks.report.html.sections.claims import claims_section
from benchmarks.results.documents import kind_of
from benchmarks.results.folder import ResultsFolder
from benchmarks.results.forms import document_files, read_text

PAGE = "index.html"
LARGEST = 8_000_000  # bytes of the page, which people send to each other
SECTIONS: tuple[Callable[[ResultsFolder], Section | None], ...] = (claims_section,)
"""The sections in the order of the page; a section without results is left out."""
EMBEDDED = (".", "theory")  # folders whose documents the page carries


def page_html(folder: Path) -> str:
    """The page of a results folder; equal results give equal text.

    Raises:
        DamagedFileError: the folder holds no results, or a file is damaged.
    """
    results = ResultsFolder(folder)
    sections = [found for section in SECTIONS if (found := section(results)) is not None]
    if not sections:
        raise DamagedFileError(f"{folder} holds no results; make some with 'run smoke'")
    environment = _environment()
    return environment.get_template("page.html.j2").render(
        sections=[(one, [part_html(part) for part in one.parts]) for one in sections],
        documents=_documents(folder),
        style=Markup(_own("page.css")),
        script=Markup(_own("page.js")),
    )


def write_page(folder: Path, into: Path | None = None) -> Path:
    """Write ``index.html``.

    Args:
        folder: the results folder.
        into: the folder of the page; None: ``folder``.

    Returns:
        The file.

    Raises:
        DamagedFileError: the folder holds no results, a file is damaged, or the page is too large.
    """
    text = page_html(folder)
    if len(text.encode()) > LARGEST:
        raise DamagedFileError(
            f"the page of {folder} would have {len(text.encode()) / 1e6:.1f} MB of at most "
            f"{LARGEST / 1e6:.0f}; run with fewer wav_items or grid_items"
        )
    path = (into or folder) / PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, partial(Path.write_text, data=text))
    return path


def part_html(part: Part) -> Markup:
    """One part of a section as HTML."""
    if isinstance(part, Media):
        return part.html
    if isinstance(part, Chart):
        caption = Markup("<figcaption>{}</figcaption>").format(inline(part.caption))
        return Markup("<figure>{}{}</figure>\n").format(part.svg, caption if part.caption else "")
    return block_html(part)


def _documents(folder: Path) -> dict[str, Markup]:
    """Every document by its name in the folder, as JSON that no element can end."""
    found = {}
    for place in EMBEDDED:
        for path in document_files(folder / place):
            if kind_of(path) is not None:
                name = path.relative_to(folder).as_posix().removesuffix(".gz")
                text = json.dumps(json.loads(read_text(path)), separators=(",", ":"))
                escaped = text.replace("<", "\\u003c")
                found[name] = Markup(escaped)
    return found


def _own(name: str) -> str:
    return files("benchmarks.report.html").joinpath("template", name).read_text()


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("benchmarks.report.html", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

"""Makes the results page: one HTML file without references to anything outside it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from markupsafe import Markup

from bddm_ref.files import DamagedFileError, write_listed
from benchmarks.report.html.blocks import inline
from benchmarks.report.html.lead import evidence_of, lead_of
from benchmarks.report.html.parts import media_in, part_html, without
from benchmarks.report.html.section import Media, Section
from benchmarks.report.html.sections.authors_audio import authors_audio_section
from benchmarks.report.html.sections.claims import claims_section
from benchmarks.report.html.sections.cost import cost_section
from benchmarks.report.html.sections.distributions import distributions_section
from benchmarks.report.html.sections.images import images_section
from benchmarks.report.html.sections.origin import origin_section
from benchmarks.report.html.sections.quality import quality_section
from benchmarks.report.html.sections.schedules import schedules_section
from benchmarks.report.html.sections.speech import speech_section
from benchmarks.report.html.sections.theory import theory_section
from benchmarks.report.html.templates import own_text, rendered
from benchmarks.report.page import Prose
from benchmarks.results.documents import kind_of
from benchmarks.results.forms import document_files, read_text
from benchmarks.results.owned import PAGE
from benchmarks.results.publication import publication
from benchmarks.results.store import root_of
from benchmarks.results.whole import WholeFolder

LARGEST = 8_000_000  # bytes of the page, which people send to each other
SECTIONS: tuple[Callable[[WholeFolder], Section | None], ...] = (
    claims_section,
    quality_section,
    speech_section,
    images_section,
    distributions_section,
    schedules_section,
    theory_section,
    cost_section,
    authors_audio_section,
    origin_section,
)
"""The sections in the order of the page; a section without results is left out."""
EMBEDDED = (".", "theory")  # folders whose documents the page carries
STYLES, SCRIPTS = ("page.css", "media.css"), ("page.js", "player.js")  # in template/
_DRAWING = re.compile(r"(</desc>).*?(</svg>)", re.DOTALL)


def page_html(folder: Path) -> str:
    """The page of a results folder; equal results give equal text.

    Where the page would be too large, it leaves out spare parts, and says so in their section.

    Raises:
        DamagedFileError: the folder holds no results, a file is damaged, or the page is too large
            even without all spare parts.
    """
    results = WholeFolder(folder)
    sections = [found for section in SECTIONS if (found := section(results)) is not None]
    if not sections:
        raise DamagedFileError(f"{folder} holds no results; make some with 'run smoke'")
    page_of = partial(
        _rendered,
        documents=_documents(folder),
        lead=lead_of(results),
        evidence=evidence_of(results),
    )
    text = page_of(sections)
    excess = len(text.encode()) - LARGEST
    if excess > 0:
        text = page_of(_smaller(sections, excess))
    if len(text.encode()) > LARGEST:
        raise DamagedFileError(
            f"the page of {folder} would have {len(text.encode()) / 1e6:.1f} MB of at most "
            f"{LARGEST / 1e6:.0f}; run with fewer wav_items or grid_items"
        )
    return text


def write_page(folder: Path, into: Path | None = None) -> Path:
    """Write ``index.html``, with its checksum.

    Args:
        folder: the results folder.
        into: the folder of the page; None: ``folder``.

    Returns:
        The file.

    Raises:
        DamagedFileError: the folder holds no results, a file is damaged, or the page is too large.
    """
    text = page_html(folder)
    target = into or folder
    with publication(target, Path(PAGE).stem) as new:
        write_listed(new / PAGE, partial(Path.write_text, data=text))
    return target / PAGE


def refresh_page(folder: Path) -> Path | None:
    """Make the page of a results folder again, where it has one.

    Args:
        folder: the results folder, or a folder of runs below it.

    Returns:
        The file; None: the folder has no page.
    """
    root = root_of(folder)
    return write_page(root) if (root / PAGE).is_file() else None


def page_after_run(folder: Path, say: Callable[[str], None]) -> None:
    """Make the page of a run's folder, or of the results folder that it belongs to.

    Args:
        folder: the folder of the run's tables.
        say: tells the user where the page is, or why there is none: other documents of the folder
            may be damaged, and the run itself is complete.
    """
    try:
        say(f"page to open in a browser: {write_page(root_of(folder))}")
    except DamagedFileError as error:
        say(f"no page: {error}")


def check_page(folder: Path) -> str | None:
    """Verify that the page of a results folder is what its results say.

    Drawings are compared by their titles and descriptions, which have the figures: another version
    of matplotlib draws other paths. Their own bytes are held to the page's checksum.

    Returns:
        A line that tells so; None: the folder has no page.

    Raises:
        DamagedFileError: the page says something else.
    """
    path = folder / PAGE
    if not path.is_file():
        return None
    if _undrawn(path.read_text()) != _undrawn(page_html(folder)):
        raise DamagedFileError(f"{path} is not what the results say; make it again with 'page'")
    return f"{path}: follows from the results"


def _undrawn(text: str) -> str:
    return _DRAWING.sub(r"\1\2", text)


def _smaller(sections: Sequence[Section], excess: int) -> list[Section]:
    """Sections without as many spare parts as take up the excess."""
    spare = [one for section in sections for one in media_in(section.parts) if one.spare]
    ordered = sorted(enumerate(spare), key=lambda item: (-item[1].spare, -item[0]))
    gone: list[Media] = []
    for _, one in ordered:
        if excess <= 0:
            break
        gone.append(one)
        excess -= len(one.html.encode()) - len(one.name.encode()) - 300  # the note's own size
    return [_without(section, gone) for section in sections]


def _without(section: Section, gone: Sequence[Media]) -> Section:
    mine = [one.name for one in media_in(section.parts) if any(one is other for other in gone)]
    if not mine:
        return section
    note = Prose(
        f"Left out, so that this page stays below {LARGEST / 1e6:.0f} MB: {', '.join(mine)}. "
        "The files are in the results folder."
    )
    return replace(section, parts=(note, *without(section.parts, gone)))


def _rendered(
    sections: Sequence[Section],
    documents: Mapping[str, Markup],
    lead: Sequence[str],
    evidence: str,
) -> str:
    page = rendered(
        "page.html.j2",
        sections=[(one, [part_html(part) for part in one.parts]) for one in sections],
        documents=documents,
        lead=[inline(sentence) for sentence in lead],
        evidence=evidence,
        style=own_text(*STYLES),
        script=Markup("\n").join(Markup("{{\n{}}}").format(own_text(name)) for name in SCRIPTS),
    )
    return str(page)  # plain: on markup, replacements would be escaped


def _documents(folder: Path) -> dict[str, Markup]:
    """Every document by its name in the folder, as JSON that no element can end."""
    found = {}
    for place in EMBEDDED:
        for path in document_files(folder / place):
            if kind_of(path) is not None:
                name = path.relative_to(folder).as_posix().removesuffix(".gz")
                text = json.dumps(json.loads(read_text(path)), separators=(",", ":"))
                found[name] = Markup(text.replace("<", "\\u003c"))
    return found

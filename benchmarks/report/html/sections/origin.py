"""The origin of every document: code, versions, machine, data and weights."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from benchmarks.report.html.commands import run_commands
from benchmarks.report.html.section import Details, Media, Part, Section
from benchmarks.report.inline import code, plain
from benchmarks.report.page import NOTHING, Cell, Prose, Table, table
from benchmarks.results.documents import Measurement
from benchmarks.results.schema import RunResults
from benchmarks.results.theory import NetworkDocument
from benchmarks.results.whole import WholeFolder

SHORT = 12  # characters of a checksum
EMBEDDED = (
    "This page carries the documents that it shows, as JSON in elements `script` whose ids begin "
    "with `document-`: `JSON.parse(document.getElementById('document-claims.json').textContent)` "
    "in a browser's console gives one. The buttons save one as a file."
)
EMPTY_LIST = Markup('<p id="downloads" hidden></p>\n')  # filled by the script, hidden without it


def origin_section(results: WholeFolder) -> Section | None:
    """Tables of where the figures are from; None in a folder without documents."""
    found = dict(results.measurements())
    if not found:
        return None
    parts: list[Part] = [
        Prose("Checksums are the first 12 digits of SHA-256."),
        _documents(found),
        _inputs(found),
        Details("Versions of packages", (_versions(found),)),
        Prose(EMBEDDED),
        Media(EMPTY_LIST),
    ]
    commands = ("python -m benchmarks page results", "python -m benchmarks check results")
    return Section("origin", "Origin of the figures", tuple(parts), commands)


def _documents(found: dict[str, Measurement]) -> Table:
    heads = ["Document", "Made", "By", "Code", "Machine"]
    lines: list[list[Cell | str]] = []
    for name, one in found.items():
        made = one.provenance
        mine = run_commands([one]) if isinstance(one, RunResults) else ()
        command = next(iter(mine), f"python -m benchmarks {one.made_by}")
        machine = f"{made.processor}, {made.threads} threads"
        if made.device != "cpu":
            machine = f"{made.device}; {machine}"
        lines.append(
            [
                code(name),
                plain(one.created[:16].replace("T", " ")),
                code(command),
                made.code,
                plain(machine),
            ]
        )
    return table(heads, lines)


def _inputs(found: dict[str, Measurement]) -> Table:
    heads = ["Document", "Data", "Weights"]
    lines: list[list[Cell | str]] = []
    for name, one in found.items():
        if isinstance(one, RunResults | NetworkDocument):
            weights = ", ".join(f"{plain(k)} {code(v[:SHORT])}" for k, v in one.weights.items())
            data = f"{plain(one.data.name)} {code(one.data.sha256[:SHORT])}"
            lines.append([code(name), data, weights or NOTHING])
    return table(heads, lines)


def _versions(found: dict[str, Measurement]) -> Table:
    return table(["Document", "System", "Packages"], list(_version_lines(found)))


def _version_lines(found: dict[str, Measurement]) -> Iterator[list[Cell | str]]:
    for name, one in found.items():
        made = one.provenance
        packages = ", ".join(f"{package} {version}" for package, version in made.packages.items())
        yield [code(name), plain(f"{made.system}, Python {made.python}"), plain(packages)]

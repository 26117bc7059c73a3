"""Blocks of the README that follow from published results, between markers."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bddm_ref.files import DamagedFileError, verify_checksum, write_atomically
from benchmarks.claims.ledger import summary as ledger_summary
from benchmarks.report.page import table
from benchmarks.report.pages.track import summary
from benchmarks.results.documents import read_document
from benchmarks.results.ranking import Contest
from benchmarks.results.schema import Interval, Results, RowResult
from benchmarks.results.standings import BDDM
from benchmarks.results.store import CONTESTANTS, LEDGER, read_results

OVERVIEW = "overview.svg"
BLOCK = re.compile(
    r"(?P<begin><!-- (?P<name>[a-z ]+): (?P<where>\S+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)
"""A block names what it holds, and its results folder relative to the README's own."""
SCALE = "Answer, at CPU scale: the papers' data and networks were not run"


def write_overview(folder: Path) -> Path:
    """Draw the overview of a results folder, and fill the blocks of READMEs that are of it.

    Returns:
        The picture.

    Raises:
        DamagedFileError: results are missing or damaged.
    """
    from benchmarks.report.plots.overview import plot_overview  # noqa: PLC0415 (others read without it)

    picture = folder / OVERVIEW
    write_atomically(picture, partial(plot_overview, folder))
    for readme, text in _filled(folder).items():
        write_atomically(readme, partial(Path.write_text, data=text))
    return picture


def check_readmes(folder: Path) -> list[str]:
    """Verify the blocks that are of a results folder, in its README and the one above it.

    Raises:
        DamagedFileError: they have other figures than the results.
    """
    lines = []
    for readme, text in _filled(folder).items():
        if readme.read_text() != text:
            raise DamagedFileError(
                f"{readme} does not have the figures of {folder}; make them again with "
                f"'python -m benchmarks overview {folder}'"
            )
        lines.append(f"{readme}: its figures are those of {folder}")
    return lines


def _filled(folder: Path) -> dict[Path, str]:
    """READMEs with blocks of a results folder, and their text with every block made anew."""
    texts = {}
    for readme in (folder.parent / "README.md", folder / "README.md"):
        if not readme.is_file():
            continue
        own: list[str] = []

        def made(found: re.Match[str], place: Path = readme.parent, own: list[str] = own) -> str:
            """The block; ``own`` collects those that are of the folder."""
            name, where = found["name"], found["where"]
            if name not in BLOCKS or (place / where).resolve() != folder.resolve():
                return found[0]
            own.append(name)
            return f"{found['begin']}{BLOCKS[name](folder)}{found['end']}"

        text = BLOCK.sub(made, readme.read_text())
        if own:
            texts[readme] = text
    return texts


def _answers(folder: Path) -> str:
    """The table of questions."""
    speech, images = (read_results(folder / f"{name}.json") for name in ("speech", "images"))
    contests = read_document(folder / CONTESTANTS, Contest, "contestants")
    verify_checksum(folder / LEDGER)
    claims = {one["number"]: one for one in json.loads((folder / LEDGER).read_text())["claims"]}
    lines = [
        ["Are 3 steps as good as 1000?", _against_1000(speech, images, 3), _link("speech")],
        ["Are 16?", _against_1000(speech, images, 16), _link("images")],
        ["Better than as many steps of DDPM, DDIM?", _equal(speech, images, 7), _link("images")],
        ["And than today's solvers?", _ranks(contests, 7), _link("contestants")],
        ["How much faster?", _faster(speech), _link("speech")],
        ["Is the bound tighter than the ELBO?", _verdict(claims["4"]), _link("theory/theory")],
        ["Is the schedule network needed?", _verdict(claims["10"]), _link("ablation/speech")],
        ["Which of the papers' claims hold?", _counts(claims), _link("claims")],
    ]
    return table(["Question", SCALE, "Where"], lines)


def _link(page: str) -> str:
    return f"[{page.rpartition('/')[2]}](results/{page}.md)"


def _row(results: Results, key: str) -> RowResult:
    return next(row for row in results.rows if row.key == key)


def _score(results: Results, key: str, metric: str) -> str:
    value = _row(results, key).metrics[metric].value
    return "none" if value is None else f"{value:.{results.metrics[metric].digits}f}"


def _against_1000(speech: Results, images: Results, steps: int) -> str:
    verdicts = {
        (one.row, one.metric): one.verdict
        for results in (speech, images)
        for one in results.comparisons
        if one.against.endswith("/ddpm-1000")
    }
    parts = []
    for results, convention, metrics in (
        (speech, "raw", ("pesq_wb_lqo", "stoi")),
        (images, "plain", ("fd_common",)),
    ):
        for metric in metrics:
            mine, theirs = f"{convention}/bddm-{steps}", f"{convention}/ddpm-1000"
            info = results.metrics[metric]
            verdict = verdicts.get((mine, metric)) or verdicts[mine, metric.split("_")[0]]
            parts.append(
                f"{info.title.split(' ')[0]} {_score(results, mine, metric)} against "
                f"{_score(results, theirs, metric)}: {verdict}"
            )
    return f"Speech {parts[0]}; {parts[1]}. Images {parts[2]}"


def _equal(speech: Results, images: Results, steps: int) -> str:
    names = ("bddm", "ddpm", "ddim")
    heard = [_score(speech, f"raw/{name}-{steps}", "pesq_wb_lqo") for name in names]
    seen = [_score(images, f"plain/{name}-{steps}", "fd") for name in names]
    return (
        f"{steps} steps of BDDM, DDPM, DDIM: speech PESQ-WB {', '.join(heard)}; "
        f"images FD {', '.join(seen)} (lower is better)"
    )


def _ranks(contests: Contest, nfe: int) -> str:
    parts = []
    for track in contests.tracks:
        for convention in track.conventions:
            column = convention.standings[0].column(nfe) if convention.standings else {}
            if BDDM in column:
                name = convention.name if track.track == "analytic" else track.track
                parts.append(f"{name} {column[BDDM].rank} of {len(column)}")
    return f"BDDM's rank at {nfe} evaluations: {', '.join(parts)}"


def _faster(speech: Results) -> str:
    def ratio(steps: int) -> Interval | None:
        time = _row(speech, f"raw/bddm-{steps}").time
        return None if time is None else time.speedup

    found = [(steps, ratio(steps)) for steps in (16, 7)]
    parts = [
        f"{one.value:.0f} times [{one.low:.0f}, {one.high:.0f}] at {steps} steps"
        for steps, one in found
        if one and one.value and one.low and one.high
    ]
    return f"As the step ratio says: {', '.join(parts)}"


def _verdict(claim: dict[str, Any]) -> str:
    counts = Counter(test["verdict"] for test in claim["tests"])
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    return f"Claim {claim['number']} is {claim['verdict']}; its tests: {told}"


def _counts(claims: dict[str, dict[str, Any]]) -> str:
    counts = Counter(claim["verdict"] for claim in claims.values())
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    return f"Of {counts.total()}: {told}"


def _tables(track: str, folder: Path) -> str:
    return "\n".join(summary(read_results(folder / f"{track}.json")))


def _ledger(folder: Path) -> str:
    return ledger_summary(json.loads((folder / LEDGER).read_text()))


BLOCKS: dict[str, Callable[[Path], str]] = {
    "answers": _answers,
    "tables of speech": partial(_tables, "speech"),
    "tables of images": partial(_tables, "images"),
    "ledger": _ledger,
}

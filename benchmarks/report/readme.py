"""Blocks of the README that follow from published results, between markers."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from bddm_ref.files import DamagedFileError, write_atomically
from benchmarks.core.rows import RowKey
from benchmarks.report.markdown import table_text
from benchmarks.report.page import table
from benchmarks.report.pages.claims import summary as ledger_summary
from benchmarks.report.pages.track import summary
from benchmarks.results.ledger import PRIMARY, ClaimVerdict, DecidedClaim, Ledger
from benchmarks.results.ranking import ranking_of
from benchmarks.results.ranking_schema import BDDM, RankedTrack
from benchmarks.results.schema import RunResults
from benchmarks.results.verdicts import Interval

OVERVIEW = "overview.svg"
BLOCK = re.compile(
    r"(?P<begin><!-- (?P<name>[a-z ]+): (?P<where>\S+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL
)
"""A block names what it holds, and its results folder relative to the README's own."""
PLURAL: dict[ClaimVerdict, str] = {
    "holds": "hold",
    "holds in part": "hold in part",
    "does not hold": "do not hold",
    "open": "open",
}
SCALE = "Answer, at CPU scale: the papers' data and networks were not run"


def write_overview(folder: Path, into: Path | None = None) -> Path:
    """Draw the overview of a results folder, and fill the blocks of READMEs that are of it.

    Args:
        folder: the results folder.
        into: a folder for the picture and for copies of the READMEs; None: the picture goes to
            ``folder``, and the READMEs are changed.

    Returns:
        The picture.

    Raises:
        DamagedFileError: results are missing or damaged.
    """
    from benchmarks.report.plots.overview import plot_overview  # noqa: PLC0415 (others read without it)

    picture = (into or folder) / OVERVIEW
    write_atomically(picture, partial(plot_overview, folder))
    for readme, text in _filled(folder).items():
        copy = readme if into is None else into / os.path.relpath(readme, folder.parent)
        write_atomically(copy, partial(Path.write_text, data=text))
    return picture


def check_readmes(folder: Path) -> list[str]:
    """Verify the blocks that are of a results folder, in its README and the one above it.

    Raises:
        DamagedFileError: a block has other figures than the results.
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
    speech, images = (RunResults.read(folder / f"{name}.json") for name in ("speech", "images"))
    ranking = ranking_of(folder)
    claims = {one.number: one for one in _ledger_of(folder).claims}
    asked = partial(_claimed, claims)
    three, sixteen = (_against_1000(speech, images, steps) for steps in (3, 16))
    equal, ranks = _equal(speech, images, 7), _ranks(ranking, 7)
    lines = [
        ["Are 3 steps as good as 1000?", f"{three}. {asked('1b')}", _link("speech")],
        ["Are 16?", f"{sixteen}. {asked('2a')}", _link("images")],
        ["Better than as many of DDPM, DDIM?", f"{equal}. {asked('6', '7a')}", _link("images")],
        ["And than today's solvers?", ranks, _link("contestants")],
        ["How much faster?", f"{_faster(speech)}. {asked('3')}", _link("speech")],
        ["Is the bound tighter than the ELBO?", _verdict(claims["4"]), _link("theory/theory")],
        ["Is the schedule network needed?", _verdict(claims["10"]), _link("ablation/speech")],
        ["Which of the papers' claims hold?", _counts(claims), _link("claims")],
    ]
    return table_text(table(["Question", SCALE, "Where"], lines))


def _link(page: str) -> str:
    return f"[{page.rpartition('/')[2]}](results/{page}.md)"


def _score(results: RunResults, key: RowKey, metric: str) -> str:
    value = results.by_key[key].value(metric)
    return "none" if value is None else f"{value:.{results.metrics[metric].digits}f}"


def _claimed(claims: Mapping[str, DecidedClaim], *numbers: str) -> str:
    """The verdicts on some claims, as ``Claim 6: open, claim 7a: holds``."""
    told = ", ".join(f"claim {number}: **{claims[number].verdict}**" for number in numbers)
    return told.capitalize()


def _against_1000(speech: RunResults, images: RunResults, steps: int) -> str:
    parts = []
    for results, convention, metrics in (
        (speech, "raw", ("pesq_wb_lqo", "stoi")),
        (images, "plain", ("fd_common",)),
    ):
        for metric in metrics:
            mine, theirs = RowKey(convention, BDDM, steps), RowKey(convention, "ddpm", 1000)
            parts.append(
                f"{results.metrics[metric].title.split(' ')[0]} {_score(results, mine, metric)} "
                f"against {_score(results, theirs, metric)}"
            )
    return f"Speech {parts[0]}; {parts[1]}. Images {parts[2]}"


def _equal(speech: RunResults, images: RunResults, steps: int) -> str:
    names = ("bddm", "ddpm", "ddim")
    heard = [_score(speech, RowKey("raw", name, steps), "pesq_wb_lqo") for name in names]
    seen = [_score(images, RowKey("plain", name, steps), "fd") for name in names]
    return (
        f"{steps} steps of BDDM, DDPM, DDIM: speech PESQ-WB {', '.join(heard)}; "
        f"images FD {', '.join(seen)} (lower is better)"
    )


def _ranks(tracks: Sequence[RankedTrack], nfe: int) -> str:
    parts = []
    for track in tracks:
        for convention in track.conventions:
            column = convention.rankings[0].column(nfe) if convention.rankings else {}
            if BDDM in column:
                name = convention.name if track.track == "analytic" else track.track
                parts.append(f"{column[BDDM].rank} of {len(column)} on {name}")
    return f"BDDM's rank at {nfe} evaluations: {', '.join(parts)}"


def _faster(speech: RunResults) -> str:
    def ratio(steps: int) -> Interval | None:
        time = speech.by_key[RowKey("raw", BDDM, steps)].time
        return None if time is None else time.speedup

    found = [(steps, ratio(steps)) for steps in (16, 7)]
    parts = [
        f"{one.value:.0f} times [{one.low:.0f}, {one.high:.0f}] at {steps} steps"
        for steps, one in found
        if one and one.value and one.low and one.high
    ]
    return f"As the step ratio says: {', '.join(parts)}"


def _verdict(claim: DecidedClaim) -> str:
    # The primary setting's own tests stand in parentheses already.
    further = [one for one in claim.fails if one.partition(" (")[0] != PRIMARY]
    fails = f". Extensions that do not hold: {', '.join(further)}" if further else ""
    return f"Claim {claim.number}: **{claim.verdict}** ({claim.primary.told}){fails}"


def _counts(claims: Mapping[str, DecidedClaim]) -> str:
    counts = Counter(claim.verdict for claim in claims.values())
    told = ", ".join(
        f"{counts[one]} {one if counts[one] == 1 else word}"
        for one, word in PLURAL.items()
        if counts[one]
    )
    return f"Of {counts.total()}, each in its primary setting: {told}"


def _tables(track: str, folder: Path) -> str:
    tables = summary(RunResults.read(folder / f"{track}.json"))
    return "\n".join(table_text(one) for one in tables)


def _ledger_of(folder: Path) -> Ledger:
    return Ledger.read(folder / "claims.json")


def _ledger(folder: Path) -> str:
    return table_text(ledger_summary(_ledger_of(folder)))


BLOCKS: dict[str, Callable[[Path], str]] = {
    "answers": _answers,
    "tables of speech": partial(_tables, "speech"),
    "tables of images": partial(_tables, "images"),
    "ledger": _ledger,
}

"""The page of published audio: means of each system, the trajectory, and every clip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from benchmarks.report.inline import code, plain
from benchmarks.report.page import (
    NOTHING,
    Block,
    Bullets,
    Cell,
    Heading,
    Origin,
    Page,
    Prose,
    Table,
    estimated,
    named,
    noted,
    table,
)
from benchmarks.results.authors_audio import (
    FEWEST_CLIPS,
    AudioFile,
    AuthorsAudio,
)

INTRODUCTION = """\
Audio that authors have published, scored here. The audio is theirs and no part of this project.
The document [`authors-audio.json`](authors-audio.json) lists repository, commit, path and SHA-256
of each file. `python -m benchmarks authors-audio DIR` scores a folder with these files.
"""
WORTH = f"""\
**What this shows.** Scores of the papers' own networks on speech, on the scale of this project. It
does not show a mean over a test set: authors choose the clips of a page, there is one sample of
each, and no training is repeated. One or two clips are an indication. From {FEWEST_CLIPS} clips on,
brackets are 95 % intervals of Student's t over clips; they cover the choice of clips alone.
"""
TRAJECTORY_NOTE = """\
Signals after each reverse step. The papers' values stand in parentheses, and are taken second-hand.
The papers do not define their MCD and LS-MSE exactly, so that theirs may be on another scale.
"""
REPORTED = {  # step to LS-MSE, MCD, STOI, PESQ, as the papers report them (second-hand)
    1: (3393.0, 6.55, 0.405, 0.64),
    2: (2706.0, 6.19, 0.493, 0.68),
    3: (1805.0, 5.58, 0.646, 1.06),
    4: (1080.0, 4.86, 0.813, 1.58),
    5: (584.0, 4.01, 0.928, 2.23),
    6: (284.0, 3.10, 0.973, 2.87),
    7: (77.2, 1.94, 0.984, 4.02),
}
REPORTED_OF = ("bddm-7-after-step", "LJ001-0001")  # system and clip
PACKAGES = ("pesq", "pystoi", "torch")  # that decide scores
IN_TRAJECTORY = ("pesq_nb_raw", "stoi", "ls_mse", "mcd")
PLACES = {"ls_mse": 0, "mcd": 1, "stoi": 2, "pesq_nb_raw": 3}  # in a tuple of REPORTED


def authors_audio_page(document: AuthorsAudio) -> Page:
    """The whole page."""
    made = document.provenance
    blocks: list[Block] = [
        Heading("Authors' audio, scored here", 1),
        noted(INTRODUCTION),
        noted(WORTH),
        Prose(_method(document)),
        _sources(document.files),
        Heading("Means over clips"),
        *mean_blocks(document),
    ]
    if document.trajectory:
        blocks += [Heading("Along the reverse steps"), *trajectory_blocks(document)]
    blocks += [Heading("Every clip"), *_clips(document)]
    if document.unscored:
        reasons = (f"{code(file)}: {plain(why)}." for file, why in document.unscored.items())
        blocks += [Heading("Not scored"), Bullets(tuple(reasons))]
    versions = (f"{name} {made.packages[name]}" for name in PACKAGES if name in made.packages)
    blocks.append(
        Origin(
            (
                f"{made.code}, {document.created}, on {plain(made.processor)}",
                ", ".join(versions),
            )
        )
    )
    return Page(tuple(blocks))


def _method(document: AuthorsAudio) -> str:
    by_rate: dict[int, list[str]] = {}
    for metric, rate in document.rates.items():
        by_rate.setdefault(rate, []).append(plain(document.metrics[metric].title))
    rates = "; ".join(f"{', '.join(titles)} at {rate} Hz" for rate, titles in by_rate.items())
    return (
        "**How.** A sample is compared with the recording of its clip in its set, or in the one "
        "other set that has it. Both are rounded to 16 bit at their own rates, where they are not "
        "in 16 bit already; *clipped* counts samples beyond the range. Both are then resampled by "
        f"a windowed sinc and cut to the shorter one: {rates}."
    )


def _sources(files: Sequence[AudioFile]) -> Table:
    found: dict[tuple[str, str, str], list[AudioFile]] = {}
    for one in files:
        found.setdefault((one.set, one.repository, one.commit), []).append(one)
    lines = [
        [code(of_set), code(repository), code(commit[:12]), str(len(some)), _encodings(some)]
        for (of_set, repository, commit), some in found.items()
    ]
    return table(["Set", "Repository", "Commit", "Files", "Encodings"], lines)


def _encodings(files: Sequence[AudioFile]) -> str:
    counts = Counter(f"{one.subtype}, {one.sample_rate} Hz" for one in files)
    return "; ".join(f"{count} {plain(form)}" for form, count in counts.items())


def mean_blocks(document: AuthorsAudio) -> list[Block]:
    """A table of means for each set."""
    heads = ["Clips", "System", "n", *(named(info) for info in document.metrics.values())]
    blocks: list[Block] = []
    for of_set in dict.fromkeys(one.set for one in document.means):
        lines: list[list[Cell | str]] = [
            [
                code(one.clips),
                code(one.system),
                str(one.n),
                *(
                    estimated(one.metrics.get(metric), info.digits)
                    for metric, info in document.metrics.items()
                ),
            ]
            for one in document.means
            if one.set == of_set
        ]
        blocks.append(table(heads, lines, f"Set {code(of_set)}:", keys=2))
    return blocks


def trajectory_blocks(document: AuthorsAudio) -> list[Block]:
    """A table for each signal along the reverse steps, beside the papers' values."""
    blocks: list[Block] = [noted(TRAJECTORY_NOTE)]
    metrics = [name for name in IN_TRAJECTORY if name in document.metrics]
    heads = ["Step", *(named(document.metrics[name]) for name in metrics), "Clipped"]
    found = document.trajectory
    for system, clip in dict.fromkeys((file.system, file.clip) for file, _ in found):
        some = [pair for pair in found if (pair[0].system, pair[0].clip) == (system, clip)]
        reported = REPORTED if (system, clip) == REPORTED_OF else {}
        lines: list[list[Cell | str]] = []
        for file, one in some:
            line: list[Cell | str] = [str(file.steps)]
            for name in metrics:
                score, values = _score(document, one.scores, name), reported.get(file.steps or 0)
                theirs = "" if values is None else f" ({values[PLACES[name]]:g})"
                line.append(replace(score, text=score.text + theirs))
            lines.append([*line, str(one.clipped)])
        blocks.append(table(heads, lines, f"{code(system)}, clip {code(clip)}:"))
        unclipped = [_unclipped(document, file, one.unclipped, metrics) for file, one in some]
        if told := [text for text in unclipped if text]:
            blocks += [Prose("Scores of the floats as they are, without clipping:")]
            blocks.append(Bullets(tuple(told)))
    return blocks


def _unclipped(
    document: AuthorsAudio,
    file: AudioFile,
    scores: Mapping[str, float] | None,
    metrics: Sequence[str],
) -> str:
    if scores is None:
        return ""
    values = (
        f"{plain(document.metrics[name].title)} {_score(document, scores, name).text}"
        for name in metrics
    )
    return f"step {file.steps}: {', '.join(values)}"


def _clips(document: AuthorsAudio) -> list[Block]:
    known = document.by_file
    heads = ["Clip", "System", "Encoding", "Clipped"]
    heads += [named(info) for info in document.metrics.values()]
    blocks: list[Block] = []
    for of_set in dict.fromkeys(one.set for one in document.files):
        lines: list[list[Cell | str]] = []
        for one in document.samples:
            file = known[one.file]
            if file.set == of_set:
                told = [code(file.clip), code(file.name), plain(file.subtype), str(one.clipped)]
                lines.append([*told, *(_score(document, one.scores, m) for m in document.metrics)])
        if lines:
            blocks.append(table(heads, lines, f"Set {code(of_set)}:", keys=2))
    loud = {one.reference: one.reference_clipped for one in document.samples}
    if clipped := [f"{code(file)}: {count} samples" for file, count in loud.items() if count]:
        blocks += [Prose("Recordings that were clipped:"), Bullets(tuple(clipped))]
    reasons = [
        f"{code(one.file)}, {plain(document.metrics[metric].title)}: {plain(why)}"
        for one in document.samples
        for metric, why in one.failures.items()
    ]
    if reasons:
        blocks += [Prose("Scores that are missing:"), Bullets(tuple(reasons))]
    return blocks


def _score(document: AuthorsAudio, scores: Mapping[str, float], metric: str) -> Cell:
    if metric not in scores:
        return Cell(NOTHING)
    value = scores[metric]
    return Cell(f"{value:.{document.metrics[metric].digits}f}", value)

"""Players of a test clip: every sound that can be chosen, and the buttons that choose it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from benchmarks.report.html.clip_scores import ClipScores
from benchmarks.report.html.templates import data_uri, embedded_size
from benchmarks.results.examples import Clip, Denoising, Examples
from benchmarks.results.schema import RunResults

FIRST = 7  # steps of the row that a player begins with, or the nearest number
RECORDING = "recording"


@dataclass(frozen=True)
class Button:
    """A choice of a player.

    Attributes:
        value: the row's name, such as ``bddm-7``.
        label: the visible text.
        name: the text that is read aloud.
    """

    value: str
    label: str
    name: str


@dataclass(frozen=True)
class Line:
    """The buttons of one sampler."""

    title: str
    buttons: tuple[Button, ...]


@dataclass(frozen=True)
class Take:
    """One sound of a player.

    Attributes:
        convention: the convention; empty for the recording.
        value: the button that plays it.
        title: its name on the page.
        file: the audio.
        spectrogram: the picture; None: there is none.
        scores: titles and values.
    """

    convention: str
    value: str
    title: str
    file: Path
    spectrogram: Path | None
    scores: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """The name by which the script finds the take."""
        return f"{self.convention}/{self.value}" if self.convention else self.value

    @property
    def size(self) -> int:
        """Bytes on the page."""
        files = [self.file, self.spectrogram]
        return sum(embedded_size(file) for file in files if file is not None)

    @property
    def audio(self) -> str:
        """The audio as an address."""
        return data_uri(self.file)

    @property
    def picture(self) -> str | None:
        """The spectrogram as an address."""
        return None if self.spectrogram is None else data_uri(self.spectrogram)


@dataclass(frozen=True)
class Player:
    """The takes of one clip, and the buttons that choose between them.

    Attributes:
        name: a word that no other player of the page has.
        title: the heading.
        legend: the words above the buttons.
        lines: the buttons, by sampler.
        takes: the recording, and the sounds of all conventions.
        seconds: length of the clip.
        first: value of the button that is chosen at first.
        recording: the button of the recording.
    """

    name: str
    title: str
    legend: str
    lines: tuple[Line, ...]
    takes: tuple[Take, ...]
    seconds: float
    first: str
    recording: Button = Button(RECORDING, "Recording", "Recording")

    @property
    def conventions(self) -> list[str]:
        """Conventions of the takes."""
        return list(dict.fromkeys(take.convention for take in self.takes if take.convention))

    @property
    def size(self) -> int:
        """Bytes on the page."""
        return sum(take.size for take in self.takes)

    @property
    def ticks(self) -> list[tuple[str, float]]:
        """Labels of the time axis, and their places in percent."""
        step = next(
            step for step in (0.5, 1, 2, 5, 10, 60) if self.seconds / step <= 8 or step == 60
        )
        count = int(self.seconds / step)
        return [(f"{i * step:g} s", 100 * i * step / self.seconds) for i in range(count + 1)]


def players_of(run: RunResults, examples: Examples, scores: ClipScores) -> Iterator[Player]:
    """Yield the players of each test clip: its samples, then how BDDM denoises it."""
    seconds = run.clip_seconds or 1.0
    for number, (clip, recording) in enumerate(examples.recordings.items(), 1):
        first = Take("", RECORDING, "Recording", recording, examples.spectrograms.get(recording))
        clips = [one for one in examples.clips if one.name == clip]
        if clips:
            yield Player(
                name=f"clip-{number}",
                title=f"Clip {clip}",
                legend="Sampler and number of steps",
                lines=tuple(_lines(run, clips)),
                takes=(first, *(_sample(run, examples, scores, one) for one in clips)),
                seconds=seconds,
                first=_nearest(run, clips),
            )
        watched = [one for one in examples.denoising if one.clip == clip]
        if watched:
            yield Player(
                name=f"denoising-{number}",
                title=f"Watch it denoise: {_sampler(run, watched[0])}, clip {clip}",
                legend="Clean estimate after this many network evaluations",
                lines=(Line("After", tuple(_evaluations(watched))),),
                takes=(first, *(one for two in watched for one in _estimates(examples, two))),
                seconds=seconds,
                first="after-1",
            )


def _lines(run: RunResults, clips: Sequence[Clip]) -> Iterator[Line]:
    """Yield the buttons of each sampler; samplers and steps in the order of the rows."""
    order = list(dict.fromkeys(row.contestant for row in run.rows))
    keys = {(order.index(one.row.contestant), one.row.steps): one.row for one in clips}
    rows = [keys[place] for place in sorted(keys)]
    for contestant, group in groupby(rows, key=lambda row: row.contestant):
        title = run.titles[contestant]
        buttons = (Button(row.name, str(row.steps), f"{title}, {row.steps} steps") for row in group)
        yield Line(title, tuple(buttons))


def _nearest(run: RunResults, clips: Sequence[Clip]) -> str:
    """Name the row to begin with: the papers' method, at the number of steps nearest to 7."""

    def place(clip: Clip) -> tuple[bool, int]:
        return run.by_key[clip.row].role != "bddm", abs(clip.row.steps - FIRST)

    return min(clips, key=place).row.name


def _sample(run: RunResults, examples: Examples, scores: ClipScores, clip: Clip) -> Take:
    row = clip.row
    title = f"{run.titles[row.contestant]}, {row.steps} steps, {row.convention}"
    picture = examples.spectrograms.get(clip.path)
    return Take(row.convention, row.name, title, clip.path, picture, scores.of(row, clip.name))


def _sampler(run: RunResults, watched: Denoising) -> str:
    return f"{run.titles[watched.row.contestant]}, {watched.row.steps} steps"


def _evaluations(watched: Sequence[Denoising]) -> Iterator[Button]:
    """Yield a button for each evaluation of any convention."""
    for after in sorted({one.after for denoising in watched for one in denoising.estimates}):
        yield Button(f"after-{after}", str(after), f"After {after} evaluations")


def _estimates(examples: Examples, watched: Denoising) -> Iterator[Take]:
    count = len(watched.estimates)
    for one in watched.estimates:
        level = "" if one.level is None else f", α = {one.level:.3f}"
        title = f"After {one.after} of {count} evaluations{level}, {watched.row.convention}"
        picture = examples.spectrograms.get(one.path)
        yield Take(watched.row.convention, f"after-{one.after}", title, one.path, picture)

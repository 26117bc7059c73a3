"""Tests of audio that authors have published: one system, or two of a set, paired by clip."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from benchmarks.claims.base import (
    Finding,
    Sides,
    Test,
    short_of,
    sides_at,
    text_of,
    with_exchange,
)
from benchmarks.results.authors_audio import AuthorsAudio, mean_over_clips
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.verdicts import Interval
from metrics.statistics import sign_flip_p

ENOUGH_CLIPS = 6  # fewer never reach p = .05 in the test of exchanging pairs


class _OfAudio(Test):
    set: str = Field(description="name of the set in the manifest")
    clips: str = Field(default="*", description="pattern of the clips' names, as in lj-*")
    system: str = Field(description="with its steps, as in bddm-8")
    metric: str

    def _scores(self, document: AuthorsAudio, system: str) -> dict[str, float]:
        """Scores of a system by clip.

        Raises:
            MissingResultError: there are none.
        """
        found = document.scores(self.set, self.clips, system, self.metric)
        if not found:
            raise MissingResultError(
                f"{ResultsFolder.AUTHORS_AUDIO} has no {self.metric} of {system} on clips "
                f"{self.clips} of set {self.set}"
            )
        return found

    def _finding(
        self, interval: Interval, sides: Sides | None, measured: str, sign: str = ""
    ) -> Finding:
        """The verdict, left open where there are too few clips for one."""
        told, short = f"{measured}; n = {interval.n}", short_of(interval, sign)
        if sides is None or interval.n < ENOUGH_CLIPS:
            return Finding("open", f"{told}: an indication", short)
        return Finding(sides.verdict, told, short, sides)

    @property
    def _where(self) -> str:
        return f"clips {self.clips} of set {self.set}"


class AuthorsNoninferior(_OfAudio):
    """A system is not worse than another on the same clips by more than the margin."""

    kind: Literal["authors_noninferior"]
    against: str
    margin: float = Field(gt=0)

    def decide(self, folder: ResultsFolder) -> Finding:
        """Student's t of the paired differences and their exchange test, at the margin, decide."""
        document = folder.authors_audio
        mine, theirs = (self._scores(document, one) for one in (self.system, self.against))
        differences = [mine[clip] - theirs[clip] for clip in mine if clip in theirs]
        if not differences:
            raise MissingResultError(f"{self.system} and {self.against} share no clip")
        found = mean_over_clips(differences)
        higher_is_better = document.metrics[self.metric].higher_is_better
        boundary = -self.margin if higher_is_better else self.margin
        student = sides_at(found, boundary, higher_is_better)
        exchange = sign_flip_p([one - boundary for one in differences], seed=0)
        sides = None if student is None else with_exchange(student, exchange, None)
        return self._finding(found, sides, f"{text_of(found, '+')}, margin {self.margin:.3g}", "+")

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return (
            f"{self.system} as good as {self.against} by {self.metric} on {self._where}, to "
            f"{self.margin:g}"
        )


class AuthorsAtLeast(_OfAudio):
    """A system's mean over clips is at least the bound."""

    kind: Literal["authors_at_least"]
    bound: float

    def decide(self, folder: ResultsFolder) -> Finding:
        """Student's t of the mean at the bound decides."""
        found = mean_over_clips([*self._scores(folder.authors_audio, self.system).values()])
        sides = sides_at(found, self.bound, higher_is_better=True)
        return self._finding(found, sides, text_of(found))

    @property
    def asked(self) -> str:
        """The question, with its bound, in a few words."""
        return f"{self.metric} of {self.system} on {self._where} at least {self.bound:g}"

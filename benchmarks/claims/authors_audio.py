"""Tests of audio that authors have published: one system, or two of a set, paired by clip."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from benchmarks.claims.base import CLAIM_WORDS, Finding, Test, ends, text_of, verdict_of
from benchmarks.results.authors_audio import FEWEST_CLIPS, AuthorsAudio, mean_over_clips
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.verdicts import Interval, verdict
from metrics.statistics import sign_flip_p

ENOUGH_CLIPS = 6  # fewer never reach p = .05 in the test of exchanging pairs
OPEN = verdict_of(holds=False, fails=False)


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

    def _finding(self, interval: Interval, found: Finding) -> Finding:
        """The verdict, left open where there are too few clips for one."""
        n = interval.n
        if n < ENOUGH_CLIPS:
            return Finding(OPEN, f"{found.measured}; n = {n}: an indication")
        return Finding(found.verdict, f"{found.measured}; n = {n}")

    @property
    def _where(self) -> str:
        return f"clips {self.clips} of set {self.set}"


class AuthorsNoninferior(_OfAudio):
    """A system is not worse than another on the same clips by more than the margin."""

    kind: Literal["authors_noninferior"]
    against: str
    margin: float = Field(gt=0)

    def decide(self, folder: ResultsFolder) -> Finding:
        """The interval of the mean paired difference on one side of the margin decides."""
        document = folder.authors_audio
        mine, theirs = (self._scores(document, one) for one in (self.system, self.against))
        differences = [mine[clip] - theirs[clip] for clip in mine if clip in theirs]
        if not differences:
            raise MissingResultError(f"{self.system} and {self.against} share no clip")
        found = mean_over_clips(differences)
        p = sign_flip_p(differences, seed=0)
        higher_is_better = document.metrics[self.metric].higher_is_better
        decided = verdict(found, self.margin, higher_is_better, p)
        measured = f"{text_of(found, '+')}, p = {p:.2g}, margin {self.margin:.3g}"
        return self._finding(found, Finding(CLAIM_WORDS[decided], measured))

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
        """The whole interval on one side of the bound decides."""
        scores = self._scores(folder.authors_audio, self.system)
        found = mean_over_clips([*scores.values()])
        if found.n < FEWEST_CLIPS:
            return self._finding(found, Finding(OPEN, text_of(found)))
        low, high = ends(found)
        decided = verdict_of(low >= self.bound, high < self.bound)
        return self._finding(found, Finding(decided, text_of(found)))

    @property
    def asked(self) -> str:
        """The question, with its bound, in a few words."""
        return f"{self.metric} of {self.system} on {self._where} at least {self.bound:g}"

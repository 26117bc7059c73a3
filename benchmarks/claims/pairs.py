"""Tests of the paired difference of two rows."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from benchmarks.claims.base import (
    NO_ERROR,
    PROTOCOL_1,
    Finding,
    ends,
    short_of,
    sides_at,
    text_of,
    verdict_of,
    with_exchange,
)
from benchmarks.claims.rows import OfMetric
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.schema import Comparison

ROUNDING = 1e-9  # share by which a stored margin may differ from the claimed one


class _Pair(OfMetric):
    against: str

    @property
    def _rows(self) -> tuple[str, ...]:
        return self.row, self.against

    def _compared(self, folder: ResultsFolder) -> tuple[Comparison, bool]:
        """The comparison, which has an interval, and whether larger is better."""
        one = folder.comparison(self.results, self.row, self.against, self.metric)
        ends(one.difference)
        return one, folder.run(self.results).metrics[self.metric].higher_is_better

    def _judged(
        self, folder: ResultsFolder, one: Comparison, loss: float, exchange: float | None
    ) -> Finding:
        """Decide whether the row loses less than ``loss`` against the other.

        Args:
            folder: the results folder.
            one: the comparison.
            loss: the loss that is still allowed, 0 or above.
            exchange: two-sided p value of the exchange test at that loss; None without a test.
        """
        higher = folder.run(self.results).metrics[self.metric].higher_is_better
        boundary = -loss if higher else loss
        margin = f", margin {loss:.3g}" if loss else ""
        measured, short = f"{text_of(one.difference, '+')}{margin}", short_of(one.difference, "+")
        few = self._few(folder)
        if one.difference.is_exact and few is None:
            gain = (one.difference.value or 0.0) * (1 if higher else -1)
            return Finding(verdict_of(gain > -loss, gain <= -loss), measured, short)
        student = sides_at(one.difference, boundary, higher)
        if student is None:
            return Finding("open", f"{measured}; {few or NO_ERROR}", short)
        if exchange is None and not (one.items is not None and loss):
            return Finding("open", f"{measured}; {PROTOCOL_1}: no exchange test", short)
        return self._found(
            folder, measured, with_exchange(student, exchange, one.p_sign_flip), short
        )


class Noninferior(_Pair):
    """The row is not worse than the other by more than the margin.

    The margin is absolute. Where ``relative`` says so it is a share of the other's value; the
    document of the run has its size, which is at least what as many real items resolve.
    """

    kind: Literal["noninferior"]
    margin: float = Field(gt=0)
    relative: bool = False

    def decide(self, folder: ResultsFolder) -> Finding:
        """Student's t and the exchange test, both at the margin, decide."""
        one, _ = self._compared(folder)
        wanted = self.margin
        if self.relative:
            value = folder.row(self.results, self.against).value(self.metric)
            if value is None:
                raise MissingResultError(f"{self.against} has no {self.metric}")
            wanted *= abs(value)
        least, most = wanted * (1 - ROUNDING), wanted * (1 + ROUNDING)
        if one.margin < least or (one.margin > most and not self.relative):
            raise MissingResultError(
                f"{self.results}.json compares by a margin of {one.margin:.3g}, not {wanted:.3g}"
            )
        return self._judged(folder, one, one.margin, one.p_margin)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        margin = f"{self.margin:.0%}" if self.relative else f"{self.margin:g}"
        return f"{self.row} as good as {self.against} by {self.metric}, to {margin}"


class Superior(_Pair):
    """The row is better than the other."""

    kind: Literal["superior"]

    def decide(self, folder: ResultsFolder) -> Finding:
        """Student's t and the exchange test, both at 0, decide."""
        one, _ = self._compared(folder)
        return self._judged(folder, one, 0.0, one.p_sign_flip)

    @property
    def asked(self) -> str:
        """The question, with its margin, in a few words."""
        return f"{self.row} better than {self.against} by {self.metric}"

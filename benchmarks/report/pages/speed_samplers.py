"""The section of whole samplers on the page of speed."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report.page import NOTHING, Block, Heading, Prose, Table, estimate, noted, table
from benchmarks.results.speed import OURS, SpeedCase, Timed, paired_ratio, sampler_case
from benchmarks.results.verdicts import Interval
from metrics.times import Timing

ROUNDS_FOR_INTERVAL = 6  # fewer tell little of how a median varies
ONE, MANY = 1, 16  # items that the table shows
NOTE = """\
Each time is of one call of the sampler, DDPM on N steps out of 1000, from the draw of its noise to
the finished tensor. Weights are random, since time does not depend on them. All lengths of one
network and batch were timed in the same rounds, each round in an order of its own. A speed-up is
the longest sampler's time over the row's, paired by round: a geometric mean without the lowest and
the highest fifth of the rounds, with a 95 % interval of Student's t. Beside it stands the ratio of
their steps. The real-time factor is time over the duration of the sound, without the encoder, which
runs once for each utterance and is timed alone.
"""


def samplers_section(cases: Sequence[SpeedCase]) -> list[Block]:
    """The section's blocks: for each network a table and the conditions it was timed under."""
    cases = [case for case in cases if case.subject is not None]
    subjects = [_subject(case) for case in cases]
    parts: list[Block] = [noted(NOTE)]
    for network in dict.fromkeys(one.network for one in subjects):
        steps = sorted({s.steps for s in subjects if s.network == network and s.steps is not None})
        parts.append(Heading(network, 3))
        if steps:
            parts.append(_table(cases, network, steps))
        parts.append(Prose(_below(cases, network)))
    return parts


def _table(cases: Sequence[SpeedCase], network: str, steps: list[int]) -> Table:
    found = {
        (items, n): sampler_case(cases, network, items, n) for items in (ONE, MANY) for n in steps
    }
    timed = [n for n in steps if found[ONE, n] is not None]
    longest = found[ONE, timed[-1]] if timed else None
    measured = [case for case in found.values() if case is not None]
    speech = any(_subject(case).seconds_of_audio is not None for case in measured)
    over = f"over {timed[-1]} steps" if timed else "over the longest"
    heads = ["Steps", "1 item", *(["real-time factor"] if speech else []), f"Speed-up {over}"]
    heads += ["Ratio of steps", f"{MANY} items", "items/s"]
    lines = []
    for n in steps:
        one, many = found[ONE, n], found[MANY, n]
        line = [str(n), _time(one), *([_real_time(one)] if speech else [])]
        if one is None or longest is None:
            line += [NOTHING, NOTHING]
        else:
            line += [f"{_shown(paired_ratio(longest, one))} ×", f"{timed[-1] / n:.1f}"]
        lines.append([*line, _time(many), _items_per_second(many)])
    return table(heads, lines)


def _shown(ratio: Interval) -> str:
    few = ratio.n < ROUNDS_FOR_INTERVAL
    return estimate(ratio.model_copy(update={"low": None, "high": None}) if few else ratio, 1)


def _below(cases: Sequence[SpeedCase], network: str) -> str:
    """Encoder, precision and notes of a network's samplers, in a few sentences."""
    own = [case for case in cases if _subject(case).network == network]
    encoders = [case for case in own if _subject(case).what == "encoder"]
    samplers = [case for case in own if _subject(case).what == "sampler"]
    sentences = [
        f"Its encoder takes {_time(case)} for {_items(_subject(case).items)}"
        f" of {_subject(case).seconds_of_audio or 0:.3f} s."
        for case in encoders
    ]
    for items in sorted({_subject(case).items for case in samplers}):
        batch = [case for case in samplers if _subject(case).items == items]
        one, sound = batch[0], _subject(batch[0]).seconds_of_audio
        told = [f"Samplers of {_items(items)}: {_subject(one).precision}"]
        told.append(f"{len(one.seconds[OURS])} rounds")
        told += [] if sound is None else [f"clips of {sound:.3f} s"]
        told += [f"{key} {value}" for key, value in one.notes.items()]
        sentences.append(f"{', '.join(told)}.")
    return " ".join(sentences)


def _items(count: int) -> str:
    return f"{count} item" if count == 1 else f"{count} items"


def _subject(case: SpeedCase) -> Timed:
    assert case.subject is not None  # its callers have chosen cases that have one
    return case.subject


def median_text(timing: Timing) -> str:
    """A median as the page prints it, with what limits its worth."""
    median = timing.median
    text = f"{median:.2f} s" if median >= 1 else f"{1000 * median:.3g} ms"
    if len(timing.seconds) == 1:
        return f"{text}, one round"
    return text if timing.is_stable else f"{text}, *unstable*"


def _time(case: SpeedCase | None) -> str:
    return NOTHING if case is None else median_text(Timing(tuple(case.seconds[OURS])))


def _real_time(case: SpeedCase | None) -> str:
    if case is None or (sound := _subject(case).seconds_of_audio) is None:
        return NOTHING
    seconds = Timing(tuple(case.seconds[OURS])).median
    return f"{seconds / (_subject(case).items * sound):.3g}"


def _items_per_second(case: SpeedCase | None) -> str:
    if case is None:
        return NOTHING
    return f"{_subject(case).items / Timing(tuple(case.seconds[OURS])).median:.3g}"

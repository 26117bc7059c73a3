"""Samples of speech to listen to: one player for each test clip."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report.html.clip_scores import ClipScores
from benchmarks.report.html.players import Player, players_of
from benchmarks.report.html.section import Media, Part, Section
from benchmarks.report.html.sections.smoke import smoke_note
from benchmarks.report.html.templates import rendered
from benchmarks.report.inline import code, plain
from benchmarks.report.page import Bullets, Prose
from benchmarks.results.examples import examples_of
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.schema import RunResults
from benchmarks.results.spectrograms import HIGHEST, LOUDEST, QUIETEST, height_of

ROOM = 5_000_000  # bytes of the page for audio and spectrograms
FREQUENCIES = {"0 Hz": 0, "500 Hz": 500, "1 kHz": 1000, "2 kHz": 2000, "4 kHz": 4000, "8 kHz": 8000}
LEAD = (
    "Each player has one test clip: the recording, and what the samplers made of its mel "
    "spectrogram. A clip's samples of one convention begin with the same noise. The scores are of "
    "the clip that plays."
)
KEYS = (
    "**Buttons** switch the sampler. The clip plays on from the same position.",
    "**Space** plays and pauses. **Arrow keys** go from button to button.",
    "**0** chooses the recording, **1** to **9** the buttons after it, **c** another convention.",
    "**A click on a spectrogram** goes to that place. Keys work while the focus is in a player.",
)
WITHOUT_PICTURES = "This run was published without spectrograms. A new run draws them."


def speech_section(results: ResultsFolder) -> Section | None:
    """Players of the test clips; None where no run of speech kept audio."""
    try:
        document, run = results.run_to_show("speech")
    except MissingResultError:
        return None
    examples = examples_of(document, run)
    players = list(players_of(run, examples, ClipScores(document, run)))
    if not players:
        return None
    shown, left_out = within(players, ROOM)
    parts: list[Part] = [*smoke_note(run), Prose(LEAD), Prose(_contents(run, shown, left_out))]
    parts.append(Bullets(KEYS))
    if examples.spectrograms:
        levels = rendered("levels.html.j2", quietest=QUIETEST, loudest=LOUDEST, highest=HIGHEST)
        parts.append(Media(levels))
    else:
        parts.append(Prose(WITHOUT_PICTURES))
    heights = [(name, round(100 * height_of(hz), 1)) for name, hz in FREQUENCIES.items()]
    parts += [  # a page that would be too large leaves out the last players first
        Media(rendered("player.html.j2", player=one, frequencies=heights), plain(one.title), number)
        for number, one in enumerate(shown)
    ]
    return Section(
        "listen", "Listen to speech", tuple(parts), (f"python -m benchmarks run {_name(run)}",)
    )


def within(players: Sequence[Player], room: int) -> tuple[list[Player], list[Player]]:
    """Divide players into those that fit on the page, and those that are left out.

    Args:
        players: the most important ones first.
        room: bytes for all of them.
    """
    shown, left_out = list[Player](), list[Player]()
    for player in players:
        fits = sum(one.size for one in shown) + player.size <= room
        (shown if fits else left_out).append(player)
    return shown, left_out


def _contents(run: RunResults, shown: Sequence[Player], left_out: Sequence[Player]) -> str:
    """Say what is here, and what is not."""
    clips = sum(one.name.startswith("clip") for one in shown)
    conventions = list(dict.fromkeys(name for one in shown for name in one.conventions))
    missing = [one for one in run.convention_names() if one not in conventions]
    told = (
        f"Here are {clips} of the {len(run.data.test_items)} clips that were scored, in "
        f"{' and '.join(map(code, conventions))}."
    )
    if missing:
        told += f" The run kept no audio of {' and '.join(map(code, missing))}."
    if left_out:
        names = ", ".join(code(one.title) for one in left_out)
        told += f" Left out, since the page has room for {ROOM / 1e6:.0f} MB of audio: {names}."
    return told


def _name(run: RunResults) -> str:
    return run.experiment_name or "cpu-full"

"""The tables of a results document."""

from __future__ import annotations

from pathlib import Path

from benchmarks.report.pages.track import to_markdown
from benchmarks.results.origins import MadeOtherwise, TimesFrom, Training
from benchmarks.results.store import read_results

ABLATION = Path(__file__).resolve().parents[3] / "results" / "ablation"


def test_without_its_reference_nothing_has_a_speed_up() -> None:
    """A speed-up of 1 is the reference's own, and no other's."""
    results = read_results(ABLATION / "images.json")
    assert f"| {results.reference.rsplit('-', 1)[1]} |" in to_markdown(results)
    rows = [
        row.model_copy(update={"time": row.time and row.time.model_copy(update={"speedup": None})})
        for row in results.rows
    ]
    lines = to_markdown(results.model_copy(update={"rows": rows})).splitlines()
    timed = [line.split(" | ")[-2] for line in lines if line.startswith("| ") and " ms" in line]
    assert len(timed) == len([row for row in rows if row.time])
    assert sorted({*timed}) == ["1", "—"]
    assert timed.count("1") == 1


def changed(**fields: object) -> str:
    return to_markdown(read_results(ABLATION / "images.json").model_copy(update=fields))


def test_a_training_by_the_clock_is_told_with_its_rate() -> None:
    training = Training(
        device="NVIDIA H100",
        parameters=6_900_000,
        steps=4_000,
        seconds=300.0,
        seconds_limit=300.0,
        operations_per_update=1.5e13,
        device_rate=8e14,
    )
    assert (
        "- `score_net` (6900000 parameters): 4000 updates in 300 s, limited to 300 s, on NVIDIA "
        "H100; 13.33 updates a second, 25% of the rate of a large matrix product there (800 "
        "TFLOP/s)"
    ) in changed(training={"score_net": training})
    short = Training(device="cpu", parameters=7, steps=2, seconds=None)
    assert "- `score_net` (7 parameters): 2 updates in unknown time, on cpu\n" in changed(
        training={"score_net": short}
    )


def test_what_another_machine_made_is_told() -> None:
    other = MadeOtherwise(
        stage="sample",
        folders=2,
        seconds=41.6,
        commit="0123456789abcdef",
        tree="clean",
        device="NVIDIA H100",
        processor="a processor",
        torch="2.11.0",
        bf16=True,
    )
    assert (
        "- sample: 2 of its parts made on NVIDIA H100 (a processor), commit `0123456789ab` (tree "
        "clean), torch 2.11.0, bfloat16, in 42 s\n"
    ) in changed(made_otherwise=[other])


def test_the_page_says_where_times_are_from() -> None:
    source = TimesFrom(
        file="speed-cuda.json",
        sha256="0" * 64,
        device="a GPU",
        network="DiffWave",
        seconds_of_audio=None,
    )
    assert "calls on a GPU (DiffWave; from `speed-cuda.json`)." in changed(times_from=source)
    heard = source.model_copy(update={"seconds_of_audio": 1.008})
    assert "a GPU (DiffWave, images of 1.01 s; from" in changed(times_from=heard)
    rows = read_results(ABLATION / "images.json").rows
    untimed = [row.model_copy(update={"time": None}) for row in rows]
    page = changed(rows=untimed)
    assert "Not timed in this run." in page
    assert "Latency: " not in page

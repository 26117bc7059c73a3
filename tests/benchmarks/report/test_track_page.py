"""The page of a run, track by track."""

from __future__ import annotations

import pytest

from benchmarks.report.markdown import table_text, to_markdown
from benchmarks.report.pages.track import summary, track_page
from benchmarks.results.origins import MadeOtherwise, TimesFrom, Training
from benchmarks.results.schema import CallTime, RowResult, RunResults
from synthetic.runs import CLIPS, analytic, around, images, speech, timed


def page_of(results: RunResults, **fields: object) -> str:
    return to_markdown(track_page(results.model_copy(update=fields)))


def summaries(results: RunResults) -> list[str]:
    return [table_text(one) for one in summary(results)]


def test_the_summary_has_samplers_by_steps() -> None:
    pesq, stoi = summaries(speech())
    assert pesq.startswith("| PESQ-WB (LQO) ↑ at steps | Sampler | 3 | 7 | 16 | 1000 |\n")
    assert (
        "| `raw` | BDDM | 2.50 [2.40, 2.60] | 2.90 [2.80, 3.00] | 3.10 [3.00, 3.20] | — |" in pesq
    )
    assert "| `scaled` | BDDM | 0.946 [0.944, 0.948] |" in stoi


def test_a_row_with_a_clip_that_has_no_score_stays_in_the_summary() -> None:
    def fewer(row: RowResult) -> RowResult:
        metrics = {k: v.model_copy(update={"n": len(CLIPS) - 1}) for k, v in row.metrics.items()}
        return row.model_copy(update={"metrics": metrics} if row.key == "raw/bddm-7" else {})

    results = speech()
    rows = [fewer(row) for row in results.rows]
    assert rows != results.rows
    assert summary(results.model_copy(update={"rows": rows})) == summary(results)


def test_sets_of_fewer_items_are_not_in_the_line_of_larger_ones() -> None:
    results = images(experiment={"headline": ["fd", "fd_common"]})
    at_own_number, at_common = summaries(results)
    assert "| 1000 |" not in at_own_number  # 100 images there, 500 elsewhere
    assert "| 1000 |" in at_common


@pytest.mark.parametrize(
    ("results", "lines"),
    [
        (
            speech(),
            [
                "# Results: speech track",
                "4 test clips of 2.56 s from `festvox-ru`; means with 95 % intervals over rec",
                "## Amplitude convention `scaled` (recordings × 8)",
                "| BDDM | 3 | 6 | 24 / 24 | 2.30 [2.20, 2.40] | 0.946 [0.944, 0.948] |",
                "| BDDM | 3 | 3 | — | 3 ms | 333.3 [316.7, 350.0] | 333.3 |",
                "| bddm-3 | ddpm-3 | 6 | **better** +0.200 [+0.150, +0.250], p = 0.001 |",
                "margin fixed beforehand (PESQ-WB (LQO) 0.1, STOI 0.01)",
                "What the schedules of `constants` cost: search 6000 network evaluations, 60 s.",
            ],
        ),
        (
            images(),
            [
                "Images like those of `the data`, compared with 10000 images of its test split",
                "## Convention `plain` (clean estimates clipped to [−1, 1])",
                "| DDPM, linear sub-sequence | 1000 | 1 | 100 / 100 | 1.00 [0.00, 2.00] |",
                "| *Floor: data* | — | — | 500 / 500 | 0.50 [0.25, 0.75] | — |",
                "| bddm-3 | ddim-3 | 500 | **worse** +6.000 [+5.000, +7.000], p = 0.001 |",
                "(10% of the distance it is held against)",
                "What the schedules cost: schedule network of 700 parameters, trained 2000 steps "
                "in 90 s; search 5000 network evaluations, 50 s.",
            ],
        ),
        (
            analytic(),
            [
                "the score network is the exact score. KL is exact:",
                "compare samples with 300 draws from the data",
                "## Data `gaussian-16` (exact score)",
                "| BDDM | 3 | 1 | 200 / 200 | 0.07000 | 0.0700 [0.0600, 0.0800] |",
                "| BDDM | 3 | 3 | 3 ms |",
                "| *Floor: data* | — | — | 200 / 200 | — | 0.0010 [0.0000, 0.0020] |",
                "| bddm-7 | ddim-7 | 200 | **as good** +0.000000 |",
                "Differences of KL (exact; margin 0.01 nats) where both outputs are Gaussian,",
            ],
        ),
    ],
    ids=["speech", "images", "analytic"],
)
def test_each_track_has_its_words_and_figures(results: RunResults, lines: list[str]) -> None:
    page = page_of(results)
    for line in lines:
        assert line in page
    assert (
        "- experiment `eeeeeeeeeeee`, noise seeds from 2021, commit `abcdef000000` (tree clean), "
        "2026-01-02T03:04:05+00:00\n"
    ) in page


def test_a_smoke_run_and_a_busy_machine_are_told() -> None:
    page = page_of(images())
    assert "A smoke run" not in page
    assert "busy" not in page
    assert "**A smoke run: budgets are tiny" in page_of(images(), meaningless=True)
    assert "**The machine was busy while it was timed" in page_of(images(), machine_busy=True)
    assert "One network evaluation: 1 ms." in page_of(images(), network=timed(1))


def test_a_skipped_row_has_its_reason_and_no_figures() -> None:
    results = images()
    empty = {"skipped": "no schedule found", "metrics": {}, "time": None}
    skipped = [row.model_copy(update=empty) for row in results.rows[:2]]
    page = page_of(results, rows=[*skipped, *results.rows[2:]])
    assert "| BDDM | 3 | 0 | none | — | — |\n" in page
    assert "Rows without samples:\n\n- `bddm-3`, `bddm-7`: no schedule found\n" in page
    assert "| BDDM | 3 | 3 |" not in page  # it has no line of times
    assert "Rows without samples" not in page_of(results)


def test_an_unstable_time_has_its_spread() -> None:
    results = images()
    rows = [row.model_copy(update={"time": timed(row.nfe, stable=False)}) for row in results.rows]
    assert "| unstable: 7 ms (6.86–7.14) |" in page_of(results, rows=rows)


def test_without_its_reference_nothing_has_a_speed_up() -> None:
    """A speed-up of 1 is the reference's own, and no other's."""
    results = images()
    rows = [
        row.model_copy(update={"time": row.time and row.time.model_copy(update={"speedup": None})})
        for row in results.rows
    ]
    lines = page_of(results, rows=rows).splitlines()
    timed_rows = [line.split(" | ")[-2] for line in lines if " ms | " in line or " s | " in line]
    assert len(timed_rows) == len(rows)
    assert sorted({*timed_rows}) == ["1", "—"]
    assert timed_rows.count("1") == 1


def test_encoder_and_power_have_columns_where_they_are_known() -> None:
    results = images()
    encoder = CallTime(median_s=0.002, q1_s=0.002, q3_s=0.002, rounds=25, stable=True, rtf=None)
    changes = {"speedup_with_encoder": around(40.0, 2.0, 25), "power": 0.943}
    rows = [
        row.model_copy(update={"time": row.time and row.time.model_copy(update=changes)})
        for row in results.rows
    ]
    page = page_of(results, rows=rows, encoder=encoder)
    assert "| Latency | Speed-up (time) | with encoder | Step ratio | Power |" in page
    assert "| 40.0 [38.0, 42.0] | 142.9 | 0.94 |" in page
    assert "One encoding of the condition: 2 ms." in page
    assert "*Power*: the probability" in page
    earlier = page_of(results)
    assert "| Latency | Speed-up (time) | Step ratio |" in earlier
    assert "Power" not in earlier
    assert "encod" not in earlier


def test_few_noise_seeds_make_verdicts_indications() -> None:
    note = "Verdicts with fewer than 6 noise seeds are indications only."
    assert note not in page_of(speech())
    few = [one.model_copy(update={"seeds": 3}) for one in speech().comparisons]
    assert note in page_of(speech(), comparisons=few)


def test_predicted_mos_stands_beside_that_of_recordings() -> None:
    results = speech(floors={"4": {"stoi": around(1.0, 0.0, 3)}})
    page = page_of(results)
    assert "| *Recordings* | — | — | 3 / 4 | — | 1.000 |\n" in page
    assert "nobody listened" in page
    assert "nobody listened" not in page_of(speech())


def test_classes_are_shares_of_the_images() -> None:
    results = images()
    judge = results.judge
    assert judge is not None
    known = judge.model_copy(update={"test_accuracy": 0.9269, "test_classes": [5, 15]})
    rows = [results.rows[0].model_copy(update={"classes": [125, 375]}), *results.rows[1:]]
    page = page_of(results, rows=rows, judge=known)
    assert "| Share of images in class, % | 0 | 1 |" in page
    assert page.count("| 25.0 | 75.0 |") == 2  # of the row and of the test images
    assert "| BDDM, 3 steps | 25.0 | 75.0 |" in page
    assert "names 92.7% of the test images rightly" in page
    assert "Share of images" not in page_of(results)


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
    ) in page_of(images(), training={"score_net": training})
    short = Training(device="cpu", parameters=7, steps=2, seconds=None)
    assert "- `score_net` (7 parameters): 2 updates in unknown time, on cpu\n" in page_of(
        images(), training={"score_net": short}
    )


def test_the_work_of_another_machine_is_told() -> None:
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
    ) in page_of(images(), made_otherwise=[other])


def test_the_page_says_where_times_are_from() -> None:
    source = TimesFrom(
        file="speed-cuda.json",
        sha256="0" * 64,
        device="a GPU",
        network="DiffWave",
        seconds_of_audio=None,
    )
    page = page_of(images(), times_from=source)
    assert "calls on a GPU (DiffWave; from `speed-cuda.json`)." in page
    heard = source.model_copy(update={"seconds_of_audio": 1.008})
    assert "a GPU (DiffWave, images of 1.01 s; from" in page_of(images(), times_from=heard)
    untimed = [row.model_copy(update={"time": None}) for row in images().rows]
    page = page_of(images(), rows=untimed)
    assert "Not timed in this run." in page
    assert "Latency: " not in page

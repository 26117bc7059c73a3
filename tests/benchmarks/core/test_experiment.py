"""Experiment files: the shipped ones load, mistakes get one clear sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.contestants import CONTESTANTS
from benchmarks.contestants.plugins import refuse_unknown_contestants
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import PER_LENGTH, Experiment
from benchmarks.core.identity import as_dict
from benchmarks.core.loading import load, names
from benchmarks.core.rows import rows_of


@pytest.mark.parametrize("name", names())
def test_shipped_experiments_load(name: str) -> None:
    experiment = load(name)
    rows = rows_of(experiment)
    expected = {"speech": {"scaled", "raw"}, "images": {"plain"}}
    expected["analytic"] = {convention.name for convention in experiment.conventions}
    if name in ("contestants-speech", "gpu-speech", "papers-speech-galr"):  # as the papers run it
        expected["speech"] = {"raw"}
    if name != "images-cifar10":  # clips, as DDPM's code does
        assert {row.convention.name for row in rows} == expected[experiment.track]
    assert any(row.name == experiment.reference for row in rows)


def test_cpu_full_differs_from_cpu_in_care_alone() -> None:
    cpu, full = (as_dict(load(name)) for name in ("cpu", "cpu-full"))
    differing = {key for key in cpu if cpu[key] != full[key]}
    assert differing == {
        "clips_per_recording",
        "conventions",
        "publish",
        "repeats",
        "rows",
        "search",
        "test_items",
        "timing",
    }
    differing = {key for key, value in cpu["search"].items() if value != full["search"][key]}
    assert differing == {"searches", "tuned_bins"}
    assert cpu["conventions"][0]["name"] == "raw"  # the papers' amplitude comes first
    assert cpu["conventions"][0] == full["conventions"][0]
    assert cpu["conventions"][1] | {"repeats": 1} == full["conventions"][1]


@pytest.mark.parametrize(("name", "least"), [("cpu-full", 5), ("images-cpu-full", 5)])
def test_published_schedules_have_several_trainings_and_searches(name: str, least: int) -> None:
    """Each noise seed of a searched row samples the schedule of a repeat of its own."""
    experiment = load(name)
    assert experiment.repeats >= least
    searched = [row for row in rows_of(experiment) if row.contestant in ("bddm", "bddm-literal")]
    assert searched
    assert all(row.seeds == experiment.repeats for row in searched)


ABLATED = {
    "bddm-literal",
    "bddm-online",
    "bddm-own",
    "bddm-released",
    "bddm-released-search",
}
"""Of BDDM itself; ``cpu-ablation`` and ``images-cpu-ablation`` compare them."""
REPEATED = {
    "closed-form-noise",
    "closed-form-released",
    "constants-noise",
    "bddm-frugal",
}
"""Other starts, another loss, and BDDM by a cheaper search."""
SAME = {"ddim-released"}
"""Contestants with schedule and kernel of another one: of ``fastdpm-step-ddim``."""


@pytest.mark.parametrize("track", ["analytic", "images", "speech"])
def test_every_contestant_is_held_against_bddm(track: str) -> None:
    experiments = [load(f"contestants-{track}")]
    if track == "images":  # in two parts, so that each takes two hours rather than five
        experiments.append(load("contestants-images-long"))
        few, long = (as_dict(experiment) for experiment in experiments)
        differing = {key for key in few if few[key] != long[key]}
        assert differing == {"search", "rows", "reference", "publish"}
    rows = [row for experiment in experiments for row in rows_of(experiment)]
    known = {*CONTESTANTS} - ABLATED - REPEATED - SAME
    assert {row.contestant for row in rows} == known
    # Also those that cannot be, so that the page says why.
    asked = {(row.contestant, row.steps) for row in rows if row.steps <= 50}
    assert len(asked) == 8 * len(known)
    steps = {row.steps for row in rows if row.contestant == "bddm"}
    lengths = {length for experiment in experiments for length in experiment.search.lengths}
    assert steps == lengths == {3, 4, 6, 7, 12, 16, 25, 50}
    assert len({row.items for row in rows}) == 1
    if track == "speech":  # or else one seed has many items
        kinds = {row.contestant for row in rows if row.seeds == 3}
        assert kinds >= {"bddm", "ddpm", "ddim", "fast-sampling", "noise-estimation", "unipc"}
        assert {row.seeds for row in rows} == {1, 3}


def test_the_published_images_are_many() -> None:
    cpu, full = (as_dict(load(name)) for name in ("images-cpu", "images-cpu-full"))
    differing = {key for key in cpu if cpu[key] != full[key]}
    assert differing == {
        "headline",
        "publish",
        "repeats",
        "rows",
        "schedule_net",  # one shipped network, for any length
        "search",
        "test_items",
        "timing",
    }
    rows = rows_of(load("images-cpu-full"))
    assert all(row.items * row.seeds >= 3000 for row in rows)
    contestants = {row.contestant for row in rows if row.steps == 100}
    assert contestants >= {"bddm", "bddm-literal", "bddm-noise", "ddpm", "ddim", "ddim-quad"}


@pytest.mark.parametrize(
    ("name", "network", "lengths"),
    [("papers-speech-galr", "galr", (3, 7, 12, 16)), ("papers-images-vgg11", "vgg11", (3, 7, 16))],
)
def test_the_papers_networks_have_the_released_recipe(
    name: str, network: str, lengths: tuple[int, ...]
) -> None:
    experiment = load(name)
    config, training = experiment.schedule_net, experiment.schedule_net.training
    assert (config.network, config.loss, config.reduction) == (network, "released", "sum")
    assert (config.tau, config.batch_size) == (PER_LENGTH, 1)
    assert (training.steps, training.learning_rate, training.constant) == (10_000, 1e-5, True)
    assert (training.adam_betas, training.amsgrad) == ((0.9, 0.999), True)
    assert (training.clip, training.ema_decay, training.weight_decay) == (5.0, 0.999, 1e-5)
    assert (training.warmup, config.weights) == (0, {})
    assert (experiment.search.bins, experiment.search.lengths) == (9, lengths)
    assert experiment.publish == "results/papers"


def write(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trck: speech", r"unknown field 'trck' \(did you mean 'track'\?\)"),
        ("score_net: {netwrk: diffwave}", r"score_net: unknown field 'netwrk'.*'network'"),
        ("search: {bins: many}", r"search\.bins"),
        ("rows: [{contestant: ddpm, stps: [3]}]", r"rows: unknown field 'stps'"),
        ("- a list", "must hold a mapping"),
        ("a: [", "mine.yaml is no YAML: "),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        load(write(tmp_path, text))


def test_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ExperimentError, match=r"did you mean 'smoke'\?"):
        load("smok")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("[{contestant: ddpm, steps: [3, 3]}]", "occurs twice"),
        ("[{contestant: ddpm, steps: [3]}]", "reference: 'ddpm-1000' is none of ddpm-3"),
    ],
)
def test_mistakes_in_rows(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        rows_of(load(write(tmp_path, f"rows: {rows}")))


def test_unknown_contestants_are_refused(tmp_path: Path) -> None:
    experiment = load(write(tmp_path, "rows: [{contestant: dpm, steps: [3]}]"))
    with pytest.raises(ExperimentError, match="'dpm' is none of"):
        refuse_unknown_contestants(experiment)


def test_defaults_are_plain_values() -> None:
    assert as_dict(Experiment())["training_schedule"] == {"T": 1000, "start": 1e-6, "end": 0.01}


@pytest.mark.parametrize("track", ["analytic", "images", "speech"])
def test_searches_are_compared_with_nothing_else_changed(track: str) -> None:
    experiment = load(f"search-{track}")
    assert experiment.search.searches == ("tuned", "frugal")
    rows = rows_of(experiment)
    steps = {(row.contestant, row.steps) for row in rows if row.contestant != "ddpm"}
    lengths = experiment.search.lengths
    assert steps == {(name, n) for name in ("bddm", "bddm-frugal") for n in lengths}

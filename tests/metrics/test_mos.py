"""Predicted MOS: windows and scales, the packages' own values, failures, missing packages."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile
import torch

from benchmarks.studies.speed.subjects import published_audio
from metrics import mos
from metrics.items import ItemMetric, checked_clip, score_item
from metrics.mos import MOS_METRICS, MOS_PREDICTORS
from metrics.scoring import score_items
from metrics.speech import SPEECH_METRICS

RATE = 16_000
NEEDED = {"distillmos": ["distillmos"], "dnsmos": ["speechmos", "onnxruntime"]}


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    """Make harmonics of a gliding pitch through two formants, 3 syllables a second: ``(L,)``."""
    t = np.arange(int(seconds * RATE)) / RATE
    pitch = 130 + 25 * np.sin(2 * np.pi * 0.7 * t + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    formants = [(600, 0.2), (1_500, 0.15)]
    clip = sum(
        np.sin(k * phase) * sum(np.exp(-((k * 130 / f - 1) ** 2) / w) for f, w in formants)
        for k in range(1, 40)
    )
    clip = clip * np.clip(np.sin(2 * np.pi * 3 * t), 0, None)
    return 0.3 * clip / np.abs(clip).max()


CLEAN = voice(2.56)


def noisy(level: float) -> np.ndarray:
    return CLEAN + level * np.random.default_rng(1).normal(size=CLEAN.size)


def names(predictor: str) -> list[str]:
    """List the metrics' keys of a predictor whose packages are installed."""
    for package in NEEDED[predictor]:
        pytest.importorskip(package)
    return [metric.name for metric in MOS_PREDICTORS[predictor].metrics]


class Session:
    """A stand-in for DNSMOS that keeps its inputs and returns ``output`` for each scale."""

    def __init__(self, output: float) -> None:
        self.output = output
        self.seen: list[np.ndarray] = []

    def run(self, outputs: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        self.seen.append(inputs["input_1"])
        return [np.full((1, 3), self.output, np.float32)]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    made = Session(5.0)
    monkeypatch.setattr(mos, "_dnsmos", lambda: made)
    mos._dnsmos_of_bytes.cache_clear()
    yield made
    mos._dnsmos_of_bytes.cache_clear()


@pytest.fixture
def unloaded() -> None:
    """Has models loaded anew."""
    for load in (mos._distillmos, mos._dnsmos):
        load.cache_clear()


# Exact


@pytest.mark.parametrize(
    ("seconds", "windows"),
    # 2.56 s are doubled to 10.24 s, 8 s to 16 s; the others are long enough.
    [(2.56, 1), (8, 7), (9.01, 1), (10, 1), (10.99, 1), (11, 2), (30, 21)],
)
def test_windows_of_dnsmos(session: Session, seconds: float, windows: int) -> None:
    clip = np.random.default_rng(0).uniform(-0.5, 0.5, round(seconds * RATE))
    mos.dnsmos(clip)
    repeated = np.tile(clip, 4).astype(np.float32)
    expected = [repeated[i * RATE : i * RATE + 144_160][None] for i in range(windows)]
    assert all(np.array_equal(*pair) for pair in zip(session.seen, expected, strict=True))


def test_scales_of_dnsmos(session: Session) -> None:
    # The curves in the authors' code, highest power first.
    curves = {
        "sig": [-0.08397278, 1.22083953, 0.0052439],
        "bak": [-0.13166888, 1.60915514, -0.39604546],
        "ovrl": [-0.06766283, 1.11546468, 0.04602535],
    }
    expected = {scale: np.polyval(curve, 5.0) for scale, curve in curves.items()}
    assert mos.dnsmos(CLEAN) == pytest.approx(expected, rel=1e-12)
    assert {scale: round(value, 2) for scale, value in expected.items()} == {
        "sig": 4.01,
        "bak": 4.36,
        "ovrl": 3.93,
    }


def test_one_clip_is_rated_once_for_the_three_scales(session: Session) -> None:
    found = score_items([name for name in MOS_METRICS if "dns" in name], [CLEAN], [CLEAN], RATE)
    assert len(found[0]) == 3
    assert len(session.seen) == 1


def test_dnsmos_hears_no_more_than_full_scale(session: Session) -> None:
    mos.dnsmos(10 * CLEAN)
    assert np.abs(session.seen[0]).max() == 1.0


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [2.56, 11.0])  # one window, and two
def test_dnsmos_is_the_packages(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    names("dnsmos")
    pytest.importorskip("librosa")
    pytest.importorskip("requests")
    package = pytest.importorskip("speechmos.dnsmos")
    clip = voice(seconds)

    def silence(_: object, audio: np.ndarray) -> np.ndarray:
        return np.zeros((len(audio) // 160, 120), np.float32)

    # The fourth scale, P.808, is not compared. Its mel spectrogram makes librosa compile for long.
    monkeypatch.setattr(package.DNSMOS, "audio_melspec", silence)
    theirs = package.run(clip, RATE)
    # 1e-4: another number of threads adds in another order, in float32.
    for scale, value in mos.dnsmos(clip).items():
        assert value == pytest.approx(theirs[f"{scale}_mos"], abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [2.56, 8.0])  # one window, and two
def test_distillmos_is_the_packages(seconds: float) -> None:
    names("distillmos")
    package = pytest.importorskip("distillmos")
    clip = voice(seconds)
    model = package.ConvTransformerSQAModel().eval()
    with torch.inference_mode():
        theirs = model(torch.tensor(clip, dtype=torch.float32)[None]).item()
    assert mos.distillmos(clip) == pytest.approx(theirs, abs=1e-4)  # threads, as above


# Property


# A sum of sines gets the lowest marks with or without noise: the test needs a recording.
# DistillMOS would append zeros to 2.56 s; DNSMOS repeats the clip. SIG of DNSMOS may ignore the
# background.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("predictor", "repeats", "scales"), [("distillmos", 3, slice(1)), ("dnsmos", 1, slice(0, 3, 2))]
)
def test_more_noise_is_worse(predictor: str, repeats: int, scales: slice) -> None:
    *_, path = published_audio().recordings.values()
    recording, _ = soundfile.read(path)
    noise = np.random.default_rng(1).normal(size=recording.size) * recording.std()
    ladder = [np.tile(recording + gain * noise, repeats) for gain in (0.0, 0.1, 1.0)]
    scored = score_items(names(predictor)[scales], ladder, ladder, RATE)
    for name in scored[0]:
        values = [item[name].value for item in scored]
        assert values == sorted(values, reverse=True), name
        assert values[0] - values[-1] > 1.0
        assert all(MOS_METRICS[name].lowest <= v <= MOS_METRICS[name].highest for v in values)


@pytest.mark.slow
@pytest.mark.parametrize("predictor", MOS_PREDICTORS)
def test_scores_depend_on_the_clip_alone(predictor: str) -> None:
    metrics, clips = names(predictor), [CLEAN, noisy(0.01), CLEAN]
    before = [clip.copy() for clip in clips]
    together = score_items(metrics, clips, clips, RATE)
    alone = [score_items(metrics, [clip], [noisy(0.1)], RATE)[0] for clip in clips[:2]]
    assert together == [*alone, alone[0]]
    assert alone[0] != alone[1]
    assert all(np.array_equal(*pair) for pair in zip(clips, before, strict=True))


@pytest.mark.slow
def test_distillmos_is_blind_to_a_gain() -> None:
    names("distillmos")
    # The model divides by the peak plus 1e-8: 1e-6 of this peak.
    assert mos.distillmos(0.03 * CLEAN) == pytest.approx(mos.distillmos(CLEAN), abs=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("unloaded")
def test_loading_leaves_the_global_generator_and_says_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names("distillmos")
    state = torch.get_rng_state()
    mos.load_predictors(["distillmos"])
    assert torch.equal(torch.get_rng_state(), state)
    assert capsys.readouterr().out == ""


# Contract


@pytest.mark.parametrize("name", MOS_METRICS)
def test_registry_entries_say_that_they_are_predicted(name: str) -> None:
    metric = MOS_METRICS[name]
    assert metric.name == name
    assert name.endswith("_predicted")
    assert metric.title.endswith("(predicted)")
    assert metric.unit == "predicted MOS"
    assert metric.higher_is_better is True
    assert not MOS_METRICS.keys() & SPEECH_METRICS.keys()


@pytest.mark.parametrize("name", MOS_METRICS)
@pytest.mark.parametrize(
    ("clip", "reason"),
    [
        (np.zeros(RATE), "The scored clip is silent."),
        (CLEAN[:3_999], "The clip is too short for this metric."),
        (np.append(CLEAN, math.nan), "A sample is NaN or infinite."),
    ],
)
def test_what_cannot_be_scored(name: str, clip: np.ndarray, reason: str) -> None:
    score = score_item(MOS_METRICS[name], clip, clip, RATE)
    assert math.isnan(score.value)
    assert score.reason == reason


@pytest.mark.slow
@pytest.mark.parametrize("predictor", MOS_PREDICTORS)
def test_a_quarter_of_a_second_and_a_silent_reference_will_do(predictor: str) -> None:
    clip = CLEAN[1_000:5_000]
    scores = score_items(names(predictor), [clip], [np.zeros(4_000)], RATE)[0]
    assert all(score.reason is None for score in scores.values())


@pytest.mark.parametrize("metric", MOS_METRICS.values())
@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_other_sample_rates_are_refused(metric: type[ItemMetric], rate: int) -> None:
    with pytest.raises(ValueError, match=f"MOS is defined at 16000 Hz, not at {rate}"):
        metric.score(CLEAN, CLEAN, rate)


def test_a_clip_has_one_dimension() -> None:
    with pytest.raises(ValueError, match=r"shape \(L,\): \(2, 40960\)"):
        checked_clip(np.stack([CLEAN, CLEAN]), 1)


@pytest.mark.usefixtures("unloaded")
@pytest.mark.parametrize(
    ("predictor", "module", "message"),
    [
        ("distillmos", "distillmos.sqa", "DistillMOS needs the package distillmos: pip install "),
        ("dnsmos", "speechmos", "DNSMOS needs the package speechmos: pip install 'bddm-"),
    ],
)
def test_a_missing_package_is_one_sentence(
    predictor: str, module: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    with pytest.raises(ValueError, match=message):
        mos.load_predictors([predictor])


@pytest.mark.usefixtures("unloaded")
@pytest.mark.parametrize("predictor", ["distillmos", "dnsmos"])
def test_other_weights_than_the_published_are_refused(
    monkeypatch: pytest.MonkeyPatch, predictor: str
) -> None:
    package = {"distillmos": "distillmos", "dnsmos": "speechmos"}[predictor]
    for module in NEEDED[predictor]:
        pytest.importorskip(module)
    monkeypatch.setitem(mos.WEIGHTS_SHA256, package, "0" * 64)
    if predictor == "distillmos":  # the network is not built; its weights are refused after that
        monkeypatch.setattr("distillmos.sqa.ConvTransformerSQAModel", lambda **_: None)
    with pytest.raises(ValueError, match=f"of {package} .* starts with .*, not 00000000; reinst"):
        mos.load_predictors([predictor])

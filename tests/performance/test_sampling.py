"""Whole samplers: what they add to their network, beside other loops, on published schedules."""

from __future__ import annotations

import importlib
import statistics
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from bddm_ref.extras.networks.inference import inference_form
from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig
from bddm_ref.process import KERNELS
from bddm_ref.sampling import sample
from bddm_ref.schedule import NoiseSchedule
from benchmarks.data.features import MELS
from benchmarks.results.speed import OURS
from benchmarks.runtime.noise import item_generators, start_noise
from benchmarks.studies.speed.case import Call, Case
from benchmarks.studies.speed.plain_diffwave import PlainDiffWave
from benchmarks.studies.speed.random_nets import noise, seeded
from benchmarks.studies.speed.stopwatch import Stopwatch
from benchmarks.studies.speed.subjects import Subject, missing, subject

SCHEDULERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddpm": ("DDPMScheduler", {"variance_type": "fixed_small"}),
    "ddim": ("DDIMScheduler", {}),
}
DIFFUSERS = "diffusers' loop"
DDPM = KERNELS["ddpm"]
SPEECH = [pytest.param("speech", items, marks=pytest.mark.slow) for items in (1, 8)]
SIZES = [*SPEECH, ("images", 1), ("images", 64)]
pytestmark = pytest.mark.benchmark(group="sampling")


def few(case: Case, items: int) -> int:
    """The items of a case: at most two where nothing is timed."""
    return min(items, 2) if case.benchmark.disabled else items


@cache
def found(track: str, device: torch.device, float32: bool) -> Subject:
    return subject(track, device, float32)


def published(case: Case, track: str, float32: bool = False) -> Subject:
    """The published network; a random one, with a note, where it cannot be had."""
    try:
        one = found(track, case.device, float32)
    except ImportError as error:
        pytest.skip(str(error))
    case.note(**one.notes)
    return one


def start(one: Subject, items: int, device: torch.device) -> tuple[Tensor, list[torch.Generator]]:
    generators = item_generators(0, range(items))
    return start_noise(generators, one.shape, device), generators


@pytest.mark.parametrize(
    ("track", "items"),
    [*SIZES, ("analytic", 2000)],
)
def test_time_outside_the_network(
    case: Case, track: str, items: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, items = published(case, track), few(case, items)
    device = one.device
    schedule, condition = one.schedule(16), one.condition(items)
    watch = Stopwatch(device)
    for part in ("embed_levels", "evaluate_at"):
        monkeypatch.setattr(one.net, part, watch.wrapped(getattr(one.net, part)))
    shares = []
    z, streams = torch.empty(items, *one.shape), item_generators(0, range(items))

    def draw() -> None:
        for _ in range(len(schedule) - 1):
            for item, stream in zip(z, streams, strict=True):
                item.normal_(generator=stream)

    def run() -> None:
        x_N, generators = start(one, items, device)
        shares.append(
            1 - watch.share_of(lambda: sample(one.net, schedule, DDPM, x_N, condition, generators))
        )

    title = f"{track}: 16 steps of {items} items"
    seconds = case.compare(title, run, rounds=9, beside={"noise": draw})
    if track == "analytic":
        case.note(network="a closed form, quicker than the noise that a step adds", device="cpu")
    share = statistics.median(shares[-9:])
    case.figure("share of time outside the network", share, at_most=0.02, is_share=True)
    drawing = statistics.median(seconds["noise"]) / statistics.median(seconds[OURS])
    case.figure("share of time drawing the steps' noise", drawing, is_share=True)


@pytest.mark.parametrize("steps", [3, 7, 16, 1000])
@pytest.mark.parametrize(("track", "items"), SIZES)
def test_published_schedules(case: Case, track: str, items: int, steps: int) -> None:
    if steps == 1000 and (items > 1 or case.benchmark.disabled):
        pytest.skip("1000 steps take minutes: they are timed only, and for one item")
    one, items = published(case, track), few(case, items)
    schedule = one.schedule(steps)
    made: list[Tensor] = []

    def run() -> None:
        x_N, generators = start(one, items, case.device)
        made.append(sample(one.net, schedule, DDPM, x_N, one.condition(items), generators))

    once = {"rounds": 1, "warmup": 0} if steps == 1000 else {"rounds": 5}
    title = f"{track}: {steps} steps of {items} items, from noise and condition to the end"
    seconds = case.compare(title, run, **once)[OURS]
    assert bool(made[-1].isfinite().all())
    if steps == 3:
        run()
        assert torch.equal(made[0], made[-1])
    case.note(**{f"published {name}": value for name, value in one.quality(steps).items()})
    if one.seconds_of_audio is not None:
        rtf = statistics.median(seconds) / (items * one.seconds_of_audio)
        case.figure("real-time factor", rtf)
    case.figure("items per second", items / statistics.median(seconds))


class NoNet:
    """Answers at once, so that a loop's own time is all there is."""

    def __call__(self, x: Tensor, alpha: Tensor, condition: Any) -> Tensor:
        return x


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["ddpm", "ddim"])
@pytest.mark.parametrize(("items", "alone"), [(1, False), (16, False), (16, True)])
def test_loops_of_diffusers(case: Case, items: int, alone: bool, kernel: str) -> None:
    # In bfloat16 a rounding flips now and then, and both loops part.
    one, device = published(case, "images", float32=True), case.device
    items = few(case, items)
    net = NoNet() if alone else one.net
    schedule = NoiseSchedule.linear(1000, 1e-4, 0.02).subsequence(16)

    def ours() -> Tensor:
        x_N, generators = start(one, items, device)
        return sample(net, schedule, KERNELS[kernel], x_N, None, generators)

    others: dict[str, Call] = {}
    try:
        theirs = loop_of_diffusers(one, net, schedule, items, kernel)
    except ImportError as error:
        case.absent(DIFFUSERS, missing(error))
    else:
        # diffusers keeps betas in float32; the network magnifies what that changes.
        torch.testing.assert_close(ours(), theirs(), rtol=0, atol=2e-3)
        others[DIFFUSERS] = theirs
    what = "the loop alone" if alone else "the images' U-Net"
    title = f"{kernel.upper()}, 16 steps of {what}, {items} items"
    case.compare(title, ours, others, rounds=11, bars={DIFFUSERS: 1.0})


def loop_of_diffusers(
    one: Subject, net: Any, schedule: NoiseSchedule, items: int, kernel: str
) -> Callable[[], Tensor]:
    """The same sampler with the package's scheduler."""
    family, options = SCHEDULERS[kernel]
    scheduler = getattr(importlib.import_module("diffusers"), family)(
        num_train_timesteps=len(schedule),
        trained_betas=list(schedule.betas),
        clip_sample=False,
        **options,
    )
    scheduler.set_timesteps(len(schedule))
    levels = schedule.alphas.to(one.device)[:, None].expand(-1, items)
    steps = scheduler.timesteps.tolist()

    @torch.no_grad()
    def loop() -> Tensor:
        x, generators = start(one, items, one.device)
        for n in steps:
            x = scheduler.step(net(x, levels[n], None), n, x, generator=generators).prev_sample
        return x

    return loop


@pytest.mark.slow
def test_seven_steps_of_diffwave(case: Case) -> None:
    device, training = case.device, NoiseSchedule.linear(200, 1e-4, 0.02)
    columns, steps = (2, 2) if case.benchmark.disabled else (8, 7)
    schedule = training.subsequence(steps)
    plain = seeded(lambda: PlainDiffWave(DiffWaveConfig(), training), device)
    same = seeded(lambda: DiffWave(DiffWaveConfig(), training), device)
    same.load_state_dict(plain.state_dict())
    fast = inference_form(same, bf16=False, as_it_is=device.type != "cpu")
    mel = noise(1, MELS, columns, device=device)

    def run(net: Any, condition: Any) -> Tensor:
        generators = item_generators(0, [0])
        x_N = start_noise(generators, (columns * 256,), device)
        return sample(net, schedule, DDPM, x_N, condition, generators)

    def ours() -> Tensor:
        with torch.no_grad():
            return run(fast, fast.encode(mel))  # type: ignore[operator]

    plainly = lambda: run(plain, mel)  # noqa: E731
    torch.testing.assert_close(ours(), plainly(), rtol=0, atol=1e-4)
    case.compare(
        f"DiffWave of paper size, {steps} steps of {columns * 256} samples, with its conditioning",
        ours,
        {"plain implementation": plainly},
        rounds=11,
        bars={"plain implementation": 3.0},
    )

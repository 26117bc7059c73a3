"""One evaluation of each network, beside the machine's limit and other implementations."""

from __future__ import annotations

import importlib
import os
import shutil
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bddm_ref.extras.networks.diffwave_fast import FastBlock, FastDiffWave
from bddm_ref.extras.networks.diffwave_lmnt import LmntDiffWave
from bddm_ref.extras.networks.inference import inference_form
from bddm_ref.extras.networks.vocoder import SpectralVocoder, SpectralVocoderConfig
from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig
from bddm_ref.networks.galr import GALR
from bddm_ref.networks.unet import UNet, UNetConfig
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.loading import load
from benchmarks.data.features import HOP, MELS, SAMPLE_RATE, filterbank
from benchmarks.results.speed import OURS
from benchmarks.runtime.compiled import CompiledNet
from benchmarks.runtime.precision import multiplies_bf16
from benchmarks.studies.speed.case import Call, Case
from benchmarks.studies.speed.machine_peak import matrix_product, operations_of, seconds_at_peak
from benchmarks.studies.speed.plain_diffwave import PlainDiffWave
from benchmarks.studies.speed.random_nets import (
    DIFFWAVE,
    TRAINING,
    RandomNet,
    noise,
    random_net,
    relative_error,
    seeded,
)

SCHEDULE = NoiseSchedule.linear(200, 1e-4, 0.02)
SAMPLES, COLUMNS = 16_128, 63  # 0.73 s at 22.05 kHz: the papers' training crop
UNTIMED = 1_024, 4  # samples and columns where nothing is timed
IN_BF16 = "ours in bfloat16"
PLAIN = "plain implementation, conditioning at every step"
CPU_UNET = {"image_channels": 1, **load("images-cpu").score_net.size}
SIZES_OF_UNET = [("cpu", 1), ("cpu", 64), pytest.param("DDPM's", 4, marks=pytest.mark.slow)]
pytestmark = pytest.mark.benchmark(group="network")


def against_peak(
    case: Case, title: str, ours: Call, operations: int, others: dict[str, Call], **more: Any
) -> float:
    """Compare with others, and with a matrix product at full rate in each precision of ours.

    Returns the seconds that the operations take at the full rate of float32.
    """
    precisions = {OURS: torch.float32, IN_BF16: torch.bfloat16}
    products = {
        str(dtype).removeprefix("torch."): (name, matrix_product(case.device, dtype))
        for name, dtype in precisions.items()
        if name in (OURS, *others)
    }
    at_least = more.pop("at_least", None)
    beside = {dtype: product for dtype, (_, product) in products.items()}
    seconds = case.compare(title, ours, others, beside=beside, **more)
    floors = {
        dtype: seconds_at_peak(operations, statistics.median(seconds[dtype])) for dtype in products
    }
    for dtype, (name, _) in products.items():
        share = floors[dtype] / statistics.median(seconds[name])
        bar = at_least if name == OURS else None
        case.figure(f"share of the {dtype} peak", share, at_least=bar, is_share=True)
    case.note(GFLOP=round(operations / 1e9, 1))
    return floors["float32"]


def clip_size(case: Case) -> tuple[int, int]:
    """Samples and columns: few where nothing is timed."""
    return UNTIMED if case.benchmark.disabled else (SAMPLES, COLUMNS)


@pytest.mark.slow
@torch.inference_mode()
def test_diffwave_of_paper_size(case: Case) -> None:
    device, (samples, columns) = case.device, clip_size(case)
    make = lambda kind: seeded(lambda: kind(DiffWaveConfig(), SCHEDULE), device)  # noqa: E731
    plain = make(PlainDiffWave)
    x, mel = noise(1, samples, device=device), noise(1, MELS, columns, device=device)
    alpha = SCHEDULE.alphas[50:51].to(device)

    def same_weights() -> DiffWave:
        net: DiffWave = make(DiffWave)
        net.load_state_dict(plain.state_dict())
        return net

    whole = same_weights()
    operations = operations_of(lambda: whole(x, alpha, whole.encode(mel)))
    operations -= operations_of(lambda: whole.encode(mel))
    fast = inference_form(same_weights(), bf16=False, as_it_is=device.type != "cpu")
    condition = fast.encode(mel)  # type: ignore[operator]
    expected = plain(x, alpha, mel)
    torch.testing.assert_close(fast(x, alpha, condition), expected, rtol=0, atol=1e-4)

    conditioned = whole.encode(mel)
    others: dict[str, Call] = {
        PLAIN: lambda: plain(x, alpha, mel),
        "layer by layer, conditioned once": lambda: whole(x, alpha, conditioned),
    }
    if multiplies_bf16(device):
        half = inference_form(same_weights(), bf16=True, as_it_is=device.type != "cpu")
        with torch.autocast(device.type, torch.bfloat16):
            half_condition = half.encode(mel)  # type: ignore[operator]

        def in_bf16() -> Tensor:
            with torch.autocast(device.type, torch.bfloat16):
                eps: Tensor = half(x, alpha, half_condition)
                return eps

        with torch.autocast(device.type, torch.bfloat16):
            usual = plain(x, alpha, mel)
        error, usual_error = ((one - expected).square().mean() for one in (in_bf16(), usual))
        assert float(error) < 4 * float(usual_error)
        others[IN_BF16] = in_bf16
    else:
        case.absent(IN_BF16, "this device has no bfloat16 instructions")
    floor = against_peak(
        case,
        f"DiffWave of paper size, {samples} samples, its conditioning computed once before",
        lambda: fast(x, alpha, condition),
        operations,
        others,
        bars={PLAIN: 3.0},
        at_least=0.6,
        rounds=15,
    )
    medians = {name: statistics.median(times) for name, times in case.info["seconds"].items()}
    over = "time of the plain implementation over"
    case.figure(f"{over} that of the same operations at the float32 peak", medians[PLAIN] / floor)
    if IN_BF16 in medians:
        case.figure(f"{over} {IN_BF16}", medians[PLAIN] / medians[IN_BF16], at_least=5)


def evaluation(one: RandomNet, items: int) -> Call:
    """One evaluation at one level, its condition encoded before."""
    x, condition = noise(items, *one.shape, device=one.device), one.condition(items)
    alpha = torch.full((items,), 0.5, dtype=torch.float64, device=one.device)
    return lambda: one.net(x, alpha, condition)


@pytest.mark.parametrize("items", [1, 16])
@torch.no_grad()
def test_diffwave_in_graphs(case: Case, items: int) -> None:
    """On a GPU: with CUDA graphs and without, in both precisions, beside the plain network."""
    device, small = case.device, case.benchmark.disabled
    if device.type == "cpu" and not small:
        pytest.skip("CUDA graphs are of a GPU")
    size = {"layers": 4, "channels": 16} if small else {}
    items, frames = (2, 4) if small else (items, 63)
    in_float32 = random_net(DIFFWAVE, device, frames, size, float32=True)
    plain = seeded(lambda: PlainDiffWave(DiffWaveConfig(**size), TRAINING), device)
    x, mel = noise(items, frames * HOP, device=device), in_float32.log_mel(items)
    alpha = torch.full((items,), 0.5, dtype=torch.float64, device=device)
    assert mel is not None
    nets = {"ours in float32": in_float32}
    if multiplies_bf16(device):
        nets[IN_BF16] = random_net(DIFFWAVE, device, frames, size)
    else:
        case.absent(IN_BF16, "this device has no bfloat16 instructions")
    calls: dict[str, Call] = {PLAIN: lambda: plain(x, alpha, mel)}
    expected = evaluation(in_float32, items)()
    for name, one in nets.items():
        calls[f"{name}, not compiled"] = evaluation(one, items)
        if device.type == "cuda":
            compiled = one.compiled()
            calls[name] = evaluation(compiled, items)
            took = seconds_to_compile(calls[name])
            if compiled.failure is not None:
                case.absent(f"{name}, compiled", compiled.failure)
                del calls[name]
                continue
            case.figure(f"seconds to compile {name}", took)
    for name, call in calls.items():
        if name != PLAIN:  # its weights are others
            error = relative_error(call(), expected)
            assert error < (0.05 if IN_BF16 in name else 1e-3), (name, error)
    own = next(name for name in (IN_BF16, "ours in float32", *reversed(calls)) if name in calls)
    ours = calls.pop(own)
    case.cuda_bars({PLAIN: 4.0} | ({"ours in float32": 2.0} if items > 1 else {}))
    case.note(ours=own)
    case.compare(f"{DIFFWAVE} with CUDA graphs, {items} clips", ours, calls, rounds=11)


def seconds_to_compile(call: Call) -> float:
    """Until a second replay has ended."""
    began = time.perf_counter()
    for _ in range(3):  # compiles, records, replays
        call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


@pytest.mark.slow
@torch.inference_mode()
def test_conditioning_of_diffwave(case: Case) -> None:
    device, (_, columns) = case.device, clip_size(case)
    mel = noise(1, MELS, columns, device=device)
    plain = seeded(lambda: DiffWave(DiffWaveConfig(), SCHEDULE), device)
    other = seeded(lambda: DiffWave(DiffWaveConfig(), SCHEDULE), device)
    fast = inference_form(other, bf16=False, as_it_is=device.type != "cpu")
    for theirs, block, ours in zip(plain.encode(mel), _blocks(fast), fast.encode(mel), strict=True):  # type: ignore[operator]
        same = block.as_theirs(ours) if block is not None else ours
        torch.testing.assert_close(same, theirs, rtol=0, atol=1e-4)
    case.compare(
        f"DiffWave's conditioning, once for each utterance, {columns} columns",
        lambda: fast.encode(mel),  # type: ignore[operator]
        {"layer by layer": lambda: plain.encode(mel)},
    )


def _blocks(fast: nn.Module) -> list[FastBlock | None]:
    return fast.blocks if isinstance(fast, FastDiffWave) else [None] * DiffWaveConfig().layers


@torch.inference_mode()
def test_diffwave_of_the_package_diffwave(case: Case) -> None:
    device, (samples, columns) = case.device, clip_size(case)
    config, training = DiffWaveConfig(channels=64), NoiseSchedule.linear(50, 1e-4, 0.05)
    ours: LmntDiffWave = seeded(lambda: LmntDiffWave(config, training), device)
    x, mel = noise(1, samples, device=device), noise(1, MELS, columns, device=device)
    alpha = training.alphas[20:21].to(device)
    condition = ours.encode(mel)
    others: dict[str, Call] = {}
    try:
        theirs = _lmnt(training).to(device)
    except ImportError:
        case.absent("the package diffwave", "it is not installed (pip install diffwave)")
    else:
        step = torch.tensor([20], device=device)
        others["the package diffwave, conditioning at every step"] = lambda: theirs(x, mel, step)
    operations = operations_of(lambda: ours(x, alpha, condition))
    title = f"DiffWave of 64 channels as lmnt's, {samples} samples, conditioned once before"
    against_peak(case, title, lambda: ours(x, alpha, condition), operations, others)


def _lmnt(training: NoiseSchedule) -> Any:
    """The network of the package ``diffwave``, with its published sizes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
        model, params = (importlib.import_module(f"diffwave.{n}") for n in ("model", "params"))
    chosen = params.params
    assert (chosen.residual_layers, chosen.residual_channels) == (30, 64)
    chosen.noise_schedule = list(training.betas)
    return model.DiffWave(chosen).eval().requires_grad_(False)


@pytest.mark.parametrize("items", [1, 8])
@torch.inference_mode()
def test_vocoder(case: Case, items: int) -> None:
    device, frames = case.device, 16 if case.benchmark.disabled else 160
    net = seeded(lambda: SpectralVocoder(SpectralVocoderConfig(), filterbank()), device)
    x = noise(items, frames * HOP, device=device)
    condition = net.encode(noise(items, MELS, frames + 1, device=device))
    alpha = torch.full((items,), 0.5, dtype=torch.float64, device=device)
    call = lambda: net(x, alpha, condition)  # noqa: E731
    title = f"CPU-scale vocoder, {items} × {frames * HOP / SAMPLE_RATE:.2f} s"
    against_peak(case, title, call, operations_of(call), {}, rounds=11)


@pytest.mark.parametrize(("size", "items"), SIZES_OF_UNET)
@torch.inference_mode()
def test_unet(case: Case, size: str, items: int) -> None:
    device, items = case.device, min(items, 2) if case.benchmark.disabled else items
    config = UNetConfig(**CPU_UNET) if size == "cpu" else UNetConfig()
    side = 28 if size == "cpu" else 32
    net = seeded(lambda: UNet(config), device)
    x = noise(items, config.image_channels, side, side, device=device)
    alpha = torch.full((items,), 0.5, dtype=torch.float64, device=device)
    call = lambda: net(x, alpha)  # noqa: E731
    title = f"U-Net of {'CPU' if size == 'cpu' else size} size, {items} images of {side} × {side}"
    against_peak(case, title, call, operations_of(call), {}, rounds=11)


@torch.inference_mode()
def test_compiled_unet(case: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if case.benchmark.disabled:
        pytest.skip("compiling takes a minute")
    if case.device.type == "cpu" and shutil.which(os.environ.get("CXX", "c++")) is None:
        pytest.skip("torch.compile needs a C++ compiler")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # nothing compiled before
    device, items = case.device, 64
    net = seeded(lambda: UNet(UNetConfig(**CPU_UNET)), device)
    compiled = CompiledNet(net, "reduce-overhead" if device.type == "cuda" else "default")
    x = noise(items, 1, 28, 28, device=device)
    alpha = torch.full((items,), 0.5, dtype=torch.float64, device=device)
    expected = net(x, alpha)
    began = time.perf_counter()
    made = compiled(x, alpha)
    assert compiled.failure is None, compiled.failure
    case.figure("seconds to compile", time.perf_counter() - began)
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-4)
    title = f"U-Net of CPU size through torch.compile, {items} images"
    case.compare(title, lambda: compiled(x, alpha), {"not compiled": lambda: net(x, alpha)})


@torch.inference_mode()
def test_schedule_network_of_paper_size(case: Case) -> None:
    net, (samples, _) = seeded(GALR, case.device), clip_size(case)
    x = noise(1, samples, device=case.device)
    case.compare(f"GALR, the papers' schedule network, {samples} samples", lambda: net(x))

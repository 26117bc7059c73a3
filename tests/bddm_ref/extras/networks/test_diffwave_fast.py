"""The fast forms of DiffWave for CPUs and GPUs, against DiffWave itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bddm_ref.checkpoint import roundable_parameters
from bddm_ref.extras.networks import diffwave_fast, inference
from bddm_ref.extras.networks.diffwave_cuda import CudaDiffWave
from bddm_ref.extras.networks.diffwave_fast import FastDiffWave
from bddm_ref.extras.networks.inference import inference_form
from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig
from bddm_ref.schedule import NoiseSchedule

SCHEDULE = NoiseSchedule.linear(200, 1e-4, 0.02)
SMALL = DiffWaveConfig(
    layers=5, channels=6, dilation_cycle=3, mels=5, upsampling=(4, 2, 6), embedding=(8, 7, 9)
)
FRAMES = 3
# Sums of some 30 terms of order 1 in float64 through some 20 layers, see test_diffwave.py; and
# 2 sigmoid(2 a) - 1 is off by another few units in the last place of 1.
CLOSE = {"rtol": 0.0, "atol": 1e-12}


FORMS = [FastDiffWave, CudaDiffWave]


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> type[FastDiffWave]:
    """Test the form for GPUs on a CPU, without compiling."""
    return request.param  # type: ignore[no-any-return]


def networks(
    dtype: torch.dtype = torch.float64,
    fast_dtype: torch.dtype | None = None,
    form: type[FastDiffWave] = FastDiffWave,
) -> tuple[DiffWave, FastDiffWave]:
    """Make the same random network twice, because folding changes a network in place."""
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        plain, other = DiffWave(SMALL, SCHEDULE).to(dtype), DiffWave(SMALL, SCHEDULE).to(dtype)
    with torch.no_grad():
        for parameter in plain.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    other.load_state_dict(plain.state_dict())
    other.requires_grad_(False)  # as in the harness
    if fast_dtype is torch.bfloat16:  # as in the harness
        for _, parameter in roundable_parameters(other):
            parameter.data = parameter.data.to(torch.bfloat16)
    return plain.requires_grad_(False), form(other, fast_dtype or dtype)


def inputs(batch: int = 3, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """x ``(B, L)``, alpha ``(B,)`` between training levels, mel ``(B, mels, frames + 1)``."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, FRAMES * SMALL.hop, generator=generator, dtype=dtype)
    mel = torch.randn(batch, SMALL.mels, FRAMES + 1, generator=generator, dtype=dtype)
    return x, SCHEDULE.level_at(torch.linspace(3.3, 150.6, batch, dtype=torch.float64)), mel


@pytest.mark.parametrize("samples", [0, 1, 7, 2048])
def test_it_equals_diffwave_however_it_is_cut(
    samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diffwave_fast, "PIECE", samples * SMALL.channels * 8)  # bytes of float64
    plain, fast = networks()
    x, alpha, mel = inputs()
    expected = plain(x, alpha, plain.encode(mel))
    assert float(expected.std()) > 1e-3  # zeros would compare equal
    torch.testing.assert_close(fast(x, alpha, fast.encode(mel)), expected, **CLOSE)


def test_whole_batches_equal_diffwave() -> None:
    plain, fast = networks(form=CudaDiffWave)
    x, alpha, mel = inputs()
    short = x[:, :-5]  # the condition may be longer
    expected = plain(short, alpha, plain.encode(mel))
    torch.testing.assert_close(fast(short, alpha, fast.encode(mel)), expected, **CLOSE)
    one_level = alpha[:1], alpha[:1].expand(len(x))
    few, many = (fast(x, level, fast.encode(mel)) for level in one_level)
    torch.testing.assert_close(few, many, **CLOSE)


@pytest.mark.parametrize(
    ("gpus", "as_it_is", "expected"),
    [
        (("cuda",), False, FastDiffWave),
        (("cuda",), True, DiffWave),
        (("cpu",), True, CudaDiffWave),
    ],
)
@pytest.mark.parametrize("bf16", [False, True])
def test_a_gpu_has_a_form_of_its_own(
    gpus: tuple[str], as_it_is: bool, bf16: bool, expected: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "GPUS", gpus)  # the CPU stands in for a GPU
    made = inference_form(DiffWave(SMALL, SCHEDULE), bf16, as_it_is)
    assert type(made) is expected
    if isinstance(made, FastDiffWave):
        assert made.dtype == (torch.bfloat16 if bf16 else torch.float32)


def test_single_precision_agrees(form: type[FastDiffWave]) -> None:
    plain, fast = networks(torch.float32, form=form)
    x, alpha, mel = inputs(dtype=torch.float32)
    expected = plain(x, alpha, plain.encode(mel))
    torch.testing.assert_close(fast(x, alpha, fast.encode(mel)), expected, rtol=0, atol=1e-5)


def test_in_bfloat16_it_is_as_near_as_autocast(form: type[FastDiffWave]) -> None:
    plain, fast = networks(torch.float32, torch.bfloat16, form)
    x, alpha, mel = inputs(dtype=torch.float32)
    expected = plain(x, alpha, plain.encode(mel))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = plain(x, alpha, plain.encode(mel)).float()
        condition = fast.encode(mel)
        eps = fast(x, alpha, condition)
    assert torch.equal(eps, fast(x, alpha, fast.encode(mel)))  # autocast changes nothing
    assert {part.dtype for part in condition} == {torch.bfloat16}
    assert eps.dtype == torch.float32
    error, usual = ((one - expected).square().mean().sqrt() for one in (eps, cast))
    assert 0 < float(error) < 2 * float(usual)


def test_in_float32_autocast_changes_nothing(form: type[FastDiffWave]) -> None:
    _, fast = networks(torch.float32, form=form)
    x, alpha, mel = inputs(dtype=torch.float32)
    expected = fast(x, alpha, fast.encode(mel))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(fast(x, alpha, fast.encode(mel)), expected)


def test_a_condition_serves_all_steps_and_stays_unchanged(form: type[FastDiffWave]) -> None:
    _, fast = networks(form=form)
    x, alpha, mel = inputs()
    condition = fast.encode(mel)
    before = [value.clone() for value in (x, alpha, mel, *condition)]
    first = fast(x, alpha, condition)
    assert not torch.equal(fast(x, alpha.flip(0), condition), first)
    assert torch.equal(fast(x, alpha, condition), first)
    for value, old in zip((x, alpha, mel, *condition), before, strict=True):
        assert torch.equal(value, old)


def test_items_do_not_depend_on_their_batch(form: type[FastDiffWave]) -> None:
    _, fast = networks(form=form)
    x, alpha, mel = inputs()
    together = fast(x, alpha, fast.encode(mel))
    for i in range(len(x)):
        one = slice(i, i + 1)
        torch.testing.assert_close(
            fast(x[one], alpha[one], fast.encode(mel[one])), together[one], **CLOSE
        )


def test_gradients_are_those_of_diffwave(form: type[FastDiffWave]) -> None:
    plain, fast = networks(form=form)
    x, alpha, mel = inputs()
    gradients = []
    for net in (plain, fast):
        leaves = x.clone().requires_grad_(), alpha.clone().requires_grad_()
        net(*leaves, net.encode(mel)).square().sum().backward()
        gradients.append([leaf.grad for leaf in leaves])
    # step_of divides by differences of alpha of 3e-4, which magnifies roundings.
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-9, atol=1e-9)


def test_too_short_a_condition_is_refused(form: type[FastDiffWave]) -> None:
    _, fast = networks(form=form)
    x, alpha, mel = inputs()
    with pytest.raises(ValueError, match="144 samples, but conditioning for 96"):
        fast(x, alpha, fast.encode(mel[..., :2]))

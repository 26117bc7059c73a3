"""Experiments: everything a run depends on, as frozen dataclasses filled from a YAML file."""

from __future__ import annotations

import dataclasses
import difflib
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import TypeAdapter, ValidationError

from bddm_ref.settings import StepLossForm, TrainingConfig
from benchmarks.core.errors import UserError, first_error
from benchmarks.core.search_names import SearchName

FOLDER = Path(__file__).parents[1] / "experiments"
EXACT = "exact"  # the score network that is known instead of trained
PER_LENGTH = "T/N"  # tau of the papers: a schedule network for each length


class ExperimentError(UserError):
    """An experiment file or option that cannot be used; the message names the field."""


@dataclass(frozen=True)
class LinearSchedule:
    """The training noise schedule."""

    T: int = 1000  # steps
    start: float = 1e-6  # beta_1
    end: float = 0.01  # beta_T


@dataclass(frozen=True)
class ScoreNetConfig:
    """The score network and how it is trained."""

    network: str = "spectral_vocoder"  # a key of the track's score_nets
    size: dict[str, Any] = field(default_factory=dict)  # changes to the network's default sizes
    weights: str | None = None  # safetensors to use instead of training
    start: str | None = None  # safetensors to start training from
    amplitude: float = 8.0  # speech: the network is, or was, trained on recordings times this
    power: int = 1  # of the loss |eps - eps_theta|^power
    batch_size: int = 12  # crops, images or vectors
    draws: int = 1  # speech: levels and noises drawn for a crop, whose mel is encoded once
    crop_frames: int = 64  # speech: hops of 256 samples
    level_mean: float = 0.0  # nats; training levels: normal in log SNR, clamped
    level_spread: float = 4.5  # nats
    level_lowest: float = -10.0  # nats
    level_highest: float = 14.0  # nats
    uniform_steps: bool = False  # instead: levels of the training schedule, t uniform (the papers)
    between_steps: bool = False  # and the level uniform between neighbouring steps (WaveGrad)
    compile: bool = False  # train through torch.compile, which takes its time first
    balance_levels: bool = True  # weigh the loss so that all levels count about alike
    training: TrainingConfig = TrainingConfig(steps=12_000, learning_rate=1e-3)


@dataclass(frozen=True)
class ScheduleNetConfig:
    """The schedule network and how it is trained, once for each convention."""

    network: str = "ratio"  # a key of the track's schedule_nets
    size: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)  # convention to safetensors
    loss: StepLossForm = "exact"  # constant of the step loss; elbo: what the papers argue against
    tau: int | Literal["T/N"] = 330  # long steps per short step; T/N: a network for each length
    batch_size: int = 8  # crops, images or vectors
    crop_frames: int = 64  # speech: hops
    training: TrainingConfig = TrainingConfig(steps=2_000, learning_rate=1e-3)


@dataclass(frozen=True)
class SearchConfig:
    """The search for sampling schedules, on validation data."""

    lengths: tuple[int, ...] = (3, 7, 12, 16)  # steps of the schedules to find
    bins: int = 9  # M: values of alpha_N and of beta_N
    searches: tuple[SearchName, ...] = ("paper",)  # each is a contestant: benchmarks.searches
    pass_items: int = 1  # items of a pass of noise scheduling, whose sigma is averaged
    clip_frames: int = 80  # speech: hops of 256 samples in a clip of the judge; 80 are 1.28 s
    judge_items: int = 1  # validation items a candidate is judged on
    finalists: int = 8  # candidates of each length that are judged again
    finalist_items: int = 10  # validation items of that second judgement
    refinements: int = 10  # random +-5 % perturbations of each length's best start
    released: bool = False  # select as the released code does: see bddm_ref.search_released
    seed: int = 1


@dataclass(frozen=True)
class Convention:
    """How the process is set up, for all contestants alike."""

    name: str
    amplitude: float = 1.0  # the process runs on the data times this
    clip: bool = False  # images: clip each clean estimate to [-1, 1], as DDPM's code does
    data: str | None = None  # analytic: a distribution, as ring-16; None: the experiment's data
    error: float = 0.0  # analytic: root mean square of the score's error


@dataclass(frozen=True)
class RowConfig:
    """A family of rows in the results: one contestant at several step counts."""

    contestant: str  # a key of benchmarks.contestants.CONTESTANTS, or of the field contestants
    steps: tuple[int, ...]
    seeds: int = 3  # noise seeds
    items: int | None = None  # test items of each seed; None: the experiment's


@dataclass(frozen=True)
class TimingConfig:
    """Wall-clock measurements of the whole sampler, batch 1."""

    rounds: int = 5  # repeats, contestants interleaved
    rounds_long: int = 2  # of rows with more than ``long`` steps
    long: int = 100  # steps
    warmup: int = 1  # rounds before the measured ones
    document: str | None = None  # take times from this document of 'speed', and measure none
    subject: str = ""  # the network's name in that document


@dataclass(frozen=True)
class ImageConfig:
    """The images of the image track, and the features they are compared by."""

    size: int = 28  # pixels: width and height; folders of images are resized and cropped to it
    channels: int = 1  # 1: grey, 3: RGB
    flips: bool = False  # train on mirror images too
    extractor: Literal["classifier", "inception"] = "classifier"
    extractor_weights: str | None = None  # safetensors; of Inception: the published .pth file
    classifier_batch: int = 128  # images
    classifier_training: TrainingConfig = TrainingConfig(steps=6_000, learning_rate=2e-3)
    reference: Literal["test", "train"] = "test"  # what samples are compared with; floor: the other
    judge_reference: int = 5_000  # validation images that the search's judge compares with
    resamples: int = 1_000  # of the bootstrap over features


@dataclass(frozen=True)
class Experiment:
    """All of a run. Every field can be changed on the command line."""

    track: str = "speech"  # a key of benchmarks.tracks.TRACKS
    data: str = "festvox-ru"  # or fashion-mnist, a folder of recordings or images, a distribution
    train_items: int | None = None  # speech: training recordings to use; None: all
    training_schedule: LinearSchedule = LinearSchedule()
    conventions: tuple[Convention, ...] = (Convention("scaled", 8.0), Convention("raw", 1.0))
    score_net: ScoreNetConfig = ScoreNetConfig()
    schedule_net: ScheduleNetConfig = ScheduleNetConfig()
    search: SearchConfig = SearchConfig()
    rows: tuple[RowConfig, ...] = ()
    contestants: dict[str, str] = field(default_factory=dict)  # yours: name to file.py:Class
    margins: dict[str, float] = (
        field(  # how much worse still counts as good (images: relative; analytic: absolute)
            default_factory=lambda: {"pesq_wb_lqo": 0.1, "pesq_nb_raw": 0.1, "stoi": 0.01}
        )
    )
    headline: tuple[str, ...] = ("pesq_wb_lqo", "stoi")  # metrics of the summary table
    predicted_mos: tuple[Literal["distillmos", "dnsmos"], ...] = ()  # speech: see metrics.mos
    reference: str = "ddpm-1000"  # row that speed-ups and differences refer to
    test_items: int = 20  # test clips, or images to sample
    clip_frames: int = 160  # speech: hops in a clip; 160 are 2.56 s
    image: ImageConfig = ImageConfig()
    batch_items: int = 10  # items sampled at once; changes no figure
    seed: int = 2021  # of the sampling noise; seed k of a row is seed + k
    device: str = "cpu"  # or cuda, cuda:1
    bf16: bool = True  # autocast the score network when sampling; see benchmarks.runtime.precision
    compile: Literal["no", "default", "reduce-overhead"] = "no"  # see benchmarks.runtime.compiled
    threads: int = 0  # of torch on the CPU; 0: OMP_NUM_THREADS, or else all cores
    timing: TimingConfig = TimingConfig()
    publish: str = "results/cpu"  # folder for tables
    publish_weights: bool = False  # keep the trained score network beside the tables
    wav_items: int = 2  # speech: test clips whose samples are kept as WAV files; 0: none
    grid_items: int = 64  # images: samples in a row's PNG grid; 0: no grids
    meaningless: bool = False  # a smoke run: budgets too small for its figures to mean anything


def names() -> list[str]:
    """Experiments that come with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name_or_path: str) -> Experiment:
    """Read a shipped experiment by name, or any YAML file by path.

    Raises:
        ExperimentError: no such experiment, no YAML, an unknown field, or a value of a wrong type.
    """
    path = Path(name_or_path)
    if path.suffix != ".yaml":
        path = FOLDER / f"{name_or_path}.yaml"
        if not path.is_file():
            raise ExperimentError(
                f"no experiment {name_or_path!r}{_nearest(name_or_path, names())}; shipped are "
                f"{', '.join(names())}; or give the path of a .yaml file"
            )
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ExperimentError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ExperimentError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ExperimentError(f"{path} must hold a mapping of fields")
    return from_content(content, path.name)


def from_content(content: dict[str, Any], where: str) -> Experiment:
    """An experiment from plain values.

    Args:
        content: field to value.
        where: what they come from, for messages.

    Raises:
        ExperimentError: an unknown field, or a value of a wrong type.
    """
    _refuse_unknown(content, Experiment, where)
    try:
        experiment: Experiment = TypeAdapter(Experiment).validate_python(content)
    except ValidationError as error:
        raise ExperimentError(f"{where}: {first_error(error)}") from error
    return experiment


def as_dict(experiment: Any) -> dict[str, Any]:
    """An experiment, or a part of one, as plain values."""
    return dataclasses.asdict(experiment)


def convention_inputs(convention: Convention) -> dict[str, Any]:
    """What of a convention decides results, as plain values.

    Fields that a track does not use are left out, so that its earlier work stays valid.
    """
    unused = {"data": None, "error": 0.0}
    return without(as_dict(convention), unused)


def evaluation_inputs(experiment: Experiment) -> dict[str, Any]:
    """Precision that the experiment asks for: other choices of how to compute only round."""
    return {"bf16": experiment.bf16}


def without(values: dict[str, Any], unused: dict[str, Any]) -> dict[str, Any]:
    """The values but for those that are what they are where nothing uses them."""
    return {k: v for k, v in values.items() if k not in unused or v != unused[k]}


def _refuse_unknown(content: dict[str, Any], kind: type, where: str) -> None:
    hints = typing.get_type_hints(kind)
    for key, value in content.items():
        if key not in hints:
            raise ExperimentError(
                f"{where}: unknown field {key!r}{_nearest(str(key), list(hints))}"
            )
        inner = hints[key]
        if typing.get_origin(inner) is tuple:
            inner = typing.get_args(inner)[0]
        if dataclasses.is_dataclass(inner):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, dict):
                    _refuse_unknown(part, typing.cast(type, inner), f"{where}: {key}")


def _nearest(wrong: str, known: list[str]) -> str:
    close = difflib.get_close_matches(wrong, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""

"""The fields of an experiment: everything a run depends on, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from bddm_ref.settings import StepLossForm, TrainingConfig

EXACT = "exact"  # name of the exact score, which needs no training
PER_LENGTH = "T/N"  # the papers' tau: one schedule network for each length

SearchName = Literal[
    "paper",
    "noise",
    "released-loss",
    "closed-form",
    "closed-form-noise",
    "closed-form-released",
    "constants",
    "constants-noise",
    "beta-grid",
    "elbo-paths",
    "learned-levels",
    "frugal",
]
"""Keys of :data:`benchmarks.searches.SEARCHES`."""
PAPER: SearchName = "paper"  # the papers' own search


@dataclass(frozen=True)
class LinearSchedule:
    """The training noise schedule."""

    T: int = 1000  # steps
    start: float = 1e-6  # beta_1
    end: float = 0.01  # beta_T


@dataclass(frozen=True)
class ScoreNetConfig:
    """The score network and its training."""

    network: str = "spectral_vocoder"  # a key of the track's score_nets
    size: dict[str, Any] = field(default_factory=dict)  # changes to the network's default sizes
    weights: str | None = None  # safetensors to use instead of training
    start: str | None = None  # safetensors to start training from
    amplitude: float = 8.0  # speech: factor on recordings in the network's training
    power: int = 1  # exponent of the loss |eps - eps_theta|^power
    batch_size: int = 12  # crops, images or vectors
    draws: int = 1  # speech: levels and noises for each crop, whose mel is encoded once
    crop_frames: int = 64  # speech: hops of 256 samples
    level_mean: float = 0.0  # nats; training levels: normal in log SNR, clamped
    level_spread: float = 4.5  # nats
    level_lowest: float = -10.0  # nats
    level_highest: float = 14.0  # nats
    uniform_steps: bool = False  # draw steps t uniformly instead, as the papers do
    between_steps: bool = False  # draw levels uniformly between neighbouring steps (WaveGrad)
    compile: bool = False  # train through torch.compile, which compiles for up to a minute
    balance_levels: bool = True  # weigh the loss so that all levels count about alike
    training: TrainingConfig = TrainingConfig(steps=12_000, learning_rate=1e-3)


@dataclass(frozen=True)
class ScheduleNetConfig:
    """The schedule network and its training, once for each convention."""

    network: str = "ratio"  # a key of the track's schedule_nets
    size: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)  # convention to safetensors
    loss: StepLossForm = "exact"  # form of the step loss; elbo: train on the ELBO instead
    tau: int | Literal["T/N"] = 330  # long steps per short step; T/N: one network for each length
    batch_size: int = 8  # crops, images or vectors
    crop_frames: int = 64  # speech: hops
    training: TrainingConfig = TrainingConfig(steps=2_000, learning_rate=1e-3)


@dataclass(frozen=True)
class SearchConfig:
    """The search for sampling schedules, on validation data."""

    lengths: tuple[int, ...] = (3, 7, 12, 16)  # steps of the schedules to find
    bins: int = 9  # M: values of alpha_N and of beta_N
    searches: tuple[SearchName, ...] = ("paper",)  # keys of benchmarks.searches.SEARCHES
    pass_items: int = 1  # items of a pass of noise scheduling, over which sigma is averaged
    clip_frames: int = 80  # speech: hops of 256 samples in a clip of the judge; 80 are 1.28 s
    judge_items: int = 1  # validation items that judge a candidate
    finalists: int = 8  # candidates of each length that are judged again
    finalist_items: int = 10  # validation items of that second judgement
    refinements: int = 10  # random +-5 % perturbations of each length's best start
    released: bool = False  # select by the released code's rules: bddm_ref.search_released
    seed: int = 1


@dataclass(frozen=True)
class Convention:
    """Setup of the process, shared by all contestants."""

    name: str
    amplitude: float = 1.0  # factor on the data
    clip: bool = False  # images: clip each clean estimate to [-1, 1], as DDPM's code does
    data: str | None = None  # analytic: a distribution such as ring-16; None: the experiment's data
    error: float = 0.0  # analytic: root mean square of the score's error


@dataclass(frozen=True)
class RowConfig:
    """A family of rows in the results: one contestant at several step counts."""

    contestant: str  # a key of benchmarks.contestants.CONTESTANTS, or of the field 'contestants'
    steps: tuple[int, ...]
    seeds: int = 3  # noise seeds
    items: int | None = None  # test items of each seed; None: the experiment's


@dataclass(frozen=True)
class TimingConfig:
    """Wall-clock measurements of the whole sampler, batch 1."""

    rounds: int = 5  # repeats, contestants interleaved
    rounds_long: int = 2  # repeats of rows with more than ``long`` steps
    long: int = 100  # steps
    warmup: int = 1  # rounds before the measured ones
    document: str | None = None  # take times from this document of 'speed' instead
    subject: str = ""  # the network's name in that document


@dataclass(frozen=True)
class ImageConfig:
    """The images of the image track, and the features that compare images."""

    size: int = 28  # width and height, pixels; pictures of folders are resized and cropped
    channels: int = 1  # 1: grey, 3: RGB
    flips: bool = False  # train on mirror images too
    extractor: Literal["classifier", "inception"] = "classifier"
    extractor_weights: str | None = None  # safetensors; inception: the published .pth file
    classifier_batch: int = 128  # images
    classifier_training: TrainingConfig = TrainingConfig(steps=6_000, learning_rate=2e-3)
    reference: Literal["test", "train"] = "test"  # split to compare with; floor: the other split
    judge_reference: int = 5_000  # validation images in the search's judge
    resamples: int = 1_000  # bootstrap resamples of features


@dataclass(frozen=True)
class Experiment:
    """All fields of a run. The command line can change every field."""

    track: str = "speech"  # a key of benchmarks.tracks.TRACKS
    data: str = "festvox-ru"  # or fashion-mnist, a folder of recordings or images, a distribution
    train_items: int | None = None  # speech: training recordings to use; None: all
    training_schedule: LinearSchedule = LinearSchedule()
    conventions: tuple[Convention, ...] = (Convention("scaled", 8.0), Convention("raw", 1.0))
    score_net: ScoreNetConfig = ScoreNetConfig()
    schedule_net: ScheduleNetConfig = ScheduleNetConfig()
    search: SearchConfig = SearchConfig()
    rows: tuple[RowConfig, ...] = ()
    contestants: dict[str, str] = field(default_factory=dict)  # your own: name to file.py:Class
    margins: dict[str, float] = (
        field(  # largest loss that still counts as good (images: relative; analytic: absolute)
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
    seed: int = 2021  # seed of the sampling noise; seed k of a row is seed + k
    device: str = "cpu"  # or cuda, cuda:1
    bf16: bool = True  # autocast the score network when sampling; see benchmarks.runtime.precision
    compile: Literal["no", "default", "reduce-overhead"] = "no"  # see benchmarks.runtime.compiled
    threads: int = 0  # torch's threads on the CPU; 0: OMP_NUM_THREADS, or else all cores
    timing: TimingConfig = TimingConfig()
    publish: str = ""  # folder that --publish writes tables to; empty: none
    publish_weights: bool = False  # keep the trained score network beside the tables
    wav_items: int = 2  # speech: test clips whose samples are kept as WAV files; 0: no clips
    grid_items: int = 64  # images: samples in a row's PNG grid; 0: no grids
    meaningless: bool = False  # a smoke run, whose budgets are too small for meaningful figures

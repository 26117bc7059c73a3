"""The fields of an experiment: everything a run depends on, as frozen dataclasses.

Each number has bounds in its annotation, which :mod:`benchmarks.core.bounds` holds it to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from bddm_ref.settings import Bounds, Seed, StepLossForm, TrainingConfig

EXACT = "exact"  # name of the exact score, which needs no training
PER_LENGTH: Literal["T/N"] = "T/N"  # the papers' tau, which follows from the length

SearchName = Literal[
    "paper",
    "tuned",
    "released",
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
PAPER: SearchName = "paper"  # the papers' own search, at their settings
TUNED: SearchName = "tuned"  # the same with more values of tau and a finer grid

Reduction = Literal["mean", "sum"]  # of the step loss, over the dimensions of an item

Steps = Annotated[int, Bounds(1, 10_000)]  # of a schedule
Count = Annotated[int, Bounds(1, 10_000_000)]  # of items, or of repeats
Batch = Annotated[int, Bounds(1, 1_000_000)]  # items at once
Frames = Annotated[int, Bounds(1, 100_000)]  # hops of 256 samples: at most 19 minutes
Bins = Annotated[int, Bounds(1, 1_000)]  # values of a grid
Beta = Annotated[float, Bounds(0, 1, above=True, below=True)]
Amplitude = Annotated[float, Bounds(0, 10_000, above=True)]
Nats = Annotated[float, Bounds(-100, 100)]  # of a log signal-to-noise ratio
Rounds = Annotated[int, Bounds(1, 10_000)]
Repeats = Annotated[int, Bounds(1, 1_000)]  # of training and search


@dataclass(frozen=True)
class LinearSchedule:
    """The training noise schedule."""

    T: Annotated[int, Bounds(2, 10_000)] = 1000  # steps
    start: Beta = 1e-6  # beta_1
    end: Beta = 0.01  # beta_T


@dataclass(frozen=True)
class ScoreNetConfig:
    """The score network and its training."""

    network: str = "spectral_vocoder"  # a key of the track's score_nets
    size: dict[str, Any] = field(default_factory=dict)  # changes to the network's default sizes
    weights: str | None = None  # safetensors to use instead of training
    start: str | None = None  # safetensors to start training from
    amplitude: Amplitude = 8.0  # speech: factor on recordings in the network's training
    power: Annotated[int, Bounds(1, 10)] = 1  # exponent of the loss |eps - eps_theta|^power
    batch_size: Batch = 12  # crops, images or vectors
    # speech: levels and noises for each crop, whose mel is encoded once
    draws: Annotated[int, Bounds(1, 1_000)] = 1
    crop_frames: Frames = 64  # speech: hops of 256 samples
    level_mean: Nats = 0.0  # nats; training levels: normal in log SNR, clamped
    level_spread: Annotated[float, Bounds(0, 100)] = 4.5  # nats
    level_lowest: Nats = -10.0  # nats
    level_highest: Nats = 14.0  # nats
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
    reduction: Reduction = "mean"  # sum: the released code's, which the gradient's clip depends on
    tau: Steps | Literal["T/N"] = PER_LENGTH  # long steps per short step
    batch_size: Batch = 8  # crops, images or vectors
    crop_frames: Frames = 64  # speech: hops
    training: TrainingConfig = TrainingConfig(steps=2_000, learning_rate=1e-3)


@dataclass(frozen=True)
class SearchConfig:
    """The search for sampling schedules, on validation data."""

    lengths: tuple[Steps, ...] = (3, 7, 12, 16)  # steps of the schedules to find
    bins: Bins = 9  # M: values of alpha_N and of beta_N
    tuned_bins: tuple[Bins, ...] = (9, 19)  # values of M whose grids a tuned search joins
    # where tau is T/N, a tuned search tries T/n of these lengths n, too
    tuned_taus: tuple[Steps, ...] = (3, 16)
    searches: tuple[SearchName, ...] = (TUNED,)  # keys of benchmarks.searches.SEARCHES
    pass_items: Batch = 1  # items of a pass of noise scheduling, over which sigma is averaged
    clip_frames: Frames = 80  # speech: hops of 256 samples in a clip of the judge; 80 are 1.28 s
    judge_items: Count = 1  # validation items that judge a candidate
    finalists: Count = 8  # candidates of each length that are judged again
    finalist_items: Count = 10  # validation items of that second judgement
    refinements: Annotated[int, Bounds(0, 100_000)] = (
        10  # random +-5 % perturbations of each length's best start
    )
    seed: Seed = 1  # of the judges' noise and choice of items, and of perturbations


@dataclass(frozen=True)
class Convention:
    """Setup of the process, shared by all contestants."""

    name: str
    amplitude: Amplitude = 1.0  # factor on the data
    clip: bool = False  # images: clip each clean estimate to [-1, 1], as DDPM's code does
    data: str | None = None  # analytic: a distribution such as ring-16; None: the experiment's data
    error: Annotated[float, Bounds(0, 1_000)] = 0.0  # analytic: rms of the score's error
    repeats: Repeats | None = None  # trainings and searches; None: the experiment's


@dataclass(frozen=True)
class RowConfig:
    """A family of rows in the results: one contestant at several step counts."""

    contestant: str  # a key of benchmarks.contestants.CONTESTANTS, or of the field 'contestants'
    steps: tuple[Steps, ...]
    seeds: Annotated[int, Bounds(1, 1_000)] = 3  # noise seeds
    items: Count | None = None  # test items of each seed; None: the experiment's


@dataclass(frozen=True)
class TimingConfig:
    """Wall-clock measurements of the whole sampler, batch 1.

    Times of one round are paired, so that a row and the reference row share rounds. Rows behind a
    claim take part in many rounds, together with the reference row of their convention.
    """

    rounds: Rounds = 5  # repeats, contestants interleaved
    rounds_long: Rounds = 2  # repeats of rows with more than ``long`` steps
    long: Annotated[int, Bounds(0, 100_000)] = 100  # steps
    claimed: tuple[str, ...] = ()  # rows such as raw/bddm-7 whose speed-up is behind a claim
    rounds_claimed: Rounds = 25  # repeats of these rows, and of their reference row
    warmup: Annotated[int, Bounds(0, 10_000)] = 1  # rounds before the measured ones
    document: str | None = None  # take times from this document of 'speed' instead
    subject: str = ""  # the network's name in that document


@dataclass(frozen=True)
class ImageConfig:
    """The images of the image track, and the features that compare images."""

    # width and height, pixels; pictures of folders are resized and cropped
    size: Annotated[int, Bounds(1, 4_096)] = 28
    channels: Literal[1, 3] = 1  # 1: grey, 3: RGB
    flips: bool = False  # train on mirror images too
    extractor: Literal["classifier", "inception"] = "classifier"
    extractor_weights: str | None = None  # safetensors; inception: the published .pth file
    classifier_batch: Batch = 128  # images
    classifier_training: TrainingConfig = TrainingConfig(steps=6_000, learning_rate=2e-3)
    reference: Literal["test", "train"] = "test"  # split to compare with; floor: the other split
    judge_reference: Count = 5_000  # validation images in the search's judge
    resamples: Annotated[int, Bounds(1, 1_000_000)] = 1_000  # bootstrap resamples of features


@dataclass(frozen=True)
class Experiment:
    """All fields of a run. The command line can change every field."""

    track: str = "speech"  # a key of benchmarks.tracks.TRACKS
    data: str = "festvox-ru"  # or fashion-mnist, a folder of recordings or images, a distribution
    train_items: Count | None = None  # speech: training recordings to use; None: all
    training_schedule: LinearSchedule = LinearSchedule()
    conventions: tuple[Convention, ...] = (Convention("scaled", 8.0), Convention("raw", 1.0))
    score_net: ScoreNetConfig = ScoreNetConfig()
    schedule_net: ScheduleNetConfig = ScheduleNetConfig()
    search: SearchConfig = SearchConfig()
    rows: tuple[RowConfig, ...] = ()
    contestants: dict[str, str] = field(default_factory=dict)  # your own: name to file.py:Class
    margins: dict[str, Annotated[float, Bounds(0, 1e6, above=True)]] = (
        field(  # largest loss that still counts as good (images: relative; analytic: absolute)
            default_factory=lambda: {"pesq_wb_lqo": 0.1, "pesq_nb_raw": 0.1, "stoi": 0.01}
        )
    )
    headline: tuple[str, ...] = ("pesq_wb_lqo", "stoi")  # metrics of the summary table
    predicted_mos: tuple[Literal["distillmos", "dnsmos"], ...] = ()  # speech: see metrics.mos
    # trainings of each schedule network, and searches with each: noise seed k of a searched row
    # samples the schedule of repeat k (modulo the number of repeats)
    repeats: Repeats = 1
    reference: str = "ddpm-1000"  # row that speed-ups and differences refer to
    test_items: Count = 20  # test clips, or images to sample
    clip_frames: Frames = 160  # speech: hops in a clip; 160 are 2.56 s
    # speech: test clips cut from each recording; intervals are over recordings
    clips_per_recording: Annotated[int, Bounds(1, 100)] = 1
    image: ImageConfig = ImageConfig()
    batch_items: Batch = 10  # items sampled at once; changes rounding alone (float32: 1e-5 PESQ)
    seed: Seed = 2021  # seed of the sampling noise; seed k of a row is seed + k
    device: str = "cpu"  # or cuda, cuda:1
    bf16: bool = True  # autocast the score network when sampling; see benchmarks.runtime.precision
    compile: Literal["no", "default", "reduce-overhead"] = "no"  # see benchmarks.runtime.compiled
    # torch's threads on the CPU; 0: OMP_NUM_THREADS, or else all cores
    threads: Annotated[int, Bounds(0, 1_024)] = 0
    timing: TimingConfig = TimingConfig()
    publish: str = ""  # folder that --publish writes tables to; empty: none
    publish_weights: bool = False  # keep the trained score network beside the tables
    # speech: test clips whose audio is kept, as FLAC files; 0: no clips
    wav_items: Annotated[int, Bounds(0, 10_000)] = 2
    # images: samples in a row's PNG grid; 0: no grids
    grid_items: Annotated[int, Bounds(0, 64)] = 64
    meaningless: bool = False  # a smoke run, whose budgets are too small for meaningful figures

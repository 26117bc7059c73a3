"""The speech track: mel-conditioned vocoding."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

from bddm_ref.extras.gaussian import Distance, Spectrum, loudness
from bddm_ref.extras.networks.diffwave_lmnt import LmntDiffWave
from bddm_ref.extras.networks.inference import inference_form
from bddm_ref.extras.networks.ratio import RatioNet
from bddm_ref.extras.networks.rescaled import RescaledScoreNet
from bddm_ref.extras.networks.vocoder import SpectralVocoder, SpectralVocoderConfig
from bddm_ref.files import write_atomically
from bddm_ref.losses import schedule_loss, score_loss
from bddm_ref.networks.diffwave import DiffWave, DiffWaveConfig
from bddm_ref.networks.galr import GALR, GALRConfig
from bddm_ref.settings import StepLossForm
from bddm_ref.training import BatchLoss
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Convention, ScoreNetConfig
from benchmarks.core.rows import Sampled, rows_of
from benchmarks.data.clips import Clip, centre_clips
from benchmarks.data.crops import CropTable
from benchmarks.data.features import HOP, SAMPLE_RATE, filterbank
from benchmarks.data.speech import SpeechCorpus, Utterance, open_corpus
from benchmarks.runtime.noise import EvaluatedNet, taken, training_noise
from benchmarks.runtime.samples import read_samples
from benchmarks.runtime.workspace import Workspace
from benchmarks.searches.base import SearchProblem
from benchmarks.tracks.base import DrawItems, NetworkMaker, Track
from benchmarks.tracks.levels import drawn_levels

if TYPE_CHECKING:  # judge and scores need packages that training and sampling do without
    from benchmarks.tracks.speech.scores import SpeechScores

SPECTRUM_WINDOW, SPECTRUM_HOP = 512, 128  # samples
SPECTRUM_BINS = 45
SPECTRUM_FLOOR = 1e-3  # of the first delta: powers below it are none
PUBLISHED_WAVS = ("bddm-3", "bddm-7", "bddm-16", "ddpm-16", "ddpm-1000")


class SpeechTrack(Track):
    """Mel-conditioned vocoding of held-out recordings."""

    without_use: ClassVar[dict[str, Any]] = {}
    score_nets: ClassVar[dict[str, NetworkMaker]] = {
        "spectral_vocoder": lambda size, schedule: SpectralVocoder(
            SpectralVocoderConfig(**size), filterbank()
        ),
        "diffwave": lambda size, schedule: DiffWave(DiffWaveConfig(**size), schedule),
        "diffwave_lmnt": lambda size, schedule: LmntDiffWave(DiffWaveConfig(**size), schedule),
    }
    schedule_nets: ClassVar[dict[str, NetworkMaker]] = {
        "ratio": lambda size, schedule: RatioNet(**size),
        # Without dropout, which would draw from the global generator and break exact resume.
        "galr": lambda size, schedule: GALR(GALRConfig(**size, dropout=0.0)),
    }

    @property
    def metric_names(self) -> tuple[str, ...]:
        """All speech metrics, and the predicted MOS that the experiment asks for."""
        from metrics.speech import SPEECH_METRICS  # noqa: PLC0415 (scores' packages)

        return (*SPEECH_METRICS, *self.predicted_names)

    @cached_property
    def data(self) -> SpeechCorpus:
        """The recordings, located and verified once."""
        corpus = open_corpus(self.experiment.data, self.progress)
        try:
            return corpus.with_training(self.experiment.train_items)
        except ValueError as error:
            raise ExperimentError(f"train_items: {error}") from error

    def item_shape(self, convention: Convention) -> tuple[int, ...]:
        """Of one test clip."""
        return (self.experiment.clip_frames * HOP,)

    @property
    def item_inputs(self) -> dict[str, Any]:
        """How long the test clips are."""
        return {"clip_frames": self.experiment.clip_frames, **self._network_amplitude}

    @property
    def training_inputs(self) -> dict[str, Any]:
        """How the score network sees a recording's amplitude."""
        return self._network_amplitude

    @property
    def judge_inputs(self) -> dict[str, Any]:
        """The same."""
        return self._network_amplitude

    @property
    def _network_amplitude(self) -> dict[str, Any]:
        """The amplitude that decides what weights mean, where it is not the usual one."""
        amplitude, usual = self.experiment.score_net.amplitude, ScoreNetConfig().amplitude
        return {} if amplitude == usual else {"network_amplitude": amplitude}

    @property
    def timing_notes(self) -> dict[str, Any]:
        """The length of the timed clip."""
        return {"seconds_of_audio": self.experiment.clip_frames * HOP / SAMPLE_RATE}

    @cached_property
    def _train_utterances(self) -> list[Utterance]:
        return self.data.split("train", "train", self.progress)

    @cached_property
    def _test_clips(self) -> list[Clip]:
        utterances = self.data.split("test", "sample", self.progress)
        return centre_clips(utterances, self.experiment.test_items, self.experiment.clip_frames)

    @cached_property
    def _valid_clips(self) -> list[Clip]:
        config = self.experiment.search
        valid = self.data.split("valid", "search", self.progress)
        return centre_clips(valid, config.judge_items + config.finalist_items, config.clip_frames)

    def refuse_impossible(self) -> None:
        """Refuse rows of fewer clips, since they are compared clip by clip, and missing models."""
        wanted = self.experiment.test_items
        for row in rows_of(self.experiment):
            if row.items != wanted:
                raise ExperimentError(
                    f"rows: {row.name}: items = {row.items} is for images; speech rows have all "
                    f"test_items = {wanted}"
                )
        if not self.experiment.predicted_mos:
            return
        from metrics.mos import load_predictors  # noqa: PLC0415 (scores' packages)

        try:
            load_predictors(self.experiment.predicted_mos)
        except ValueError as error:
            raise ExperimentError(f"predicted_mos: {error}") from error

    @property
    def _as_it_is(self) -> bool:
        return self.device.type != "cpu" or self.experiment.compile != "no"

    def for_inference(self, score_net: nn.Module) -> nn.Module:
        """DiffWave without weight norm, and on a CPU as matrix products unless it is compiled."""
        return inference_form(score_net, self.experiment.bf16, self._as_it_is)

    def for_convention(self, score_net: nn.Module, convention: Convention) -> nn.Module:
        """The score network as a process in this amplitude convention sees it."""
        amplitude = self.experiment.score_net.amplitude
        if convention.amplitude == amplitude:
            return score_net
        return RescaledScoreNet(score_net, amplitude / convention.amplitude)

    def score_batch_loss(self, score_net: nn.Module) -> BatchLoss:
        """The score loss on random crops, at levels that serve every amplitude convention."""
        config = self.experiment.score_net
        crops = CropTable(self._train_utterances, config.crop_frames, self.device)
        # The row of its crop, for each level and noise: the mel of a crop is encoded once.
        rows = torch.arange(config.batch_size).repeat_interleave(config.draws).to(self.device)

        def loss(step: int, generator: torch.Generator) -> Tensor:
            waveform, log_mel = crops.draw(config.batch_size, generator)
            alpha = drawn_levels(config, self.training, generator).to(self.device)
            condition = encode(score_net, log_mel)
            if config.draws > 1:
                waveform, condition = taken(waveform, rows), taken(condition, rows)
            noise = training_noise(waveform, generator)
            weight = level_weight(alpha) if config.balance_levels else None
            x_0 = config.amplitude * waveform
            return score_loss(score_net, x_0, alpha, noise, condition, config.power, weight)

        return loss

    def schedule_batch_loss(
        self,
        networks: tuple[nn.Module, nn.Module],
        convention: Convention,
        form: StepLossForm,
        tau: int,
    ) -> BatchLoss:
        """The step loss on random crops in one amplitude convention."""
        config = self.experiment.schedule_net
        score_net, schedule_net = networks
        seen = EvaluatedNet(self.for_convention(score_net, convention), self.experiment.bf16)
        crops = CropTable(self._train_utterances, config.crop_frames, self.device)

        def loss(step: int, generator: torch.Generator) -> Tensor:
            waveform, log_mel = crops.draw(config.batch_size, generator)
            with torch.no_grad(), seen.precision(self.device):
                condition = encode(score_net, log_mel)
            return schedule_loss(
                (seen, schedule_net),
                convention.amplitude * waveform,
                condition,
                self.training,
                tau,
                generator,
                form,
            )

        return loss

    def drawn_items(self, convention: Convention) -> DrawItems:
        """Crops of recordings."""
        config = self.experiment.schedule_net
        crops = CropTable(self._train_utterances, config.crop_frames, self.device)

        def draw(generator: torch.Generator) -> Tensor:
            waveform, _ = crops.draw(config.batch_size, generator)
            return convention.amplitude * waveform

        return draw

    def search_problem(
        self, score_net: nn.Module, evaluated: EvaluatedNet, convention: Convention
    ) -> SearchProblem:
        """PESQ and STOI on clips of the validation split."""
        from benchmarks.tracks.speech.judge import SpeechJudge  # noqa: PLC0415 (judge's packages)

        config, clips = self.experiment.search, self._valid_clips
        judge = SpeechJudge(
            evaluated,
            lambda part: self._encoded(score_net, part),
            clips,
            config.judge_items,
            convention.amplitude,
            config.seed,
            self.device,
        )
        return SearchProblem(
            judge,
            (config.clip_frames * HOP,),
            self._encoded(score_net, clips[: config.pass_items]),
            ("pesq_wb_lqo, 0 to 1", "stoi"),
        )

    def spectrum(self, convention: Convention) -> tuple[Spectrum, Distance]:
        """Powers of the time-frequency bins of the search's clips, in units of white noise."""
        waveforms = torch.stack([clip.waveform for clip in self._valid_clips])
        window = torch.hann_window(SPECTRUM_WINDOW)
        bins = torch.stft(
            convention.amplitude * waveforms,
            SPECTRUM_WINDOW,
            SPECTRUM_HOP,
            window=window,
            return_complex=True,
        )
        powers = bins.abs().square() / window.square().sum()
        smallest = SPECTRUM_FLOOR * float(self.training.deltas[0])
        return Spectrum.of_variances(powers, SPECTRUM_BINS, smallest), loudness

    def examples(self, score_net: nn.Module, convention: Convention) -> tuple[Tensor, Any]:
        """The clips of the search."""
        waveforms = torch.stack([clip.waveform for clip in self._valid_clips])
        condition = self._encoded(score_net, self._valid_clips)
        return (convention.amplitude * waveforms).to(self.device), condition

    def conditions(self, score_net: nn.Module, indices: Sequence[int]) -> Any:
        """Encoded mel spectrograms of test clips."""
        return self._encoded(score_net, [self._test_clips[index] for index in indices])

    @torch.inference_mode()
    def _encoded(self, score_net: nn.Module, clips: Sequence[Clip]) -> Any:
        mels = torch.stack([clip.log_mel for clip in clips]).to(self.device)
        with EvaluatedNet(score_net, self.experiment.bf16).precision(mels.device):
            return encode(score_net, mels)

    def finished(self, x_0: Tensor, convention: Convention) -> Tensor:
        """Waveforms at the recordings' own amplitude."""
        return x_0 / convention.amplitude

    def score(self, workspace: Workspace, sampled: Sequence[Sampled]) -> SpeechScores:
        """Every sample by every speech metric."""
        from benchmarks.tracks.speech.scores import score_clips  # noqa: PLC0415 (scores' packages)

        digest = self.data.digest("test")
        return score_clips(
            self.experiment, workspace, self.progress, sampled, self._test_clips, digest
        )

    def keep_examples(self, sampled: Sequence[Sampled], folder: Path) -> None:
        """Two clips as WAV files: the recording, and what some samplers made of it."""
        first = self.experiment.conventions[0]
        shown = [
            one
            for one in sampled
            if one.files and one.row.convention == first and one.row.name in PUBLISHED_WAVS
        ]
        for index, clip in enumerate(self._test_clips[: self.experiment.wav_items]):
            _write_wav(folder / "wav" / f"{clip.name}-recording.wav", clip.waveform.numpy())
            for one in shown:
                samples = read_samples(one.files[0])[index].numpy()
                _write_wav(folder / "wav" / f"{clip.name}-{one.row.name}.wav", samples)


def level_weight(alpha: Tensor) -> Tensor:
    """Weights that make all levels count about alike in the L1 score loss.

    The error of predicting the noise vanishes with the signal-to-noise ratio, and with it what
    the noisiest levels, which decide a sample's pitch and phases, add to the mean. What the
    Wiener filter leaves of recordings times 8 is close to .66 of this sigmoid.

    Args:
        alpha: the levels, ``(B,)`` float64.
    """
    log_snr = torch.logit(alpha.square())
    return 1 / torch.sigmoid((log_snr.float() - 3) / 3)


def encode(score_net: nn.Module, log_mel: Tensor) -> Any:
    """Condition of a batch: what the network's encoder makes of its mel spectrograms."""
    return score_net.encode(log_mel)  # type: ignore[operator]


def _write_wav(path: Path, samples: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    clipped = np.clip(samples, -1.0, 1.0)
    write_atomically(
        path,
        lambda temporary: soundfile.write(
            temporary, clipped, SAMPLE_RATE, subtype="PCM_16", format="WAV"
        ),
    )

"""Items of the speech track: clips of recordings, conditioned on their mel spectrograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bddm_ref.extras.gaussian import Distance, Spectrum, loudness
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.experiment import Convention, Experiment
from benchmarks.data.clips import Clip
from benchmarks.data.features import HOP
from benchmarks.runtime.noise import EvaluatedNet
from benchmarks.tracks.parts import DrawItems, Items
from benchmarks.tracks.speech.data import Recordings
from benchmarks.tracks.speech.networks import encode

SPECTRUM_WINDOW, SPECTRUM_HOP = 512, 128  # samples
SPECTRUM_BINS = 45
SPECTRUM_FLOOR = 1e-3  # share of the first delta; powers below it count as none


class SpeechItems(Items):
    """Clips of recordings.

    Args:
        experiment: the experiment, with the lengths of clips.
        training: the training schedule.
        device: the device that networks run on.
        recordings: the data.
    """

    def __init__(
        self,
        experiment: Experiment,
        training: NoiseSchedule,
        device: torch.device,
        recordings: Recordings,
    ) -> None:
        self._experiment = experiment
        self._training = training
        self._device = device
        self._recordings = recordings

    def shape(self, convention: Convention) -> tuple[int, ...]:
        """Samples of one test clip, ``(L,)``."""
        return (self._experiment.clip_frames * HOP,)

    def drawn(self, convention: Convention) -> DrawItems:
        """Make draws of random crops in the convention's amplitude."""
        config = self._experiment.schedule_net
        crops = self._recordings.crops(config.crop_frames, self._device)

        def draw(generator: torch.Generator) -> Tensor:
            waveform, _ = crops.draw(config.batch_size, generator)
            return convention.amplitude * waveform

        return draw

    def examples(self, score_net: nn.Module, convention: Convention) -> tuple[Tensor, Any]:
        """The validation clips, ``(B, L)``, and their encoded mel spectrograms."""
        waveforms = convention.amplitude * self._recordings.valid_waveforms
        return waveforms.to(self._device), self.encoded(score_net, self._recordings.valid_clips)

    def conditions(self, score_net: nn.Module, indices: Sequence[int]) -> Any:
        """Encode the mel spectrograms of test clips."""
        clips = self._recordings.test_clips
        return self.encoded(score_net, [clips[index] for index in indices])

    @torch.inference_mode()
    def encoded(self, score_net: nn.Module, clips: Sequence[Clip]) -> Any:
        """Encode the mel spectrograms of clips, in the experiment's precision."""
        mels = torch.stack([clip.log_mel for clip in clips]).to(self._device)
        with EvaluatedNet(score_net, self._experiment.bf16).precision(mels.device):
            return encode(score_net, mels)

    def finished(self, x_0: Tensor, convention: Convention) -> Tensor:
        """Bring waveforms ``(B, L)`` back to the recordings' own amplitude."""
        return x_0 / convention.amplitude

    def spectrum(self, convention: Convention) -> tuple[Spectrum, Distance]:
        """Powers of the time-frequency bins of validation clips, in units of white noise."""
        window = torch.hann_window(SPECTRUM_WINDOW)
        bins = torch.stft(
            convention.amplitude * self._recordings.valid_waveforms,
            SPECTRUM_WINDOW,
            SPECTRUM_HOP,
            window=window,
            return_complex=True,
        )
        powers = bins.abs().square() / window.square().sum()
        smallest = SPECTRUM_FLOOR * float(self._training.deltas[0])
        return Spectrum.of_variances(powers, SPECTRUM_BINS, smallest), loudness

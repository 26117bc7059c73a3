"""Scoring: PESQ and STOI over all cores, features of images in batches."""

from __future__ import annotations

import os
import statistics
from functools import partial
from pathlib import Path

import pytest
import soundfile
import torch
from torch import Tensor

from bddm_ref.checkpoint import load_weights
from benchmarks.data.features import SAMPLE_RATE
from benchmarks.results.speed import OURS
from benchmarks.studies.speed.case import Case
from benchmarks.studies.speed.subjects import RESULTS, published_audio
from metrics.extractors import BATCH, ClassifierExtractor, ImageClassifier, extract
from metrics.scoring import score_items, scoring_pool

CLIPS, IMAGES = 24, 512
UNTIMED = 4, 32  # clips and images where nothing is timed
pytestmark = pytest.mark.benchmark(group="scoring")


def read(path: Path) -> Tensor:
    return torch.from_numpy(soundfile.read(path, dtype="float32")[0])


@pytest.mark.slow
def test_speech(case: Case) -> None:
    clips = UNTIMED[0] if case.benchmark.disabled else CLIPS
    audio = published_audio()
    pairs = [(read(clip.path), read(audio.recordings[clip.name])) for clip in audio.clips]
    preds, target = zip(*(pairs * clips)[:clips], strict=True)
    names = ("pesq_wb_lqo", "pesq_nb_lqo", "stoi", "estoi")
    cores = 1 if case.benchmark.disabled else os.cpu_count() or 1
    with scoring_pool(cores) as pool:

        def ours() -> list[object]:
            return list(score_items(names, preds, target, SAMPLE_RATE, cores, pool=pool))

        def one_by_one() -> list[object]:
            return list(score_items(names, preds, target, SAMPLE_RATE))

        assert ours() == one_by_one()
        title = f"PESQ (wide and narrow band), STOI, ESTOI of {clips} clips of 2.56 s"
        seconds = case.compare(title, ours, {"one process": one_by_one}, rounds=5)
    case.note(cores=cores)
    case.figure("clips per second", clips / statistics.median(seconds[OURS]))


def test_features_of_images(case: Case) -> None:
    classifier = ImageClassifier(1, 10)
    load_weights(classifier, RESULTS / "weights" / "images-classifier.safetensors")
    extractor = ClassifierExtractor("fmnist", classifier).to(case.device).eval()
    images = UNTIMED[1] if case.benchmark.disabled else IMAGES
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (images, 1, 28, 28), generator=generator, dtype=torch.uint8)
    ours, one_by_one = (partial(extract, extractor, pixels, batch) for batch in (BATCH, 1))
    torch.testing.assert_close(ours(), one_by_one(), rtol=1e-4, atol=1e-4)
    title = f"features of {images} images by the classifier"
    seconds = case.compare(title, ours, {"one by one": one_by_one}, rounds=5)
    case.figure("images per second", images / statistics.median(seconds[OURS]))

from __future__ import annotations

import torch

from benchmarks.data.features import filterbank


def test_the_filters_serve_training_even_if_inference_asks_first() -> None:
    filterbank.cache_clear()
    with torch.inference_mode():
        assert not filterbank().is_inference()

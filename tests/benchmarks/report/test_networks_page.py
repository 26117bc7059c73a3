"""The page of score networks: gains have the right sign, and networks their origin."""

from __future__ import annotations

from pathlib import Path

import pytest

from bddm_ref.files import DamagedFileError
from benchmarks.report.markdown import to_markdown
from benchmarks.report.pages.networks import networks_page
from benchmarks.report.registry import write_networks
from benchmarks.results.schema import RunResults
from synthetic.folder import on_another_network
from synthetic.runs import analytic, images, speech


def page_of(**documents: RunResults) -> str:
    return to_markdown(networks_page(documents))


def test_gains_are_positive_where_bddm_is_better() -> None:
    page = page_of(a=images(), b=on_another_network(), c=speech(), d=speech())
    over_ddpm, over_ddim = (
        page.split(f"`plain`, gain over {name} in FD-fmnist ↓ | 3 | 7 | 16 |")[1]
        for name in ("DDPM", "DDIM")
    )
    # FD is better where it is smaller: 30 and 36, 33 and 24.
    assert over_ddpm.index("| a | +6.00 [+5.00, +7.00] **better** |") < over_ddpm.index("| b |")
    assert "| b | -9.00 [-10.00, -8.00] **worse** |" in over_ddim
    # PESQ is better where it is larger: 2.3 and 2.1.
    head = "`scaled`, gain over DDPM in PESQ-WB (LQO) ↑ | 3 | 7 | 16 |"
    assert page.split(head)[1].splitlines()[2].startswith("| c | +0.20 [+0.15, +0.25] **better**")
    assert "FD-fmnist of 100" not in page  # nothing is compared by it


def test_a_network_has_its_architecture_and_what_it_was_scored_on() -> None:
    page = page_of(a=images(), b=on_another_network(), c=speech())
    rows = {line.split(" | ")[0]: line for line in reversed(page.splitlines())}
    trained = "12000 updates, power 1, normal in log-SNR, balanced"
    assert rows["| b"].startswith(f"| b | `unet`: channels 64 | {trained} | `111111111111` |")
    assert "| 500 images, 1 noise seed |" in rows["| a"]
    assert rows["| c"].startswith("| c | `spectral_vocoder`: defaults |")
    assert "| 4 clips, 6 noise seeds |" in rows["| c"]
    assert rows["| c"].endswith("| commit `abcdef000000` (tree clean), 2026-01-02 |")


def test_an_exact_score_is_known_and_other_distributions_are_left_out() -> None:
    trained = analytic(experiment={"conventions": [{"name": "ring-16", "data": "ring-16"}]})
    rows = [
        row.model_copy(update={"convention": "ring-16", "key": row.key.replace("gaussian", "ring")})
        for row in trained.rows
    ]
    page = page_of(a=analytic(), b=trained.model_copy(update={"rows": rows}))
    assert "| a | exact score | known |" in page
    assert "gain over" not in page  # no distribution has two networks


def test_a_network_without_bddm_gains_nothing() -> None:
    rows = [row for row in images().rows if row.contestant != "bddm"]
    page = page_of(a=images(), b=images().model_copy(update={"rows": rows}))
    named = [line for line in page.splitlines() if line.startswith("| b |")]
    assert "| nothing |" in named[0]
    assert named[1:] == ["| b | — | — | — |"] * 2  # over DDPM, over DDIM


def test_an_empty_folder_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="run networks-images-short"):
        write_networks(tmp_path)

"""Floor 4: all contestants by name. A new contestant is one file here, and one line below."""

from __future__ import annotations

from benchmarks.contestants.analytic_dpm import AnalyticDpm
from benchmarks.contestants.base import Contestant
from benchmarks.contestants.diffusers_solvers import DIFFUSERS
from benchmarks.contestants.fast_dpm import FastDpm
from benchmarks.contestants.noise_estimation import NoiseEstimation
from benchmarks.contestants.online import OnlineBddm
from benchmarks.contestants.published_lists import DIFFWAVE_BASE_6, DIFFWAVE_LARGE_6, FixedList
from benchmarks.contestants.searched import Searched
from benchmarks.contestants.subsequence import Subsequence
from benchmarks.core.experiment import PAPER, TUNED, SearchName

CONTESTANTS: dict[str, Contestant] = {
    "bddm": Searched("BDDM", TUNED, "bddm", compared=True),
    "bddm-literal": Searched("BDDM, τ = T/N and M = 9", PAPER, "bddm", compared=True),
    "bddm-released-search": Searched("BDDM, released search", "released", "bddm", compared=True),
    "bddm-noise": Searched("BDDM, from α_T", "noise", "bddm", compared=True),
    "bddm-frugal": Searched("BDDM, frugal search", "frugal", "bddm"),
    "bddm-released": Searched("BDDM, released loss", "released-loss", "bddm", compared=True),
    "closed-form": Searched("Closed form, no network", "closed-form", "rival"),
    "closed-form-noise": Searched("Closed form, from α_T", "closed-form-noise", "rival"),
    "closed-form-released": Searched(
        "Closed form of the released loss", "closed-form-released", "rival"
    ),
    "constants": Searched("Two constants", "constants", "rival"),
    "constants-noise": Searched("Two constants, from α_T", "constants-noise", "rival"),
    "bddm-online": OnlineBddm("BDDM, online"),
    "bddm-own": OnlineBddm("BDDM, a list for each item", own=True),
    "bddm-ddim": Searched("BDDM's schedule, DDIM", TUNED, "bddm", "ddim"),
    "ddpm": Subsequence("DDPM, linear sub-sequence", "ddpm"),
    "ddim": Subsequence("DDIM, linear sub-sequence", "ddim"),
    "ddim-released": Subsequence("DDIM, released code's steps", "ddim", "both-ends"),
    "ddpm-quad": Subsequence("DDPM, quadratic sub-sequence", "ddpm", "quadratic"),
    "ddim-quad": Subsequence("DDIM, quadratic sub-sequence", "ddim", "quadratic"),
    "ddpm-snr": Subsequence("DDPM, N levels of log-SNR", "ddpm", "log-snr"),
    "ddim-snr": Subsequence("DDIM, N levels of log-SNR", "ddim", "log-snr"),
    "ddpm-snr-steps": Subsequence("DDPM, N steps of log-SNR", "ddpm", "log-snr-steps"),
    "ddim-snr-steps": Subsequence("DDIM, N steps of log-SNR", "ddim", "log-snr-steps"),
    "fast-sampling": FixedList("DiffWave's fast sampling, BASE", DIFFWAVE_BASE_6),
    "fast-sampling-large": FixedList("DiffWave's fast sampling, LARGE", DIFFWAVE_LARGE_6),
    "beta-grid": Searched("WaveGrad's grid search", "beta-grid", "rival"),
    "fastdpm-var": FastDpm("FastDPM, VAR linear, κ = 1", "var", "linear", "ddpm"),
    "fastdpm-var-ddim": FastDpm("FastDPM, VAR linear, κ = 0", "var", "linear", "ddim"),
    "fastdpm-var-quad": FastDpm("FastDPM, VAR quadratic, κ = 1", "var", "quadratic", "ddpm"),
    "fastdpm-var-quad-ddim": FastDpm("FastDPM, VAR quadratic, κ = 0", "var", "quadratic", "ddim"),
    "fastdpm-step": FastDpm("FastDPM, STEP linear, κ = 1", "step", "linear", "ddpm"),
    "fastdpm-step-ddim": FastDpm("FastDPM, STEP linear, κ = 0", "step", "linear", "ddim"),
    "fastdpm-step-quad": FastDpm("FastDPM, STEP quadratic, κ = 1", "step", "quadratic", "ddpm"),
    "fastdpm-step-quad-ddim": FastDpm(
        "FastDPM, STEP quadratic, κ = 0", "step", "quadratic", "ddim"
    ),
    "noise-estimation": NoiseEstimation("Noise estimation, linear", "linear"),
    "noise-estimation-fib": NoiseEstimation("Noise estimation, Fibonacci", "fibonacci"),
    "elbo-paths": Searched("Largest ELBO, dynamic programming", "elbo-paths", "rival"),
    "analytic-dpm": AnalyticDpm("Analytic-DPM", "ddpm"),
    "analytic-ddim": AnalyticDpm("Analytic-DDIM", "ddim"),
    "learned-levels": Searched("Learned levels, DDIM", "learned-levels", "rival", "ddim"),
    **DIFFUSERS,
}
SEARCHED: dict[str, SearchName] = {}
"""Contestant to search; the first one stands for contestants with the same search."""
for _name, _contestant in CONTESTANTS.items():
    if _contestant.search is not None and _contestant.search not in SEARCHED.values():
        SEARCHED[_name] = _contestant.search
BILATERAL = [name for name, contestant in CONTESTANTS.items() if contestant.compared]
"""Contestants whose rows are compared with all other rows: passes of a schedule network."""

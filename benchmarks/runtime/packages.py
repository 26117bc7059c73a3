"""Names the extra to install where an optional package is missing. Needs no package itself."""

from __future__ import annotations

EXTRAS = {
    "PIL": ("pillow", "images"),
    "diffusers": ("diffusers", "diffusers"),
    "distillmos": ("distillmos", "mos"),
    "matplotlib": ("matplotlib", "harness"),
    "numpy": ("numpy", "harness"),
    "onnxruntime": ("onnxruntime", "mos"),
    "packaging": ("packaging", "harness"),
    "pesq": ("pesq", "speech"),
    "pydantic": ("pydantic", "harness"),
    "pystoi": ("pystoi", "speech"),
    "pytest": ("pytest", "test"),
    "pytest_benchmark": ("pytest-benchmark", "test"),
    "rich": ("rich", "harness"),
    "scipy": ("scipy", "harness"),
    "soundfile": ("soundfile", "speech"),
    "speechmos": ("speechmos", "mos"),
    "threadpoolctl": ("threadpoolctl", "harness"),
    "torch_fidelity": ("torch-fidelity", "fid"),
    "torchaudio": ("torchaudio", "speech"),
    "torchmetrics": ("torchmetrics", "harness"),
    "tyro": ("tyro", "harness"),
    "yaml": ("pyyaml", "harness"),
}
"""Name in ``import`` statements to (name of its package, the smallest extra that holds it)."""


def missing_extra(error: ModuleNotFoundError) -> str | None:
    """Say in one sentence which package an import lacks and which extra installs it.

    Args:
        error: as an ``import`` statement raised it; only its ``name`` is read.

    Returns:
        The sentence, or None if no extra of this project holds the module: then the error is not
        for the user to mend, and its trace should be shown.
    """
    module = (error.name or "").partition(".")[0]
    if module not in EXTRAS:
        return None
    package, extra = EXTRAS[module]
    return f"this needs the package {package}: pip install 'bddm-benchmark[{extra}]'"

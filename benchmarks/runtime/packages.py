"""Names of the extras that install optional packages. Needs no package itself."""

from __future__ import annotations

EXTRAS = {
    "PIL": ("pillow", "images"),
    "diffusers": ("diffusers", "diffusers"),
    "distillmos": ("distillmos", "mos"),
    "jinja2": ("jinja2", "harness"),
    "markdown_it": ("markdown-it-py", "harness"),
    "markupsafe": ("markupsafe", "harness"),
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
    "torchmetrics": ("torchmetrics", "torchmetrics"),
    "tyro": ("tyro", "harness"),
    "yaml": ("pyyaml", "harness"),
}
"""Module to (package, smallest extra that holds the package)."""


def missing_extra(error: ModuleNotFoundError) -> str | None:
    """Say in one sentence which extra installs the package that an import lacks.

    Args:
        error: the error of an ``import`` statement; only ``name`` is read.

    Returns:
        The sentence; None if no extra of this project holds the module, so that the user cannot
        mend the error.
    """
    module = (error.name or "").partition(".")[0]
    if module not in EXTRAS:
        return None
    package, extra = EXTRAS[module]
    return f"this needs the package {package}: pip install 'bddm-benchmark[{extra}]'"

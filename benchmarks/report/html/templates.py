"""Templates of the page, and files of the results as parts of it."""

from __future__ import annotations

import base64
import functools
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

MIME = {".flac": "audio/flac", ".wav": "audio/wav", ".png": "image/png"}


def rendered(template: str, /, **values: Any) -> Markup:
    """Fill a template of this project; texts among the values are escaped."""
    return Markup(_environment().get_template(template).render(**values))


def own_text(*names: str) -> Markup:
    """Join style sheets or scripts of this project."""
    folder = files("benchmarks.report.html").joinpath("template")
    return Markup("").join(Markup(folder.joinpath(name).read_text()) for name in names)


def data_uri(path: Path) -> str:
    """The content of a sound or a picture as an address, so that the page needs no other file."""
    content = base64.b64encode(path.read_bytes()).decode()
    return f"data:{MIME[path.suffix]};base64,{content}"


def embedded_size(path: Path) -> int:
    """Number of bytes that :func:`data_uri` takes on the page, to within its first few."""
    return -(-path.stat().st_size // 3) * 4


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("benchmarks.report.html", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

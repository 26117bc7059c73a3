"""The document that a run is about to replace: refused if it is of another experiment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bddm_ref.files import DamagedFileError
from benchmarks.core.errors import UserError
from benchmarks.core.experiment import Experiment
from benchmarks.core.identity import as_dict
from benchmarks.core.loading import from_stored, load, names
from benchmarks.results.forms import document_file, read_text
from benchmarks.runtime.checkout import REPOSITORY

OF_MACHINE = ("device", "threads", "bf16", "compile", "batch_items", "publish")
SHOWN = 4  # fields that a message lists


def refuse_another(document: Path, kind: str, name: str, experiment: Experiment) -> str | None:
    """Refuse to replace the document of another experiment.

    Args:
        document: the place of the new document, ``NAME.json``.
        kind: the kind of the new document.
        name: the name of the experiment that is about to run.
        experiment: the experiment.

    Returns:
        A line on the fields that differ from the earlier run of the same experiment; None where
        there is no earlier run, or it had the same fields.

    Raises:
        UserError: the place holds a document of another experiment.
    """
    file = document_file(document.parent, document.name)
    content = _content(file)
    if content is None:
        return f"{file} cannot be read; this run replaces it" if file.is_file() else None
    earlier = content.get("experiment_name") or _published_by(document, content)
    if earlier != name or content.get("kind") != kind:
        told = f"the experiment {earlier}" if earlier else "an experiment of unknown name"
        raise UserError(
            f"{document.parent} holds the tables of {told} ({file.name}), and {name} would replace "
            "them; name another folder with --results, or move the older tables away"
        )
    stored = content.get("experiment")
    fields = differing(stored, experiment) if isinstance(stored, dict) else []
    if not fields:
        return None
    more = f" and {len(fields) - SHOWN} more" if len(fields) > SHOWN else ""
    return (
        f"{document.parent} holds the tables of an earlier run of {name} with other fields "
        f"({', '.join(fields[:SHOWN])}{more}); this run replaces them"
    )


def _content(file: Path) -> dict[str, Any] | None:
    """The plain values of a document; None where there is none, or it cannot be read."""
    try:
        content = json.loads(read_text(file)) if file.is_file() else None
    except (DamagedFileError, UnicodeDecodeError, json.JSONDecodeError):
        return None
    return content if isinstance(content, dict) else None


def _published_by(document: Path, content: Mapping[str, Any]) -> str | None:
    """The shipped experiment that publishes to a document's folder; None: no such experiment.

    Documents of earlier versions do not record the name.
    """
    folder, track = document.parent.resolve(), content.get("track") or "analytic"
    folder = folder.parent if folder.name == "theory" else folder
    for name in names():
        shipped = load(name)
        if shipped.track == track and shipped.publish and folder == REPOSITORY / shipped.publish:
            return name
    return None


def differing(stored: dict[str, Any], asked: Experiment) -> list[str]:
    """Fields whose values differ, by their names on the command line, with both values.

    Fields of the machine, such as ``device``, are left out.
    """
    try:
        earlier = from_stored(stored)
    except ValidationError:
        return ["fields of an earlier version"]
    before, now = dict(_flat(as_dict(earlier))), dict(_flat(as_dict(asked)))
    return [
        f"{field} {_short(before.get(field))}, now {_short(now.get(field))}"
        for field in (before | now)
        if before.get(field) != now.get(field) and field.rpartition(".")[2] not in OF_MACHINE
    ]


def _flat(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in content.items():
        name = f"{prefix}{key}"
        found += _flat(value, f"{name}.") if isinstance(value, dict) else [(name, value)]
    return found


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 30 else f"{text[:27]}..."

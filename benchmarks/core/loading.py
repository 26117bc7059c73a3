"""Reading of experiments from YAML; messages about unknown fields name the nearest field."""

from __future__ import annotations

import dataclasses
import typing
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from benchmarks.core.errors import ExperimentError, first_error
from benchmarks.core.experiment import Experiment
from benchmarks.core.registry import nearest

FOLDER = Path(__file__).parents[1] / "experiments"


def names() -> list[str]:
    """Names of the experiments that come with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name_or_path: str) -> Experiment:
    """Read a shipped experiment by name, or any YAML file by path.

    Raises:
        ExperimentError: the experiment does not exist, the file is no YAML, a field is unknown, or
            a value has a wrong type.
    """
    path = Path(name_or_path)
    if path.suffix != ".yaml":
        path = FOLDER / f"{name_or_path}.yaml"
        if not path.is_file():
            raise ExperimentError(
                f"no experiment {name_or_path!r}{nearest(name_or_path, names())}; shipped are "
                f"{', '.join(names())}; or give the path of a .yaml file"
            )
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ExperimentError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ExperimentError(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ExperimentError(f"{path} must hold a mapping of fields")
    return from_content(content, path.name)


def from_content(content: dict[str, Any], where: str) -> Experiment:
    """Make an experiment from plain values.

    Args:
        content: field to value.
        where: origin of the values, for messages.

    Raises:
        ExperimentError: a field is unknown, or a value has a wrong type.
    """
    _refuse_unknown(content, Experiment, where)
    try:
        experiment = _adapter().validate_python(content)
    except ValidationError as error:
        raise ExperimentError(f"{where}: {first_error(error)}") from error
    return experiment


def from_stored(content: dict[str, Any]) -> Experiment:
    """Make an experiment from the fields in a stored document.

    Fields that the code no longer has are ignored. Fields younger than the document get their
    default, and the default of a new field keeps the earlier behaviour.

    Raises:
        pydantic.ValidationError: a value has a wrong type.
    """
    return _adapter().validate_python(content)


@cache
def _adapter() -> TypeAdapter[Experiment]:
    return TypeAdapter(Experiment)


def _refuse_unknown(content: dict[str, Any], kind: type, where: str) -> None:
    hints = typing.get_type_hints(kind)
    for key, value in content.items():
        if key not in hints:
            raise ExperimentError(f"{where}: unknown field {key!r}{nearest(str(key), hints)}")
        inner = hints[key]
        if typing.get_origin(inner) is tuple:
            inner = typing.get_args(inner)[0]
        if dataclasses.is_dataclass(inner):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, dict):
                    _refuse_unknown(part, typing.cast(type, inner), f"{where}: {key}")

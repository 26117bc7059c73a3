"""Reading of experiments from YAML; messages about unknown fields name the nearest field."""

from __future__ import annotations

import dataclasses
import typing
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from benchmarks.core.bounds import refuse_out_of_bounds
from benchmarks.core.errors import ExperimentError
from benchmarks.core.experiment import Experiment
from benchmarks.core.names import one_line, refuse_name, refuse_unprintable
from benchmarks.core.registry import nearest
from benchmarks.core.yaml_text import read_yaml

FOLDER = Path(__file__).parents[1] / "experiments"


def names() -> list[str]:
    """Names of the experiments that come with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name_or_path: str) -> Experiment:
    """Read a shipped experiment by name, or any YAML file by path.

    Raises:
        ExperimentError: the experiment does not exist, the file is no YAML, its name breaks the
            rule for names, a field is unknown, or a value has a wrong type or is out of bounds.
    """
    path = Path(name_or_path)
    if path.suffix != ".yaml":
        path = FOLDER / f"{name_or_path}.yaml"
        if not path.is_file():
            raise ExperimentError(
                f"no experiment {name_or_path!r}{nearest(name_or_path, names())}; shipped are "
                f"{', '.join(names())}; or give the path of a .yaml file"
            )
    else:
        refuse_name(path.stem, f"the file {path.name}", of_file=True)
    content = read_yaml(path)
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise ExperimentError(f"{path} must hold a mapping of fields, not a {kind}")
    return from_content(content, path.name)


def from_content(content: dict[str, Any], where: str) -> Experiment:
    """Make an experiment from plain values.

    Args:
        content: field to value.
        where: origin of the values, for messages.

    Raises:
        ExperimentError: a field is unknown, or a value has a wrong type, is out of bounds, or
            is not one printable line.
    """
    _refuse_unknown(content, Experiment, where)
    try:
        experiment = _adapter().validate_python(content)
        refuse_out_of_bounds(experiment)
        refuse_unprintable(dataclasses.asdict(experiment))
    except ValidationError as error:
        raise ExperimentError(f"{where}: {_told(error)}") from error
    except ExperimentError as error:
        raise ExperimentError(f"{where}: {error}") from error
    return experiment


def from_stored(content: dict[str, Any]) -> Experiment:
    """Make an experiment from the fields in a stored document.

    Fields that the code no longer has are ignored. Fields younger than the document get their
    default, and the default of a new field keeps the earlier behaviour. Bounds are younger than
    some documents, and are not asked of them.

    Raises:
        pydantic.ValidationError: a value has a wrong type.
    """
    return _adapter().validate_python(content)


@cache
def _adapter() -> TypeAdapter[Experiment]:
    return TypeAdapter(Experiment)


def _told(error: ValidationError) -> str:
    """Field, value and text of the first error."""
    first = error.errors()[0]
    parts = [str(part) for part in first["loc"]]
    if len(parts) > 1 and (parts[-1] in ("int", "float") or parts[-1].startswith("literal[")):
        del parts[-1]  # the kind of value, in a field that takes several
    field = ".".join(parts)
    if first["type"] == "value_error":  # raised by the dataclass, which names the value
        return f"{field}: {first['ctx']['error']}"
    hint = "; write it in quotes" if first["type"] == "string_type" else ""
    found = one_line(repr(first["input"]), 60)
    return one_line(f"{field}: {found} is not allowed: {first['msg']}{hint}")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _refuse_unknown(content: dict[str, Any], kind: type, where: str) -> None:
    hints = _hints(kind)
    for key, value in content.items():
        if key not in hints:
            raise ExperimentError(
                f"{where}: unknown field '{one_line(str(key), 60)}'{nearest(str(key), hints)}"
            )
        inner = hints[key]
        takes_words = bool in (inner, *typing.get_args(inner)) or inner is Any
        parts = value if isinstance(value, list) else [value]
        if any(isinstance(part, bool) for part in parts) and not takes_words:
            raise ExperimentError(f"{where}: {key}: {value} is not allowed; the field is no switch")
        if typing.get_origin(inner) is tuple:
            inner = typing.get_args(inner)[0]
        if dataclasses.is_dataclass(inner):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, dict):
                    _refuse_unknown(part, typing.cast(type, inner), f"{where}: {key}")

"""Plain values of JSON, YAML, numpy and torch files, read without executing anything in them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bddm_ref.files import DamagedFileError
from benchmarks.core.errors import UserError
from benchmarks.interop.pickles import PICKLES, load_pickle
from benchmarks.results.forms import GZIP, JSON, read_text

YAMLS = (".yaml", ".yml")
ARRAYS = (".npy", ".npz")
READABLE = (JSON, JSON + GZIP, *YAMLS, *ARRAYS, *PICKLES)


def load_value(path: Path) -> Any:
    """Read the value that a file holds.

    Raises:
        UserError: the file is damaged, of another kind, or loading would execute code.
        DamagedFileError: the file is a damaged gzip file.
    """
    name = path.name.lower()
    if name.endswith((JSON, JSON + GZIP)):
        return _json(path)
    if name.endswith(YAMLS):
        return _yaml(path)
    if name.endswith(ARRAYS):
        return _arrays(path)
    if name.endswith(PICKLES):
        return load_pickle(path)
    raise UserError(f"{path} cannot be read; give a file that ends in {', '.join(READABLE)}")


def _json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except DamagedFileError:  # its sentence names the file and the fault
        raise
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON: {error}") from error


def _yaml(path: Path) -> Any:
    try:
        return _with_numbers(yaml.safe_load(path.read_text()))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} is no YAML: {reason}") from error


def _with_numbers(value: Any) -> Any:
    """Read entries of lists such as ``1e-6``, which YAML takes for text, as numbers."""
    if isinstance(value, dict):
        return {name: _with_numbers(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_numbers(one) for one in value]
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _arrays(path: Path) -> Any:
    """An array, or the arrays of an archive by name; an archive's only array counts by itself."""
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            arrays = {name: loaded[name] for name in loaded.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged, or not a file of numpy's numbers: {error}") from error
    return arrays.get("arr_0", arrays) if len(arrays) == 1 else arrays

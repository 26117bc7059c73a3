"""Plain values of JSON, YAML, numpy and torch files, read without executing anything in them."""

from __future__ import annotations

import json
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bddm_ref.files import DamagedFileError
from benchmarks.core.errors import UserError
from benchmarks.core.yaml_text import read_yaml
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
        return read_json(path)
    if name.endswith(YAMLS):
        return read_yaml(path)
    if name.endswith(ARRAYS):
        return _arrays(path)
    if name.endswith(PICKLES):
        return load_pickle(path)
    raise UserError(f"{path} cannot be read; give a file that ends in {', '.join(READABLE)}")


def read_json(path: Path) -> Any:
    """Read a JSON file, compressed or not.

    Raises:
        UserError: the file is no JSON, or an object in it gives a key twice.
        DamagedFileError: the file is a damaged gzip file.
    """
    try:
        return json.loads(read_text(path), object_pairs_hook=partial(_once, path))
    except (DamagedFileError, UserError):  # their sentences name the file and the fault
        raise
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON: {error}") from error


def _once(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dictionary of pairs, of which Python would keep the last with a key in silence."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise UserError(f"{path}: the key {key!r} is there twice; keep one of them")
        made[key] = value
    return made


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

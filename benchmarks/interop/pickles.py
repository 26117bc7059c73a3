"""Pickles of torch, read without executing anything in them."""

from __future__ import annotations

import argparse
import pickletools
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.core.errors import UserError

PICKLES = (".pkl", ".pt", ".pth", ".ckpt", ".bin")
DAMAGED = "{} is damaged, or was not written by torch.save"
CALLS = ("REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX")  # opcodes of pickles
KINDS = [
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "bool",
]  # of numpy's numbers


def load_pickle(path: Path) -> Any:
    """Read a file of ``torch.save`` that holds tensors, arrays, plain values and namespaces alone.

    Raises:
        UserError: the file is damaged, or loading would execute code.
    """
    _refuse_changed_bytes(path)
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_allowed()):
            warnings.simplefilter("ignore")  # unreadable content raises an error below
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many types for an unknown file
        found = re.search(r"GLOBAL ([\w.]+)|but got <class '([\w.]+)'>", str(error))
        if name := found[found.lastindex or 0] if found else _called_in(path):
            raise UserError(
                f"{path} holds {name}, and only tensors and plain values are read; nothing was "
                "executed"
            ) from error
        raise UserError(DAMAGED.format(path)) from error


def _refuse_changed_bytes(path: Path) -> None:
    """Compare the checksums inside an archive, which torch does not do."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            changed = archive.testzip()
    except Exception as error:  # zipfile raises many types
        raise UserError(DAMAGED.format(path)) from error
    if changed is not None:
        raise UserError(DAMAGED.format(path))


def _called_in(path: Path) -> str | None:
    """Name of the first object that a pickle would import and call; None: nothing.

    This serves pickles of protocols that torch does not read. Opcodes are listed, and none is
    executed.
    """
    strings: list[str] = []
    named = None
    try:
        for code, argument, _ in pickletools.genops(path.read_bytes()):
            if isinstance(argument, str):
                strings.append(argument)
            if code.name in ("GLOBAL", "INST"):
                named = str(argument).replace(" ", ".")
            elif code.name == "STACK_GLOBAL":
                named = ".".join(strings[-2:])
            if code.name in CALLS and named is not None:
                return named
    except Exception:  # the file ends early, or is no pickle
        return None
    return None


def _allowed() -> list[Any]:
    """Types that a pickle may name: namespaces, and numpy's arrays and scalars of numbers.

    numpy 2 moved the functions that make arrays and scalars; pickles have either name.
    """
    array, scalar = np.zeros(1).__reduce__()[0], np.float64(0).__reduce__()[0]
    moved = [
        (made, f"numpy.{place}.multiarray.{name}")
        for made, name in ((array, "_reconstruct"), (scalar, "scalar"))
        for place in ("core", "_core")
    ]
    return [argparse.Namespace, np.ndarray, np.dtype, *moved, *(type(np.dtype(k)) for k in KINDS)]

"""The limit of memory under which networks are built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from benchmarks.core.estimates import physical_memory


@contextmanager
def within_memory() -> Iterator[None]:
    """Refuse parameters that are empty or larger than the memory, before they are filled.

    Raises:
        ValueError: the parameters that are built inside do not fit, or one has no element.
    """
    memory, taken = physical_memory(), 0

    def count(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal taken
        if parameter is not None:
            if parameter.numel() == 0:
                raise ValueError(
                    f"the parameter {name} of a {type(module).__name__} has no element"
                )
            taken += parameter.numel() * parameter.element_size()
        if memory is not None and taken > memory:
            raise ValueError(
                f"its parameters need more than {taken / 2**30:.0f} GiB of memory, and the machine "
                f"has {memory / 2**30:.0f} GiB; make it smaller"
            )

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()

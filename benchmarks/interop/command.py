"""The work of ``import`` and ``export``; both report line by line."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from bddm_ref.checkpoint import load_weights, save_weights
from bddm_ref.files import checksum_file, sha256_of, write_atomically
from bddm_ref.schedule import NoiseSchedule
from benchmarks.core.errors import UserError
from benchmarks.core.experiment import LinearSchedule
from benchmarks.core.names import as_file_stem, one_line
from benchmarks.interop import schedules, selfcheck
from benchmarks.interop.base import Content, Imported
from benchmarks.interop.files import read_content, refuse_other_endings
from benchmarks.interop.folders import INDEX, shards_of
from benchmarks.interop.layouts import chosen_of, convert
from benchmarks.interop.released import save_released
from benchmarks.interop.schedules import ScheduleSource
from benchmarks.interop.snippets import snippet, told, weights_in

LONGEST_PATH = 1_000  # characters of a path that is shown
EXPORTED = Path("runs/exported")
ENDINGS = {"released": ".pkl", "ns": ".ns", "json": ".json", "diffusers": "-diffusers.json"}
TRAINING = {"diffusers": "ddpm"}  # default training schedule of a kind; all others: released


@dataclass(frozen=True)
class Output:
    """A file to write, and the function that writes the file."""

    path: Path
    save: Callable[[Path], object]


@dataclass(frozen=True)
class Converted:
    """A network in memory, before its weights are written.

    Attributes:
        imported: the converted file.
        network: the network.
        output: the network's output in the self-check.
        path: the file for the weights.
    """

    imported: Imported
    network: nn.Module
    output: Tensor
    path: Path


# -- import -------------------------------------------------------------------------------------


def import_file(file: Path, to: Path, training: str | None) -> Iterator[str]:
    """Convert networks or a schedule, and yield the lines of a report.

    Args:
        file: a checkpoint, a folder of diffusers, or a schedule (.ns, .json, RUN.json:ROW).
        to: the folder to write to.
        training: the training schedule for a file that names none: a key of ``schedules.NAMED``,
            or an experiment.

    Raises:
        UserError: the file cannot be used, or its conversion cannot be written.
        RuntimeError: the written file differs from the converted network or schedule.
    """
    if ScheduleSource.parse(file).holds_schedule:
        return _import_schedule(file, to, training)
    return _import_networks(file, to, training)


def _import_networks(file: Path, to: Path, training: str | None) -> Iterator[str]:
    content = read_content(file)
    found = convert(content)
    if training is not None:
        named = schedules.named_training(training)
        found = tuple(_with_training(content, one, training, named) for one in found)
    stem = as_file_stem(file.resolve().name if file.is_dir() else content.path.stem)
    several = len(found) > 1
    names = [f"{stem}{f'-{one.role}' if several else ''}.safetensors" for one in found]
    converted = [
        _converted(content, one, to / name) for one, name in zip(found, names, strict=True)
    ]
    # The line becomes a comment of the written fields.
    source = f"{one_line(str(file), LONGEST_PATH)}, {_sources(content)}"
    text = snippet([(one.imported, one.path) for one in converted], f"imported from {source}")
    fields = to / f"{stem}.yaml"
    _write(
        *(Output(one.path, partial(save_weights, one.network)) for one in converted),
        Output(fields, partial(_write_text, text)),
    )
    yield source
    for one in converted:
        yield from _described(content, one)
        yield from _checked(one)
    yield f"fields for an experiment, in {fields}:"
    yield text.rstrip()


def _with_training(
    content: Content, imported: Imported, name: str, named: LinearSchedule
) -> Imported:
    """Give a network a training schedule that does not contradict its file."""
    for field in imported.told:
        theirs, ours = getattr(imported.training, field), getattr(named, field)
        if theirs != ours:
            raise UserError(
                f"{content.path}: --training {name} has {field} = {ours:g}, and the file tells "
                f"{field} = {theirs:g}; leave --training out"
            )
    return replace(imported, training=named)


def _sources(content: Content) -> str:
    """Checksums of the files that the weights came from."""
    files = (
        sorted({*shards_of(content.path).values()})
        if INDEX.search(content.path.name)
        else [content.path]
    )
    if len(files) == 1:
        return f"sha256 {sha256_of(files[0])}"
    return ", ".join(f"sha256 of {one.name} {sha256_of(one)}" for one in files)


def _converted(content: Content, imported: Imported, path: Path) -> Converted:
    network = selfcheck.network_of(imported)
    try:
        output = selfcheck.outputs(imported, network)
    except ValueError as error:
        raise UserError(f"{content.path}: {error}") from error
    except Exception as error:  # other libraries raise many types for an impossible size
        raise UserError(
            f"{content.path}: the network cannot be evaluated: {type(error).__name__}: {error}"
        ) from error
    return Converted(imported, network, output, path)


def _described(content: Content, one: Converted) -> Iterator[str]:
    imported = one.imported
    parameters = sum(parameter.numel() for parameter in one.network.parameters())
    read = chosen_of(content)
    where = f", under {read.where!r}" if read.where else ""
    where += f", names from {read.prefix!r}" if read.prefix else ""
    yield f"{imported.layout}{where}"
    yield f"  network     {imported.network}, a {imported.role} of the track {imported.track}"
    yield f"  size        {', '.join(f'{k} {v}' for k, v in imported.size.items()) or 'default'}"
    yield f"  parameters  {parameters}"
    yield f"  training    {told(imported.training)}"
    for note in imported.notes:
        yield f"  note        {note}"


def _checked(one: Converted) -> Iterator[str]:
    """Compare the written file's network with the one in memory."""
    written = selfcheck.network_of(one.imported)
    load_weights(written, one.path)
    if not torch.equal(selfcheck.outputs(one.imported, written), one.output):
        raise RuntimeError(f"{one.path} differs from the converted network; remove the file")
    yield f"  written     {one.path}, sha256 {sha256_of(one.path)}"
    yield (
        f"  self-check  at {selfcheck.LEVELS} levels: finite, repeatable, and the same from the "
        "written file"
    )
    if selfcheck.folds(one.imported, written, one.output):
        yield "              without weight norm, as in sampling: the same to rounding"
    if one.imported.role == "score_net":
        alpha, missed = selfcheck.noise_missed(one.imported, one.network, one.output)
        yield (
            f"              relative error on pure noise (alpha {alpha:.4f}): {missed:.3f}; small "
            "for a trained network, 1 for an untrained one"
        )


def _import_schedule(file: Path, to: Path, training: str | None) -> Iterator[str]:
    named = schedules.named_training(training or "released")
    read, source = schedules.read_told(file, named), ScheduleSource.parse(file)
    schedule = read.schedule
    path = to / f"{source.stem}.json"
    _write(Output(path, partial(schedules.save_json, schedule)))
    yield f"{source.name}, sha256 {sha256_of(source.path)}"
    yield f"  a schedule of {len(schedule)} steps; t counts {told(named)}"
    yield from (f"  note        {note}" for note in read.notes)
    yield from _table(schedule, schedules.process_of(named))
    if schedules.read_schedule(path, named) != schedule:
        raise RuntimeError(f"{path} differs from the schedule that was read; remove the file")
    yield f"  written     {path}"
    yield "  self-check  the written file gives the same schedule, bit by bit"


def _table(schedule: NoiseSchedule, training: NoiseSchedule) -> Iterator[str]:
    steps = training.step_of(schedule.alphas)
    columns = (schedule.betas, schedule.alphas.tolist(), schedule.sigmas.tolist(), steps.tolist())
    yield f"  {'n':>4}  {'beta':>12}  {'alpha':>10}  {'sigma':>10}  {'t':>9}"
    for n, (beta, alpha, sigma, t) in enumerate(zip(*columns, strict=True), start=1):
        yield f"  {n:>4}  {beta:>12.6g}  {alpha:>10.6f}  {sigma:>10.6f}  {t:>9.3f}"


# -- export -------------------------------------------------------------------------------------


def export_file(file: Path, kind: str, to: Path | None, training: str | None) -> Iterator[str]:
    """Write networks or a schedule for other tools, and yield the lines of a report.

    Args:
        file: weights, a .yaml that names some, or a schedule (.ns, .json, RUN.json:ROW).
        kind: a key of ENDINGS.
        to: the file to write; None for one in ``runs/exported``.
        training: the training schedule whose steps are written; see :func:`import_file`.

    Raises:
        UserError: the file cannot be used, or its copy cannot be written.
        RuntimeError: the written file differs from the exported networks.
    """
    path = to or EXPORTED / f"{ScheduleSource.parse(file).stem}{ENDINGS[kind]}"
    if kind == "released":
        yield from _export_networks(file, path)
    else:
        yield from _export_schedule(file, kind, path, training)
    yield f"  written     {path}"


def _export_networks(file: Path, path: Path) -> Iterator[str]:
    refuse_other_endings(path)
    if ScheduleSource.parse(file).is_schedule:
        raise UserError(f"{file} is a schedule; --as ns, json or diffusers writes one")
    weights = weights_in(file) if file.suffix == ".yaml" else (file,)
    found = [imported for one in weights for imported in convert(read_content(one))]
    networks = [selfcheck.network_of(imported) for imported in found]
    training = found[0].training or schedules.NAMED["released"]
    _write(Output(path, lambda target: save_released(networks, training, target)))
    again = convert(read_content(path))
    for imported, back in zip(found, again, strict=True):
        if any(not torch.equal(back.state[name], v) for name, v in imported.state.items()):
            raise RuntimeError(f"{path} differs from the exported network; write the file again")
        yield f"{imported.network}, as {back.layout}; every tensor is the same when read back"
        for note in imported.notes:
            yield f"  note        {note}"


def _export_schedule(file: Path, kind: str, path: Path, training: str | None) -> Iterator[str]:
    named = schedules.named_training(training or TRAINING.get(kind, "released"))
    schedule = _read_whatever_steps_count(file, named)
    process = schedules.process_of(named)
    save = {
        "json": partial(schedules.save_json, schedule),
        "ns": partial(schedules.save_ns, schedule, process),
        "diffusers": partial(schedules.save_diffusers, schedule, named),
    }[kind]
    _write(Output(path, save))
    yield f"{ScheduleSource.parse(file).name}: a schedule of {len(schedule)} steps"
    if kind != "json":
        yield f"  steps       of the training schedule {told(named)}"
        for note in schedules.losses(schedule, process, kind == "ns"):
            yield f"  note        {note}"


def _read_whatever_steps_count(file: Path, written: LinearSchedule) -> NoiseSchedule:
    """Read a schedule whose steps t count the released schedule or ``written``."""
    try:
        return schedules.read_schedule(file, schedules.NAMED["released"])
    except ValueError:
        return schedules.read_schedule(file, written)


# -- files --------------------------------------------------------------------------------------


def _write(*outputs: Output) -> None:
    """Write all files; write none if one exists with other content."""
    for output in outputs:
        _refuse_place(output.path)
        if output.path.exists() and not _is_same(output):
            raise UserError(
                f"{output.path} exists with other content; remove the file, or name another "
                "place by --to"
            )
    for output in outputs:
        try:
            output.save(output.path)
        except OSError as error:
            raise UserError(
                f"{output.path} cannot be written: {error.strerror}; name another place by --to"
            ) from error


def _refuse_place(path: Path) -> None:
    if path.is_dir():
        raise UserError(f"{path} is a folder; name another file by --to")
    for parent in path.parents:
        if parent.exists() and not parent.is_dir():
            raise UserError(f"{parent} is a file, not a folder; name another place by --to")
    checksum = checksum_file(path)
    if checksum.exists() and not path.exists():
        raise UserError(
            f"{checksum} exists without its file; remove the checksum, or name another place by "
            "--to"
        )


def _is_same(output: Output) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / output.path.name
        output.save(fresh)
        return output.path.is_file() and sha256_of(fresh) == sha256_of(output.path)


def _write_text(text: str, path: Path) -> None:
    write_atomically(path, lambda temporary: temporary.write_text(text))

"""Image sets: Fashion-MNIST, CIFAR-10 and folders of pictures, in fixed splits."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bddm_ref.files import DamagedFileError
from benchmarks.core.errors import UserError
from benchmarks.data.checked import checked
from benchmarks.data.debian import DataUnavailableError, DebianDataset, locate
from benchmarks.data.files import PICTURES, found_in
from benchmarks.data.folders import split_folder
from benchmarks.data.names import name_of_folder, name_of_layout
from benchmarks.data.pictures import picture_check, read_picture
from benchmarks.data.splits import combined_digest, ordered_digest, refuse_closed_test
from benchmarks.runtime.progress import Advance, Progress

LARGEST_HELD_OUT = 10_000  # most pictures in the validation split, and in the test split

CIFAR_TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
CIFAR_FILES = (*CIFAR_TRAIN, "test_batch.bin")
CIFAR_RECORD = 1 + 3 * 32 * 32  # bytes: the label, then red, green and blue

ALTERNATIVE = (
    "give a folder with --data DIR: CIFAR-10's binary version (cifar-10-binary.tar.gz from "
    "https://www.cs.toronto.edu/~kriz/cifar.html, unpacked), or any folder of pictures"
)
FASHION_MNIST = DebianDataset(
    package="dataset-fashion-mnist",
    version="0.0~git20200523.55506a9-1",
    sha256="39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
    folder="usr/share/datasets/fashion-mnist",
    manifest=Path(__file__).parent / "fashion-mnist.sha256",
    alternative=ALTERNATIVE,
)


@dataclass(frozen=True)
class Images:
    """The images of one split."""

    pixels: Tensor  # uint8 (N, C, H, W)
    labels: Tensor | None  # int64 (N,)


@dataclass(frozen=True)
class Part:
    """A split that is not loaded yet."""

    count: int
    load: Callable[[Advance], Images]  # reports every loaded image


class ImageSet:
    """Images of one shape in three splits.

    Args:
        name: name in results.
        sha256: one checksum over everything the pixels depend on.
        shape: ``(C, H, W)``.
        parts: ``train``, ``valid`` and ``test``, disjoint.
        digests: a checksum of each part; None: the files are pinned, and the whole checksum serves.
    """

    def __init__(
        self,
        name: str,
        sha256: str,
        shape: tuple[int, int, int],
        parts: dict[str, Part],
        digests: dict[str, str] | None = None,
    ) -> None:
        self._digests = digests
        self.name = name
        self.sha256 = sha256
        self.shape = shape
        self._parts = parts

    def split(self, split: str, stage: str, progress: Progress) -> Images:
        """Load one split.

        Args:
            split: ``train``, ``valid`` or ``test``.
            stage: the stage that asks.
            progress: receives reports of loading.

        Raises:
            PermissionError: the stage must not open the test split.
            DamagedFileError: a file holds no readable images.
        """
        refuse_closed_test(split, stage)
        part = self._parts[split]
        with progress.task(f"load {split} images", part.count) as advance:
            return part.load(advance)

    def digest(self, split: str) -> str:
        """Checksum of one split and of how it is read."""
        return self.sha256 if self._digests is None else self._digests[split]

    def sizes(self) -> dict[str, int]:
        """Number of images in each split."""
        return {split: part.count for split, part in self._parts.items()}


def read_idx(path: Path, dimensions: int) -> Tensor:
    """Read a gzip-compressed IDX file of unsigned bytes, the format of MNIST (yann.lecun.com).

    The file holds two zero bytes, the type of the values (0x08: unsigned byte), the number of
    dimensions, the size of each (four bytes, big-endian), and the values, the last index fastest.

    Args:
        path: the file.
        dimensions: required number of dimensions.

    Returns:
        uint8, of the shape in the header.

    Raises:
        DamagedFileError: the file is missing, truncated, too long, or of another type or format.
    """
    try:
        with gzip.open(path) as file:
            data = file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise DamagedFileError(
            f"{path} is not a readable gzip file ({error}); fetch the file again"
        ) from error
    if len(data) < 4 or data[:2] != b"\0\0":
        raise DamagedFileError(f"{path} does not start like an IDX file; fetch the file again")
    if data[2:4] != bytes([0x08, dimensions]):
        raise DamagedFileError(
            f"{path} holds values of type {data[2]:#04x} in {data[3]} dimensions, not unsigned "
            f"bytes (0x08) in {dimensions}; fetch the file again"
        )
    start = 4 + 4 * dimensions
    shape = [int.from_bytes(data[i : i + 4], "big") for i in range(4, start, 4)]
    if len(data) != start + math.prod(shape):
        raise DamagedFileError(
            f"{path} holds {len(data)} bytes, and its header promises "
            f"{start + math.prod(shape)}; fetch the file again"
        )
    # torch needs a writable array, hence the copy.
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=start).copy()).reshape(shape)


def fashion_mnist(progress: Progress) -> ImageSet:
    """Fashion-MNIST: grey pictures of clothes in 10 classes, 28 x 28 (arXiv 1708.07747).

    The pictures come from Debian's package. The published test images are the test split. The last
    5 000 training images are the validation split.

    Raises:
        DataUnavailableError: the data set is not here and cannot be fetched.
        DamagedFileError: a file differs from the manifest.
    """
    folder = locate(FASHION_MNIST, progress)
    parts = {
        "train": Part(55_000, partial(_load_fashion, folder, "train", slice(0, 55_000))),
        "valid": Part(5_000, partial(_load_fashion, folder, "train", slice(55_000, 60_000))),
        "test": Part(10_000, partial(_load_fashion, folder, "t10k", slice(0, 10_000))),
    }
    return ImageSet("fashion-mnist", combined_digest(FASHION_MNIST.files()), (1, 28, 28), parts)


def _load_fashion(folder: Path, stem: str, kept: slice, advance: Advance) -> Images:
    pixels = read_idx(folder / f"{stem}-images-idx3-ubyte.gz", 3)
    labels = read_idx(folder / f"{stem}-labels-idx1-ubyte.gz", 1)
    # Without the clone, a small split would keep the whole file in memory.
    images = Images(pixels[kept, None].clone(), labels[kept].long())
    advance(len(images.pixels))
    return images


def cifar_10(folder: Path, progress: Progress) -> ImageSet:
    """CIFAR-10's binary version: colour pictures in 10 classes, 32 x 32 (Krizhevsky 2009).

    ``test_batch.bin`` is the test split. The last tenth of the training images, in the order of the
    files, is the validation split: the second half of ``data_batch_5.bin``. The pickled Python
    version is refused, since unpickling executes code. No checksums of the single files are
    published, so that the set's name tells the layout and a checksum.

    Raises:
        DataUnavailableError: the folder or one of the six files is missing, or the folder holds the
            Python version.
        DamagedFileError: a file does not hold a whole number of records.
    """
    _require_folder(folder)
    missing = [name for name in CIFAR_FILES if not (folder / name).is_file()]
    if missing and (folder / Path(missing[0]).stem).is_file():
        raise DataUnavailableError(
            f"--data {folder} is the pickled Python version of CIFAR-10, and the binary version is "
            f"needed; {ALTERNATIVE}"
        )
    if missing:
        raise DataUnavailableError(f"--data {folder} lacks CIFAR-10's {missing[0]}; {ALTERNATIVE}")
    paths = {name: folder / name for name in CIFAR_FILES}
    counts = {path: _count_records(path) for path in paths.values()}
    tests = {paths["test_batch.bin"]: counts.pop(paths["test_batch.bin"])}
    total, tested = sum(counts.values()), sum(tests.values())
    first_valid = total - max(1, total // 10)
    ranges = {
        "train": (counts, 0, first_valid),
        "valid": (counts, first_valid, total),
        "test": (tests, 0, tested),
    }
    parts = {
        split: Part(stop - start, partial(_load_cifar, files, start, stop))
        for split, (files, start, stop) in ranges.items()
    }
    sums, digests = {name: hashlib.sha256() for name in CIFAR_FILES}, {}
    with progress.task("check CIFAR-10", total + tested) as advance:
        for split, (files, start, stop) in ranges.items():
            part = hashlib.sha256()
            for path, records in _records(files, start, stop):
                for digest in (part, sums[path.name]):
                    digest.update(records.numpy().tobytes())
                advance(len(records))
            digests[split] = part.hexdigest()
    sha256 = combined_digest({name: one.hexdigest() for name, one in sums.items()})
    return ImageSet(name_of_layout("cifar-10", sha256), sha256, (3, 32, 32), parts, digests)


def _count_records(path: Path) -> int:
    size = path.stat().st_size
    if size == 0 or size % CIFAR_RECORD:
        raise DamagedFileError(
            f"{path} has {size} bytes, not a whole number of CIFAR-10's records of "
            f"{CIFAR_RECORD} bytes; unpack cifar-10-binary.tar.gz again"
        )
    return size // CIFAR_RECORD


def _load_cifar(counts: dict[Path, int], start: int, stop: int, advance: Advance) -> Images:
    """Load the records from ``start`` to before ``stop``, counted over all files."""
    pixels = torch.empty(stop - start, 3, 32, 32, dtype=torch.uint8)
    labels = torch.empty(stop - start, dtype=torch.int64)
    done = 0
    for _, records in _records(counts, start, stop):
        kept = slice(done, done + len(records))
        labels[kept], pixels[kept] = records[:, 0], records[:, 1:].unflatten(1, (3, 32, 32))
        done += len(records)
        advance(len(records))
    return Images(pixels, labels)


def _records(counts: dict[Path, int], start: int, stop: int) -> Iterator[tuple[Path, Tensor]]:
    """Read a range of records file by file, each part ``(count, CIFAR_RECORD)`` uint8."""
    before = 0  # records in the files so far
    for path, count in counts.items():
        low, high = max(start, before), min(stop, before + count)
        if low < high:
            yield path, _read_records(path, low - before, high - low)
        before += count


def _read_records(path: Path, start: int, count: int) -> Tensor:
    """Read records as ``(count, CIFAR_RECORD)`` uint8."""
    values = np.fromfile(path, np.uint8, count * CIFAR_RECORD, offset=start * CIFAR_RECORD)
    records = torch.from_numpy(values).reshape(count, CIFAR_RECORD)
    if int(records[:, 0].max()) > 9:
        raise DamagedFileError(
            f"{path} has a label above 9, and so is no file of CIFAR-10's binary version; "
            "unpack cifar-10-binary.tar.gz again"
        )
    return records


def folder_images(folder: Path, size: int, channels: int, progress: Progress) -> ImageSet:
    """Pictures of any folder and its subfolders (PNG, JPEG, BMP, WebP), without labels.

    Files are found and named by :mod:`benchmarks.data.files`, and each is opened and checked by
    :func:`read_picture`. The splits depend on the names, and on which pictures are equal: these are
    in one split. See :func:`splits_by_name`.

    Args:
        folder: folder of the pictures.
        size: width and height, pixels.
        channels: 1 or 3.
        progress: receives reports of checksums and checks.

    Raises:
        DataUnavailableError: the folder is missing, or holds fewer than three pictures.
        DamagedFileError: pictures cannot be used.
        UserError: size or number of channels is impossible, or fewer than three pictures differ.
    """
    if size < 1:
        raise UserError(f"image.size must be 1 or more, not {size}")
    if channels not in (1, 3):
        raise UserError(f"image.channels must be 1 (grey) or 3 (colour), not {channels}")
    _require_folder(folder)
    found = found_in(folder, PICTURES)
    progress.say(f"data: {found.told()}")
    if len(found.paths) < 3:
        raise DataUnavailableError(
            f"--data {folder} holds {len(found.paths)} pictures ({', '.join(PICTURES.endings)}), "
            f"and at least 3 are needed; {ALTERNATIVE}"
        )
    known = checked(folder, found, picture_check(size, channels), progress)
    opened = split_folder(found, known, LARGEST_HELD_OUT, progress)
    made = {"image.size": str(size), "image.channels": str(channels), "order": "sha256"}
    parts, digests = {}, {}
    for split, names in opened.splits.items():
        chosen = [found.paths[name] for name in names]
        parts[split] = Part(len(chosen), partial(_load_pictures, chosen, size, channels))
        digests[split] = ordered_digest([*names, *made], known.digests | made)
    name, shape = name_of_folder(folder), (channels, size, size)
    whole = combined_digest(known.digests | made | opened.whole)
    return ImageSet(name, whole, shape, parts, digests)


def _load_pictures(paths: list[Path], size: int, channels: int, advance: Advance) -> Images:
    pixels = torch.empty(len(paths), channels, size, size, dtype=torch.uint8)
    for i, path in enumerate(paths):
        pixels[i] = read_picture(path, size, channels)
        advance(1)
    return Images(pixels, None)


def open_images(data: str, size: int, channels: int, progress: Progress) -> ImageSet:
    """Open the image set of an experiment: Fashion-MNIST, CIFAR-10 or any folder of pictures.

    Args:
        data: ``fashion-mnist`` or the path of a folder.
        size: the experiment's ``image.size``.
        channels: the experiment's ``image.channels``.
        progress: receives reports of a fetch and of checksums.

    Raises:
        DataUnavailableError: the data are not here and cannot be fetched.
        DamagedFileError: a file is damaged.
        UserError: the data set has another size or number of channels.
    """
    if data == "fashion-mnist":
        _require("fashion-mnist", (28, 1), (size, channels))
        return fashion_mnist(progress)
    root = _cifar_root(Path(data))
    if root is None:
        return folder_images(Path(data), size, channels, progress)
    _require("CIFAR-10", (32, 3), (size, channels))
    return cifar_10(root, progress)


def _require(name: str, theirs: tuple[int, int], asked: tuple[int, int]) -> None:
    for field, its, wanted in zip(("size", "channels"), theirs, asked, strict=True):
        if its != wanted:
            raise UserError(f"image.{field} must be {its} for {name}, not {wanted}")


def _cifar_root(folder: Path) -> Path | None:
    """Folder with a file of CIFAR-10, binary before pickled; None: no such folder."""
    names = [*CIFAR_FILES, *(Path(name).stem for name in CIFAR_FILES)]
    roots = [folder, folder / "cifar-10-batches-bin", folder / "cifar-10-batches-py"]
    return next((r for r in roots if any((r / name).is_file() for name in names)), None)


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise DataUnavailableError(f"--data {folder} is not a folder; {ALTERNATIVE}")

"""Image sets: IDX files, CIFAR-10's records, folders of pictures, splits, and damaged files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from torch import Tensor

from bddm_ref.files import DamagedFileError
from benchmarks.data.debian import DataUnavailableError
from benchmarks.data.images import (
    CIFAR_FILES,
    FASHION_MNIST,
    ImageSet,
    cifar_10,
    fashion_mnist,
    folder_images,
    open_images,
    read_idx,
)
from benchmarks.data.pictures import read_picture
from benchmarks.runtime.progress import Progress

QUIET = Progress(Console(quiet=True))
SPLITS = {"train": "train", "valid": "search", "test": "score"}  # and a stage that may open it


def idx(values: np.ndarray, kind: int = 0x08) -> bytes:
    header = bytes([0, 0, kind, values.ndim])
    return header + b"".join(n.to_bytes(4, "big") for n in values.shape) + values.tobytes()


def write_idx(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content, compresslevel=1))
    return path


def write_cifar(folder: Path, train: int = 4, test: int = 3) -> dict[str, np.ndarray]:
    """Random records in the six files; returns them, ``(N, 3073)`` for each file."""
    folder.mkdir(parents=True, exist_ok=True)
    source = np.random.default_rng(0)
    records = {}
    for name in CIFAR_FILES:
        count = test if name == "test_batch.bin" else train
        pixels = source.integers(0, 256, (count, 3072))
        labels = source.integers(0, 10, (count, 1))
        records[name] = np.concatenate([labels, pixels], axis=1).astype(np.uint8)
        (folder / name).write_bytes(records[name].tobytes())
    return records


def write_pictures(folder: Path, count: int, suffix: str = "png", start: int = 0) -> None:
    """Picture i has the one colour (i, 2 i, 255 - i), as have later ones from another start."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(start, start + count):
        Image.new("RGB", (12, 10), (i, 2 * i, 255 - i)).save(folder / f"{i}.{suffix}")


def all_pixels(image_set: ImageSet) -> dict[str, Tensor]:
    return {s: image_set.split(s, stage, QUIET).pixels for s, stage in SPLITS.items()}


@pytest.mark.parametrize("stage", ["train", "search", "report"])
def test_the_test_split_is_closed(tmp_path: Path, stage: str) -> None:
    write_cifar(tmp_path / "cifar")
    write_pictures(tmp_path / "pictures", 3)
    for name, size in (("cifar", 32), ("pictures", 8)):
        with pytest.raises(PermissionError, match="must not open the test split"):
            open_images(str(tmp_path / name), size, 3, QUIET).split("test", stage, QUIET)


def test_idx_values_come_back(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (3, 4, 5)).astype(np.uint8)
    read = read_idx(write_idx(tmp_path / "x.gz", idx(values)), 3)
    assert read.dtype == torch.uint8
    assert torch.equal(read, torch.from_numpy(values))


GOOD = idx(np.zeros((2, 3, 3), np.uint8))
PACKED = gzip.compress(GOOD, mtime=0)  # a time would differ between test workers


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "does not start like an IDX file; fetch the file again"),
        (b"\x89PNG and so on", "does not start like an IDX file"),
        (idx(np.zeros((2, 3, 3), np.float32), 0x0D), r"type 0x0d in 3 dimensions, not unsigned"),
        (idx(np.zeros(2, np.uint8)), r"type 0x08 in 1 dimensions.*\(0x08\) in 3; fetch"),
        (GOOD[:7], "holds 7 bytes, and its header promises"),
        (GOOD[:-1], "holds 33 bytes, and its header promises 34; fetch the file again"),
        (GOOD + b"\0", "holds 35 bytes, and its header promises 34"),
    ],
)
def test_foreign_idx_files(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(DamagedFileError, match=rf"x\.gz .*{said}"):
        read_idx(write_idx(tmp_path / "x.gz", content), 3)


@pytest.mark.parametrize(
    "content",
    [b"text", GOOD, PACKED[:-3], PACKED[:10] + b"\xff" * 20],
    ids=["text", "unpacked", "cut", "spoilt"],
)
def test_what_is_not_gzip(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.gz").write_bytes(content)
    with pytest.raises(
        DamagedFileError, match=r"x\.gz is not a readable gzip .*; fetch the file again"
    ):
        read_idx(tmp_path / "x.gz", 3)
    with pytest.raises(DamagedFileError, match=r"y\.gz is not a readable gzip file"):
        read_idx(tmp_path / "y.gz", 3)


@pytest.fixture
def fashion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of the published sizes; image i has i in its first two pixels."""
    folder = tmp_path / "fashion"
    folder.mkdir()
    for stem, count in (("train", 60_000), ("t10k", 10_000)):
        pixels = np.zeros((count, 28, 28), np.uint8)
        pixels[:, 0, 0], pixels[:, 0, 1] = np.divmod(np.arange(count), 256)
        labels = (np.arange(count) % 10).astype(np.uint8)
        write_idx(folder / f"{stem}-images-idx3-ubyte.gz", idx(pixels))
        write_idx(folder / f"{stem}-labels-idx1-ubyte.gz", idx(labels))
    monkeypatch.setattr("benchmarks.data.images.locate", lambda dataset, progress: folder)
    return folder


def test_fashion_mnist(fashion: Path) -> None:
    image_set = fashion_mnist(QUIET)
    assert (image_set.name, image_set.shape) == ("fashion-mnist", (1, 28, 28))
    assert image_set.sizes() == {"train": 55_000, "valid": 5_000, "test": 10_000}
    ranges = {"train": (0, 55_000), "valid": (55_000, 60_000), "test": (0, 10_000)}
    for split, (start, stop) in ranges.items():
        part = image_set.split(split, SPLITS[split], QUIET)
        assert part.pixels.shape == (stop - start, 1, 28, 28)
        numbers = part.pixels[:, 0, 0, :2].long() @ torch.tensor([256, 1])
        assert torch.equal(numbers, torch.arange(start, stop))
        assert part.labels is not None
        assert part.labels.dtype == torch.int64
        assert torch.equal(part.labels, torch.arange(start, stop) % 10)
        assert part.pixels.untyped_storage().nbytes() == part.pixels.numel()


def test_the_manifest_lists_the_four_files() -> None:
    files = FASHION_MNIST.files()
    kinds = ("images-idx3", "labels-idx1")
    assert sorted(files) == [f"{s}-{k}-ubyte.gz" for s in ("t10k", "train") for k in kinds]
    assert all(len(digest) == 64 for digest in files.values())


def test_cifar_values_come_back(tmp_path: Path) -> None:
    records = write_cifar(tmp_path, train=4, test=3)
    image_set = cifar_10(tmp_path, QUIET)
    layout = f"cifar-10-layout-{image_set.sha256[:8]}"
    assert (image_set.name, image_set.shape) == (layout, (3, 32, 32))
    assert image_set.sizes() == {"train": 18, "valid": 2, "test": 3}
    train = np.concatenate([records[name] for name in CIFAR_FILES[:5]])
    wanted = {"train": train[:18], "valid": train[18:], "test": records["test_batch.bin"]}
    for split, expected in wanted.items():
        part = image_set.split(split, SPLITS[split], QUIET)
        pixels, labels = torch.from_numpy(expected[:, 1:]), torch.from_numpy(expected[:, 0])
        assert torch.equal(part.pixels, pixels.reshape(-1, 3, 32, 32))
        assert part.labels is not None
        assert torch.equal(part.labels, labels.long())


def test_cifar_planes_and_smallest_files(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    plane = np.zeros((32, 32), np.uint8)
    plane[0] = np.arange(32)  # the first row, left to right
    record = np.concatenate([[7], plane.ravel(), plane.ravel() + 100, plane.ravel() + 200])
    (tmp_path / "test_batch.bin").write_bytes(record.astype(np.uint8).tobytes())
    part = cifar_10(tmp_path, QUIET).split("test", "sample", QUIET)
    assert part.pixels[0, :, 0, 31].tolist() == [31, 131, 231]
    assert part.pixels[0, :, 1, 31].tolist() == [0, 100, 200]
    write_cifar(tmp_path, train=1, test=1)
    assert cifar_10(tmp_path, QUIET).sizes() == {"train": 4, "valid": 1, "test": 1}


def test_the_checksum_of_cifar_covers_every_file(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    seen = {cifar_10(tmp_path, QUIET).sha256}
    for name in CIFAR_FILES:
        (tmp_path / name).write_bytes(bytes(3073))
        seen.add(cifar_10(tmp_path, QUIET).sha256)
    assert len(seen) == 7


@pytest.mark.parametrize("size", [0, 1, 3072, 2 * 3073 - 1])
def test_cifar_files_of_a_wrong_size(tmp_path: Path, size: int) -> None:
    write_cifar(tmp_path)
    (tmp_path / "data_batch_3.bin").write_bytes(bytes(size))
    with pytest.raises(DamagedFileError, match=rf"_3\.bin has {size} bytes.*3073 bytes; unpack"):
        cifar_10(tmp_path, QUIET)


def test_a_cifar_file_of_something_else(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    (tmp_path / "data_batch_1.bin").write_bytes(b"x" * 3073)
    with pytest.raises(DamagedFileError, match=r"data_batch_1\.bin has a label above 9.*unpack"):
        cifar_10(tmp_path, QUIET)


def test_an_incomplete_or_missing_cifar_folder(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    (tmp_path / "data_batch_4.bin").unlink()
    with pytest.raises(DataUnavailableError, match=r"lacks CIFAR-10's data_batch_4\.bin; give a"):
        cifar_10(tmp_path, QUIET)
    with pytest.raises(DataUnavailableError, match="is not a folder; give a folder with --data"):
        cifar_10(tmp_path / "nowhere", QUIET)


@pytest.mark.parametrize("folder", [".", "cifar-10-batches-py"])
def test_the_pickled_cifar_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    for name in CIFAR_FILES:
        (tmp_path / folder / Path(name).stem).write_bytes(b"\x80\x02}")
    with pytest.raises(DataUnavailableError, match=r"pickled Python version.*binary version is"):
        open_images(str(tmp_path), 32, 3, QUIET)


def test_folder_values_come_back_in_disjoint_splits(tmp_path: Path) -> None:
    write_pictures(tmp_path / "a", 20)
    write_pictures(tmp_path / "b" / "inner", 20, "BMP", start=20)
    image_set = folder_images(tmp_path, 10, 3, QUIET)
    assert (image_set.name, image_set.shape) == (tmp_path.name, (3, 10, 10))
    assert image_set.sizes() == {"test": 4, "valid": 4, "train": 32}
    pixels = torch.cat(list(all_pixels(image_set).values()))
    assert bool((pixels == pixels[:, :, :1, :1]).all())
    colours = sorted(p[:, 0, 0].tolist() for p in pixels)
    assert colours == [[i, 2 * i, 255 - i] for i in range(40)]
    assert image_set.split("train", "train", QUIET).labels is None


def test_folder_splits_depend_on_names_alone(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_pictures(tmp_path / folder, 20)
    Image.new("RGB", (30, 30), (200, 0, 0)).save(tmp_path / "b" / "3.png")
    before, after = (all_pixels(folder_images(tmp_path / f, 8, 3, QUIET)) for f in ("a", "b"))
    changed = [int((before[s] != after[s]).flatten(1).any(dim=1).sum()) for s in SPLITS]
    assert sum(changed) == 1


def test_a_png_and_a_jpeg_of_one_name_are_two_pictures(tmp_path: Path) -> None:
    for i, suffix in enumerate(("png", "bmp", "webp")):
        Image.new("RGB", (12, 10), (50 * i, 0, 0)).save(tmp_path / f"0.{suffix}")
    assert folder_images(tmp_path, 8, 3, QUIET).sizes() == {"test": 1, "valid": 1, "train": 1}


def test_the_checksum_of_a_folder_covers_content_size_and_channels(tmp_path: Path) -> None:
    write_pictures(tmp_path, 3)
    seen = {folder_images(tmp_path, s, c, QUIET).sha256 for s in (8, 9) for c in (1, 3)}
    assert folder_images(tmp_path, 8, 3, QUIET).sha256 in seen
    Image.new("RGB", (12, 10), (9, 9, 9)).save(tmp_path / "1.png")
    seen.add(folder_images(tmp_path, 8, 3, QUIET).sha256)
    assert len(seen) == 5


@pytest.mark.parametrize("upright", [False, True])
def test_the_centre_is_cut_out(tmp_path: Path, upright: bool) -> None:
    thirds = np.zeros((20, 60, 3), np.uint8)
    thirds[:, :20, 0], thirds[:, 20:40, 1], thirds[:, 40:, 2] = 255, 200, 255
    picture = Image.fromarray(thirds.transpose(1, 0, 2).copy() if upright else thirds)
    picture.save(tmp_path / "x.png")
    whole = read_picture(tmp_path / "x.png", 20, 3)
    green = torch.tensor([0, 200, 0], dtype=torch.uint8)[:, None, None]
    assert torch.equal(whole, green.expand(3, 20, 20))
    half = read_picture(tmp_path / "x.png", 10, 3)
    half = half.transpose(1, 2) if upright else half
    # Bicubic interpolation by two reaches two pixels into each side.
    assert torch.equal(half[:, :, 2:-2], green.expand(3, 10, 6))


def test_resizing_is_antialiased(tmp_path: Path) -> None:
    checkers = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    Image.fromarray(checkers).save(tmp_path / "x.png")
    grey = read_picture(tmp_path / "x.png", 8, 1).float()
    # The mean of black and white, either way rounded.
    assert float((grey - 127.5).abs().max()) == 0.5


def test_colours_become_grey(tmp_path: Path) -> None:
    for name, colour in {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}.items():
        Image.new("RGB", (6, 6), colour).save(tmp_path / f"{name}.png")
    greys = [int(read_picture(tmp_path / f"{n}.png", 6, 1).max()) for n in ("red", "green", "blue")]
    assert greys == [76, 150, 29]  # ITU-R BT.601: 255 times 0.299, 0.587, 0.114


def test_a_jpeg_of_one_colour_comes_back(tmp_path: Path) -> None:
    Image.new("L", (16, 16), 88).save(tmp_path / "x.JPG")
    assert torch.equal(read_picture(tmp_path / "x.JPG", 16, 3), torch.full((3, 16, 16), 88).byte())


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA"])
def test_every_mode_becomes_grey_or_colour(tmp_path: Path, mode: str) -> None:
    Image.new("RGB", (6, 6), (255, 255, 255)).convert(mode).save(tmp_path / "x.png")
    for channels in (1, 3):
        pixels = read_picture(tmp_path / "x.png", 6, channels)
        assert torch.equal(pixels, torch.full((channels, 6, 6), 255, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.png", b"not a picture"),
        ("empty.jpg", b""),
        ("signature.png", b"\x89PNG\r\n\x1a\n"),
        ("gif.png", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"),
    ],
)
def test_foreign_pictures(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DamagedFileError, match=rf"{name} is not a readable picture \(none of PNG"):
        read_picture(tmp_path / name, 8, 3)


@pytest.mark.parametrize("suffix", ["png", "jpeg", "bmp", "webp"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_pictures(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"x.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(DamagedFileError, match=rf"x\.{suffix} is not a readable picture \(.+\)"):
        read_picture(path, 8, 3)


def test_16_bit_pictures_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((6, 6), 5000, np.uint16)).save(tmp_path / "x.png")
    with pytest.raises(DamagedFileError, match=r"x\.png .*more than 8 bits a value"):
        read_picture(tmp_path / "x.png", 6, 1)


@pytest.mark.parametrize("limit", [150, 50])  # Pillow warns above its limit, refuses above twice
def test_decompression_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    Image.new("RGB", (20, 10)).save(tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(
        DamagedFileError, match=r"x\.png .*exceeds limit.*; replace or remove the file"
    ):
        read_picture(tmp_path / "x.png", 8, 3)


def test_a_damaged_picture_in_a_folder_is_named(tmp_path: Path) -> None:
    for i in range(3):
        (tmp_path / f"{i}.png").write_text("not a picture")
    with pytest.raises(DamagedFileError, match=r"3 of 3 pictures .*\d\.png is not a readable pict"):
        folder_images(tmp_path, 8, 3, QUIET)


def test_no_such_folder_and_too_few_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataUnavailableError, match="nowhere is not a folder; give a folder"):
        folder_images(tmp_path / "nowhere", 8, 3, QUIET)
    for count in (0, 2):
        write_pictures(tmp_path, count)
        (tmp_path / "notes.txt").write_text("")
        with pytest.raises(DataUnavailableError, match=rf"holds {count} pictures \(\.png.*at lea"):
            folder_images(tmp_path, 8, 3, QUIET)


def test_impossible_shapes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"image\.size must be 1 or more, not 0"):
        folder_images(tmp_path, 0, 3, QUIET)
    with pytest.raises(ValueError, match=r"image\.channels must be 1 \(grey\) or 3 .*, not 2"):
        folder_images(tmp_path, 8, 2, QUIET)


def test_open_images_finds_the_kind(tmp_path: Path, fashion: Path) -> None:
    assert open_images("fashion-mnist", 28, 1, QUIET).name == "fashion-mnist"
    write_cifar(tmp_path / "one")
    write_cifar(tmp_path / "two" / "cifar-10-batches-bin")
    write_pictures(tmp_path / "three", 3)
    for folder in ("one", "two"):
        name = open_images(str(tmp_path / folder), 32, 3, QUIET).name
        assert name.startswith("cifar-10-layout-")
    assert open_images(str(tmp_path / "three"), 9, 1, QUIET).shape == (1, 9, 9)
    with pytest.raises(DataUnavailableError, match="is not a folder"):
        open_images(str(tmp_path / "four"), 28, 1, QUIET)


def test_a_shape_that_is_not_theirs(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    theirs = {"fashion-mnist": ("fashion-mnist", 28, 1), "CIFAR-10": (str(tmp_path), 32, 3)}
    for name, (data, size, channels) in theirs.items():
        with pytest.raises(ValueError, match=rf"image\.size must be {size} for {name}, not 64"):
            open_images(data, 64, channels, QUIET)
        with pytest.raises(ValueError, match=rf"image\.channels must be {channels} for {name}"):
            open_images(data, size, 4, QUIET)

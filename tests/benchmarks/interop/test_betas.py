"""Schedules as lists, tensors, arrays and dictionaries, in files of several kinds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bddm_ref.schedule import NoiseSchedule
from benchmarks.interop.betas import holds_schedule, read_value
from benchmarks.interop.schedules import NAMED, ScheduleSource, read_schedule

BETAS = (1e-5, 4e-4, 0.03, 0.25, 0.7)
SCHEDULE = NoiseSchedule(BETAS)
SQUARES = SCHEDULE.alphas.square()
TRAINING = NAMED["released"]
DOUBLES = torch.tensor(BETAS, dtype=torch.float64)
SINGLES = DOUBLES.float()


def saved(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    "content",
    [
        list(BETAS),
        BETAS,
        DOUBLES,
        [*DOUBLES],
        tuple(DOUBLES),
        [*DOUBLES[:, None]],
        np.array(BETAS),
        [*np.array(BETAS)],
        torch.nn.Parameter(DOUBLES),
        {"betas": DOUBLES},
        {"beta": list(BETAS)},
        {"noise_schedule": np.array(BETAS)},
        {"betas": [*DOUBLES], "T": 5, "name": "searched"},
        {"trained_betas": list(BETAS)},
    ],
    ids=str,
)
@pytest.mark.parametrize("ending", ["pt", "pkl", "ckpt"])
def test_pickled_betas(tmp_path: Path, content: Any, ending: str) -> None:
    path = saved(tmp_path / f"a.{ending}", content)
    assert ScheduleSource.parse(path).holds_schedule
    assert read_schedule(path, TRAINING) == SCHEDULE


def test_float32_betas_are_read_exactly(tmp_path: Path) -> None:
    for content in (SINGLES, [*SINGLES], SINGLES.numpy()):
        found = read_schedule(saved(tmp_path / "a.pt", content), TRAINING)
        assert found.betas == tuple(SINGLES.double().tolist())


def test_arrays_of_both_numpys(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    torch.save({"betas": np.array(BETAS)}, path, _use_new_zipfile_serialization=False)
    new, old = (b"numpy._core.multiarray", b"numpy.core.multiarray")
    content = path.read_bytes().replace(new, old)
    assert old in content
    for name in (new, old):
        path.write_bytes(content.replace(old, name))
        assert read_schedule(path, TRAINING) == SCHEDULE


def test_arrays_of_objects_are_not_unpickled(tmp_path: Path) -> None:
    marker = tmp_path / "marker"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (marker,)

    objects = np.array([Trap(), 0.1], dtype=object)
    with pytest.raises(ValueError, match=r"a\.pt holds .*nothing was executed"):
        read_schedule(saved(tmp_path / "a.pt", objects), TRAINING)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    with pytest.raises(ValueError, match=r"a\.npy is damaged, or not a file of numpy's numbers"):
        read_schedule(tmp_path / "a.npy", TRAINING)
    assert not marker.exists()


def test_a_ns_file_under_another_ending(tmp_path: Path) -> None:
    released = json.loads(
        (Path(__file__).parents[3] / "benchmarks/data/released-schedules.json").read_text()
    )
    fields = released["schedules"]["LJSpeech 7 steps"]
    columns = [torch.tensor(fields[name]) for name in ("t", "alpha", "beta", "sigma")]
    found = read_schedule(saved(tmp_path / "a.pt", columns), TRAINING)
    assert found.betas == tuple(fields["beta"])
    columns[1][2] *= 1.01
    with pytest.raises(ValueError, match="alpha_3 does not follow from the betas"):
        read_schedule(saved(tmp_path / "a.pt", columns), TRAINING)


def test_numpys_own_files(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array(BETAS))
    np.savez(tmp_path / "b.npz", np.array(BETAS))
    np.savez(tmp_path / "c.npz", betas=np.array(BETAS), T=np.array(5), alphas=1 - np.array(BETAS))
    for name in ("a.npy", "b.npz", "c.npz"):
        assert read_schedule(tmp_path / name, TRAINING) == SCHEDULE
    (tmp_path / "d.npz").write_bytes((tmp_path / "c.npz").read_bytes()[:100])
    with pytest.raises(ValueError, match=r"d\.npz is damaged, or not a file of numpy's numbers"):
        read_schedule(tmp_path / "d.npz", TRAINING)


def test_yaml(tmp_path: Path) -> None:
    for text in ("[1e-5, 4e-4, 0.03, 0.25, 0.7]", "betas: [1.0e-5, 4e-4, 0.03, 0.25, 0.7]\nT: 5"):
        (tmp_path / "a.yaml").write_text(text)
        assert read_schedule(tmp_path / "a.yaml", TRAINING) == SCHEDULE
    (tmp_path / "a.yml").write_text("betas: [0.1")
    with pytest.raises(ValueError, match=r"a\.yml is no YAML: "):
        read_schedule(tmp_path / "a.yml", TRAINING)
    (tmp_path / "a.yml").write_text("track: speech")
    with pytest.raises(ValueError, match=r"holds no schedule: found dictionary of 1 \('track'"):
        read_schedule(tmp_path / "a.yml", TRAINING)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("alphas_cumprod", SQUARES),
        ("alpha_bar", SQUARES.tolist()),
        ("sqrt_alphas_cumprod", SCHEDULE.alphas),
        ("sqrt_one_minus_alphas_cumprod", SCHEDULE.deltas.sqrt()),
    ],
)
def test_levels_alone_give_the_betas(name: str, values: Any) -> None:
    found = read_value("a", {name: values}).schedule
    torch.testing.assert_close(found.alphas, SCHEDULE.alphas, rtol=1e-9, atol=0)


AGREEING: dict[str, list[Any]] = {
    "alphas": [1 - DOUBLES, SCHEDULE.alphas, SQUARES],
    "alpha": [SCHEDULE.alphas.float()],
    "alphas_cumprod": [SQUARES, SQUARES.float()],
    "sqrt_alphas_cumprod": [SCHEDULE.alphas],
    "sqrt_one_minus_alphas_cumprod": [SCHEDULE.deltas.sqrt()],
    "sigmas": [
        SCHEDULE.sigmas,
        DOUBLES.sqrt(),
        SCHEDULE.deltas.sqrt() / SCHEDULE.alphas,
        [*(SCHEDULE.deltas.sqrt() / SCHEDULE.alphas).flip(0), 0.0],
    ],
    "T": [5, 5.0, torch.tensor(5), np.int64(5)],
    "num_train_timesteps": [5],
    "order": ["index 0 is the step nearest the data"],
}


@pytest.mark.parametrize("name", AGREEING)
def test_neighbours_that_agree(name: str) -> None:
    for value in AGREEING[name]:
        found = read_value("a", {"betas": list(BETAS), name: value})
        assert (found.schedule, found.notes) == (SCHEDULE, ())


@pytest.mark.parametrize(
    ("neighbour", "message"),
    [
        (
            {"alphas": (1 - DOUBLES) * 0.99},
            r"'alphas' \(tensor \(5,\) of float64\) does not follow",
        ),
        ({"alphas": 1 - DOUBLES[:4]}, r"'alphas' \(tensor \(4,\) of float64\) does not follow"),
        ({"alphas_cumprod": (1 - DOUBLES)}, "'alphas_cumprod' .* does not follow from its 5 betas"),
        ({"sigmas": [0.1] * 5}, "'sigmas' .* does not follow from its 5 betas; leave one of them"),
        ({"alphas": "linear"}, r"'alphas' \('linear'\) does not follow"),
        ({"T": 50}, "contradicts itself: T is 50, and there are 5 betas"),
        ({"steps": 4}, "contradicts itself: steps is 4, and there are 5 betas"),
        ({"noise_schedule": [0.1, 0.2]}, "two schedules, 'betas' and 'noise_schedule'; leave one"),
        ({"order": "noisiest first"}, "the order 'noisiest first' is not known; sort the betas"),
    ],
)
def test_neighbours_that_contradict(neighbour: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_value("a", {"betas": list(BETAS)} | neighbour)


def test_what_is_not_read_is_told() -> None:
    found = read_value("a", {"betas": list(BETAS), "name": "best", "loss": [0.1, 0.2], "t": None})
    assert found.notes == (
        "entries that were not read: name ('best'), loss (list of 2 (0.1, 0.2)), t (None)",
    )
    (note,) = read_value("a", BETAS[::-1]).notes
    assert note.startswith("the betas fall; if the file lists the noisiest step first, turn")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            torch.tensor(0.5),
            r"a holds no schedule: found tensor \(\) of float32; give a list of bet",
        ),
        (torch.ones(2, 3), r"found tensor \(2, 3\) of float32"),
        (np.ones((2, 2)), r"found array \(2, 2\) of float64"),
        (torch.ones(3, dtype=torch.complex64), "of complex64"),
        (torch.ones(3, dtype=torch.bool), "of bool"),
        ([0.1, "0.2"], r"found list of 2 \(0.1, '0.2'\)"),
        ([0.1, True], "found list of 2"),
        ([torch.ones(2, 2), torch.ones(3)], r"list of 2 \(tensor \(2, 2\) of float32, tensor \(3"),
        ([], "a noise schedule needs at least one beta"),
        ("linear", "found 'linear'"),
        ({}, "found empty dictionary"),
        ({"lr": 0.1, "net": {}}, r"dictionary of 2 \('lr': 0.1, 'net': empty dictionary\)"),
        ({"betas": {"start": 0.1}}, "schedule: 'betas' is dictionary of 1"),
        (
            {"alphas": [0.9, 0.8]},
            "'alphas', which may be 1 - beta, or products of it, and no betas",
        ),
        ({"sigmas": [0.9, 0.8]}, "'sigmas', which may be of a reverse step, or of the noise"),
        ({"alphas_cumprod": [0.5, 0.8]}, "'alphas_cumprod' must list levels that fall or rise"),
        ({"alphas_cumprod": [0.5, 0.0]}, "'alphas_cumprod' must list levels"),
        ([0.1, 10**400], "beta_2 = inf of a noise schedule"),
    ],
)
def test_what_is_no_schedule_is_described(content: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_value("a", content)
    assert "\n" not in str(caught.value)


def test_networks_are_no_schedules() -> None:
    assert not holds_schedule({"betas": DOUBLES, "model.weight": torch.ones(2, 2)})
    assert not holds_schedule({"noise_schedule": [0.1], "model": {"a.weight": torch.ones(2, 2)}})
    assert not holds_schedule({"epoch": 3, "model": {}})
    assert holds_schedule({"betas": DOUBLES, "sigmas": DOUBLES})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"betas": [0.1, 0.2], "betas": [0.5, 0.6]}'),
        ("a.json", '{"_class_name": "DDPMScheduler", "beta_end": 0.02, "beta_end": 0.03}'),
        ("a.json", '{"betas": [0.1], "note": {"betas": 1, "betas": 2}}'),
        ("a.yaml", "betas: [0.1, 0.2]\nbetas: [0.5, 0.6]\n"),
    ],
)
def test_a_key_that_is_there_twice_is_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(
        ValueError, match=rf"{name}.*: the key 'beta\w+' is there twice.*; keep one"
    ):
        read_schedule(tmp_path / name, TRAINING)

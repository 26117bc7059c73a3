"""The rule for finding, naming, grouping and splitting files, for recordings and pictures."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from benchmarks.core.errors import UserError
from benchmarks.data.files import PICTURES, RECORDINGS, found_in
from benchmarks.data.splits import splits_by_name, together

NFC, NFD = (unicodedata.normalize(form, "Glück") for form in ("NFC", "NFD"))


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def names(folder: Path, *roots: str) -> list[str]:
    return list(found_in(folder, RECORDINGS, [folder / root for root in roots]).paths)


def test_endings_count_in_any_case(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "b.WAV", "c.Flac", "d.fLaC", "e.mp3", "f.wav.txt", "wav")
    found = found_in(tmp_path, RECORDINGS)
    assert list(found.paths) == ["a", "b", "c", "d"]
    assert found.told() == (
        "4 recordings taken, 3 left out: 3 of another ending than .wav, .flac "
        "(e.mp3, f.wav.txt, wav)"
    )
    touch(tmp_path, "g.JPG", "h.Jpeg", "i.PNG", "j.BMP", "k.webP", "l.gif")
    assert list(found_in(tmp_path, PICTURES).paths) == [
        "g.JPG",
        "h.Jpeg",
        "i.PNG",
        "j.BMP",
        "k.webP",
    ]


def test_hidden_files_and_folders_are_left_out_and_told(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "._a.wav", ".cache/b.wav", "__MACOSX/._a.wav", "x/.y/z.wav", "x/c.wav")
    found = found_in(tmp_path, RECORDINGS)
    assert list(found.paths) == ["a", "x/c"]
    assert found.told() == (
        "2 recordings taken, 4 left out: 4 hidden (._a.wav, .cache, __MACOSX, …)"
    )
    assert found_in(touch(tmp_path / ".hidden", "a.wav"), RECORDINGS).told() == "1 recordings taken"


def test_links_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "a.wav", "deep/b.wav", "blob")
    folder = touch(tmp_path / "data", "c.wav")
    (folder / "all").symlink_to(tmp_path / "elsewhere")
    (folder / "again").symlink_to(tmp_path / "elsewhere")
    (folder / "d.wav").symlink_to(tmp_path / "elsewhere" / "blob")
    (folder / "e.wav").symlink_to("c.wav")
    (folder / "loop").symlink_to(folder)
    (folder / "self.wav").symlink_to("self.wav")
    (folder / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    found = found_in(folder, RECORDINGS)
    assert list(found.paths) == ["again/a", "again/deep/b", "c", "d"]
    assert found.told().startswith("4 recordings taken, 6 left out: ")
    assert "3 links to what is taken already (all, e.wav, loop)" in found.told()
    assert "2 broken links (gone.wav, self.wav)" in found.told()
    assert "1 of another ending than .wav, .flac (again/blob)" in found.told()


def test_a_real_file_has_its_name_before_a_link_to_it(tmp_path: Path) -> None:
    touch(tmp_path, "z/a.wav")
    (tmp_path / "a").symlink_to("z")
    (tmp_path / "b.wav").symlink_to("z/a.wav")
    assert names(tmp_path) == ["z/a"]


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "folder.wav/b.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    found = found_in(tmp_path, RECORDINGS)
    assert list(found.paths) == ["a", "folder.wav/b"]
    assert found.left_out == {"no regular files": ["pipe.wav"]}


def test_names_that_collide_are_kept_apart(tmp_path: Path) -> None:
    files = ["a/x.wav", "b/x.wav", "c/x.wav", "c/x.flac", "c/X.wav", "d/x.WAV", "d/x.wav"]
    files += ["e/x.wav", "e/x.flac", "e/x.wav.flac", f"f/{NFC}.wav", f"f/{NFD}.wav", f"g/{NFD}.wav"]
    found = found_in(touch(tmp_path, *files), RECORDINGS)
    taken = {name: path.relative_to(tmp_path).as_posix() for name, path in found.paths.items()}
    assert sorted(taken.values()) == sorted(files)
    assert (taken["a/x"], taken["b/x"]) == ("a/x.wav", "b/x.wav")
    assert {"c/X", "c/x.wav", "c/x.flac", "d/x.WAV", "d/x.wav"} <= set(taken)
    assert taken["e/x.wav.flac"] == "e/x.wav.flac"
    assert taken[f"f/{NFC}.wav"] == f"f/{NFC}.wav"
    assert taken[f"g/{NFC}"] == f"g/{NFD}.wav"  # as another file system spells it
    utterances = found.utterances
    for alike in (("c/X", "c/x.wav", "c/x.flac"), (f"f/{NFC}.wav", f"f/{NFD}.wav")):
        assert len({utterances[name] for name in alike}) == 1
    assert utterances["a/x"] != utterances["b/x"]


def test_a_picture_keeps_its_ending_in_its_name(tmp_path: Path) -> None:
    found = found_in(touch(tmp_path, "x.png", "x.jpg", "X.PNG"), PICTURES)
    assert list(found.paths) == ["X.PNG", "x.jpg", "x.png"]
    assert found.utterances["x.png"] == found.utterances["X.PNG"] != found.utterances["x.jpg"]


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        ("p/u_mic1.flac", "p/u_mic2.flac", True),
        ("p/u-mic-01.wav", "p/u-Mic-02.wav", True),
        ("p/u.MIC1.wav", "p/u.flac", True),
        ("mic1/u.wav", "mic2/u.wav", True),
        ("u_mic1_close.wav", "u_mic2_close.wav", True),
        ("u_mic_a.wav", "u_mic_b.wav", True),
        ("u_microphone1.wav", "u_microphone2.wav", True),
        ("p/u_mic1.wav", "q/u_mic1.wav", False),
        ("p/u1_mic1.wav", "p/u2_mic1.wav", False),
        ("comic1.wav", "comic2.wav", False),
        ("u_1.wav", "u_2.wav", False),
        ("ch1.wav", "ch2.wav", False),
    ],
)
def test_microphones_of_one_utterance(tmp_path: Path, first: str, second: str, alike: bool) -> None:
    stated = found_in(touch(tmp_path, first, second), RECORDINGS).utterances
    assert len(stated) == 2
    assert (len(set(stated.values())) == 1) == alike


def test_roots_and_what_lies_outside(tmp_path: Path) -> None:
    touch(tmp_path, "wav48/p/u.wav", "wav48_silence_trimmed/p/u_mic1.flac", "other/v.wav", "n.txt")
    found = found_in(tmp_path, RECORDINGS, [tmp_path / "wav48", tmp_path / "wav48_silence_trimmed"])
    assert list(found.paths) == ["wav48/p/u", "wav48_silence_trimmed/p/u_mic1"]
    assert len(set(found.utterances.values())) == 1
    assert "1 outside wav48, wav48_silence_trimmed (other/v.wav)" in found.told()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "wavs").symlink_to(tmp_path / "other")
    assert found_in(tmp_path / "linked", RECORDINGS, [tmp_path / "linked" / "wavs"]).told() == (
        "1 recordings taken"
    )


def test_names_depend_on_the_files_below_alone(tmp_path: Path) -> None:
    orders = (["a/x.wav", "b.wav", "C.flac"], ["C.flac", "b.wav", "a/x.wav"])
    found = [names(touch(tmp_path / str(i), *order)) for i, order in enumerate(orders)]
    (tmp_path / "link").symlink_to(tmp_path / "0")
    assert found[0] == found[1] == names(tmp_path / "link") == ["C", "a/x", "b"]


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"))).write_text("")
    with pytest.raises(UserError, match=r"udcff\.wav' is not UTF-8; rename the file"):
        found_in(tmp_path, RECORDINGS)


# -- splits --------------------------------------------------------------------------------------


def test_groups_are_in_one_split_and_leave_others_where_they_are() -> None:
    items = [f"u{i:02}" for i in range(40)]
    alone = splits_by_name(items, 30)
    twins = [f"{item}_mic{m}" for item in items for m in (1, 2)]
    splits = splits_by_name(twins, 30, together({name: name[:3] for name in twins}))
    assert {split: len(found) for split, found in splits.items()} == {
        "test": 8,
        "valid": 8,
        "train": 64,
    }
    for found in splits.values():
        assert all(f"{name[:-1]}{m}" in found for name in found for m in (1, 2))
    assert splits_by_name(items, 30, [["u01"], []][:1]) == alone


def test_groups_with_a_common_name_become_one() -> None:
    items = [f"{i}" for i in range(30)]
    splits = splits_by_name(items, 30, [["1", "2"], ["3", "4"], ["4", "2"]])
    assert any({"1", "2", "3", "4"} <= set(found) for found in splits.values())
    assert sorted(name for found in splits.values() for name in found) == sorted(items)


def test_too_few_different_items() -> None:
    with pytest.raises(UserError, match="6 files hold 2 different items, and at least 3 are need"):
        splits_by_name("abcdef", 30, ["abc", "def"])

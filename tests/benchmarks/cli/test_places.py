"""Where commands write: to ignored folders, unless published results are replaced on purpose."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.cli import places
from benchmarks.cli.app import COMMANDS, _parsed, main
from benchmarks.cli.audio import AuthorsAudio
from benchmarks.cli.base import Command
from benchmarks.cli.bundles import Bundle, Merge
from benchmarks.cli.compare import Compare
from benchmarks.cli.files import Export, Import
from benchmarks.cli.listing import List
from benchmarks.cli.places import is_published, local, tables_folder
from benchmarks.cli.results import Check, PageCommand
from benchmarks.cli.speed import Speed
from benchmarks.cli.stages import ExperimentCommand, StageCommand
from benchmarks.core.errors import UserError
from benchmarks.core.loading import load, names
from benchmarks.runtime import checkout
from benchmarks.runtime.checkout import REPOSITORY

PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"]
PAGES += sorted((REPOSITORY / "docs").glob("*.md"))
CALL = re.compile(r"-m benchmarks ([^`\n#|&]+)")
BY_HAND = re.compile(r"(^|[;&|]\s*|\$ )(cp|mv|rm|tee|sed -i)\b.*\bresults/|>\s*results/")


def documented() -> Iterator[tuple[str, str]]:
    """Yield every command that a page or tox.ini names, and its place."""
    for page in (*PAGES, REPOSITORY / "tox.ini"):
        for found in CALL.finditer(page.read_text().replace("\\\n", " ")):
            yield page.name, found[1].replace("{posargs}", "").strip()


def targets(command: Command) -> list[Path]:
    """Folders that a command writes to."""
    found: list[Path] = []
    match command:
        case StageCommand() if command.last != "report":
            found = [command.workspace]
        case ExperimentCommand():
            published = load(command.name).publish
            place = tables_folder(command.stem, command.results, published, command.publish)
            found = [command.workspace, place]
        case PageCommand():
            found = [command.into or command.folder]
        case Speed() | AuthorsAudio():
            found = [command.place]
        case Import() | Bundle():
            found = [command.to]
        case Export():
            found = [command.to.parent] if command.to else []
        case Merge():
            found = [command.workspace]
        case Check():
            found = [command.folder] if command.pages else []
        case _:
            assert isinstance(command, List | Compare)  # write nothing
    return found


@pytest.fixture
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in the checkout, where the documented commands are given."""
    if checkout.git("rev-parse", "HEAD") is None:
        pytest.skip("no checkout")
    monkeypatch.chdir(REPOSITORY)


@pytest.mark.usefixtures("at_home")
def test_no_documented_command_changes_tracked_files_without_publish() -> None:
    seen = set()
    for page, text in documented():
        words = shlex.split(text)
        if words[0] not in COMMANDS or text.endswith("..."):
            continue
        command = _parsed(words)
        seen.add(type(command))
        for place in targets(command):
            assert getattr(command, "publish", False) or not is_published(place), (page, text)
    assert len(seen) > 10


def test_no_page_says_to_change_results_by_hand() -> None:
    for page in PAGES:
        for line in page.read_text().splitlines():
            assert not BY_HAND.search(line), (page.name, line)
    assert BY_HAND.search("cp back/speed.json results/")
    assert BY_HAND.search("$ python x.py > results/a.md")


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize(
    ("folder", "published"),
    [
        ("results", True),
        ("results/", True),
        (str(REPOSITORY / "results" / "contestants" / "long"), True),
        ("docs/../results/theory", True),
        ("results/local/cpu", False),
        ("results/mine", False),
        ("runs/results", False),
        ("/nowhere/results", False),
    ],
)
def test_published_folders_hold_tracked_results(folder: str, published: bool) -> None:
    assert is_published(Path(folder)) == published


@pytest.mark.usefixtures("at_home")
def test_without_git_all_but_local_counts_as_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "git", lambda *arguments: None)
    assert is_published(Path("results/mine"))
    assert not is_published(Path("results/local/cpu"))


@pytest.mark.usefixtures("at_home")
def test_git_ignores_local_tables_alone() -> None:
    asked = ["results/local/cpu/speech.json", "results/cpu/speech.json", "results/speech.json"]
    done = subprocess.run(
        ["git", "check-ignore", *asked],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == asked[:1]


def test_tables_are_local_unless_published_or_sent_elsewhere(tmp_path: Path) -> None:
    assert tables_folder("cpu", None, "", publish=False) == Path("results/local/cpu")
    assert tables_folder("cpu", None, "results", publish=False) == local("cpu")
    assert tables_folder("cpu", None, "results", publish=True) == Path("results")
    assert tables_folder("cpu", tmp_path, "results", publish=False) == tmp_path
    assert tables_folder("cpu", tmp_path, "results", publish=True) == tmp_path
    with pytest.raises(UserError, match="--publish: the experiment cpu has no folder to publish"):
        tables_folder("cpu", None, "", publish=True)
    with pytest.raises(UserError, match=r"--results: .*results holds published results; add --p"):
        tables_folder("cpu", REPOSITORY / "results", "", publish=False)


def test_each_published_table_is_of_one_experiment() -> None:
    places = [(one.publish, one.track) for one in map(load, names()) if one.publish]
    assert len({*places}) == len(places)
    assert load("cpu-full").publish == "results"
    assert load("cpu").publish == load("images-smoke").publish == ""


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "smoke", "--results", "results"], "--results: results holds published results"),
        (["theory", "analytic", "--results", "results/theory"], "--results: results/theory holds"),
        (["run", "smoke", "--publish"], "--publish: the experiment smoke has no folder"),
        (["run", "cpu-full", "--publish", "results/a"], "--publish takes no folder; write --resul"),
        (["run", "smoke", "--workspace", "results"], "--workspace: results holds published"),
        (["speed", "--results", "results"], "--results: results holds published results"),
        (["speed", "--page-only", "--results", "results"], "--results: results holds published"),
        (["import", "a.pkl", "--to", "results/weights"], "--to: results/weights holds published"),
        (["merge", "back", "--workspace", "results"], "--workspace: results holds published"),
    ],
)
def test_published_results_are_refused_before_any_work(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", ["claims", "ranking", "networks", "overview"])
def test_pages_of_a_published_folder_are_written_elsewhere(
    command: str,
    results_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = results_folder.parent
    monkeypatch.setattr(checkout, "REPOSITORY", root)
    monkeypatch.setattr(checkout, "git", lambda *arguments: None)
    monkeypatch.chdir(root)
    for page in (root / "README.md", *results_folder.glob("*.md")):
        page.write_text(page.read_text().replace("BDDM", "another"))
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert main([command, "results"]) == 0
    assert f"results/local/{command}, which git ignores" in capsys.readouterr().err
    for path, content in before.items():
        assert path.read_bytes() == content
    written = [*(root / "results" / "local" / command).rglob("*.md")]
    assert written
    assert main([command, "results", "--publish"]) == 0
    changed = [path for path, content in before.items() if path.read_bytes() != content]
    assert changed or command == "claims"
    for page in changed:
        assert page.suffix in (".md", ".svg")
    assert main([command, str(results_folder.rename(root / "other"))]) == 0  # named, not published
    assert not (root / "results").exists()


def test_check_does_not_look_at_local_tables(
    results_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = results_folder / "local" / "cpu"
    place.mkdir(parents=True)
    (place / "speech.json").write_text("{}")
    (place / "notes.wav").write_text("x")
    assert main(["check", str(results_folder)]) == 0
    (results_folder / "notes.wav").write_text("x")
    assert main(["check", str(results_folder)]) == 2
    assert "belong to none of its documents: notes.wav; publish" in capsys.readouterr().err


def test_pages_are_written_again_where_that_is_allowed(
    results_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = results_folder / "speech.md"
    text = page.read_text()
    for name in ("speech.md", "contestants.md", "networks.md"):
        (results_folder / name).write_text("an older layout")
    assert main(["check", str(results_folder), "--pages"]) == 0
    said = capsys.readouterr()
    assert said.err.count("written: ") == 3
    assert page.read_text() == text
    assert main(["check", str(results_folder), "--pages", "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert any("speech.json" in line for line in json.loads(said.out))
    monkeypatch.setattr(places, "is_published", lambda folder: True)
    page.write_text("an older layout")
    assert main(["check", str(results_folder), "--pages"]) == 2
    assert page.read_text() == "an older layout"
    assert main(["check", str(results_folder), "--pages", "--publish"]) == 0
    assert page.read_text() == text

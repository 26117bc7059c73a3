"""The ledger of claims: what the papers say, what the published results say, and the verdict.

A claim is a file ``claims/*.yaml`` that fixes what is measured, how it is decided and with which
margin. The ledger is made from the results folder alone; nothing is measured here. It prints when
a claim's file came to be and last changed, and when the results were made, so that everyone sees
which margins were there first.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bddm_ref.files import (
    DamagedFileError,
    sha256_of,
    verify_checksum,
    write_atomically,
    write_with_checksum,
)
from benchmarks.claims.base import ClaimVerdict, Finding, Level
from benchmarks.claims.kinds import ClaimTest
from benchmarks.core.errors import ExperimentError, first_error
from benchmarks.report.page import table
from benchmarks.results.folder import Books, MissingResultError
from benchmarks.runtime import provenance

FOLDER = Path(__file__).parent
SCHEMA_VERSION = 1
WORST_FIRST: tuple[ClaimVerdict, ...] = (
    "not reproduced",
    "undecided",
    "reproduced",
    "not tested here",
)


class Untested(BaseModel):
    """A part of a claim that is not tested here, and what it would take."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: str
    needs: str
    level: Level = "paper-scale"


class Claim(BaseModel):
    """A claim of the papers, as its file states it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: str
    statement: str
    source: str
    reported: str = Field(description="the papers' own figures, second-hand")
    reading: str = Field(description="what is measured for it, and why that decides it")
    tests: list[Annotated[ClaimTest, Field(discriminator="kind")]] = []
    not_tested: list[Untested] = []


def read_claims(folder: Path = FOLDER) -> dict[str, Claim]:
    """All claims by file name, in the order of their numbers.

    A test with ``for: {name: [values]}`` stands for one test for each combination of the values,
    which take the place of ``{name}`` in its other fields.

    Raises:
        ExperimentError: a file that is no claim; names file and field.
    """
    claims = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            content = yaml.safe_load(path.read_text())
            claims[path.name] = Claim.model_validate(_expanded(content))
        except yaml.YAMLError as error:
            raise ExperimentError(f"{path} cannot be read as YAML: {error}") from error
        except ExperimentError as error:
            raise ExperimentError(f"{path.name}: {error}") from error
        except ValidationError as error:
            raise ExperimentError(f"{path.name}: {first_error(error)}") from error
    return dict(sorted(claims.items(), key=lambda item: _order(item[1].number)))


def _order(number: str) -> tuple[int, str]:
    digits = number.rstrip("abcdefghijklmnopqrstuvwxyz")
    return (int(digits) if digits.isdigit() else 0, number)


def _expanded(content: Any) -> Any:
    if not isinstance(content, dict) or not isinstance(content.get("tests"), list):
        return content
    return content | {"tests": [one for test in content["tests"] for one in _each(test)]}


def _each(test: Any) -> Iterator[Any]:
    if not isinstance(test, dict) or "for" not in test:
        yield test
        return
    names = test["for"]
    if not isinstance(names, dict) or not all(isinstance(v, list) for v in names.values()):
        raise ExperimentError(f"'for' must map names to lists of values, not {names!r}")
    rest = {key: value for key, value in test.items() if key != "for"}
    for values in itertools.product(*names.values()):
        named = dict(zip(names, values, strict=True))
        try:
            yield {k: v.format(**named) if isinstance(v, str) else v for k, v in rest.items()}
        except (KeyError, IndexError) as error:
            raise ExperimentError(f"'for' names no {error} that a field uses") from error


def decided(claims: dict[str, Claim], folder: Path) -> list[dict[str, Any]]:
    """Every claim with its tests' findings, from a results folder."""
    return [_decided(name, claim, Books(folder)) for name, claim in claims.items()]


def _decided(name: str, claim: Claim, books: Books) -> dict[str, Any]:
    findings = [_finding(test, books) for test in claim.tests]
    return {
        "number": claim.number,
        "file": name,
        "statement": claim.statement,
        "source": claim.source,
        "reported": claim.reported,
        "reading": claim.reading,
        "verdict": overall([finding.verdict for finding in findings]),
        "tests": [
            {
                "asked": test.asked,
                "level": test.level,
                "command": test.command,
                "verdict": finding.verdict,
                "measured": finding.measured,
            }
            for test, finding in zip(claim.tests, findings, strict=True)
        ],
        "not_tested": [one.model_dump() for one in claim.not_tested],
        "results": dict(sorted(books.made.items())),
    }


def _finding(test: ClaimTest, books: Books) -> Finding:
    try:
        return test.decide(books)
    except MissingResultError as reason:
        return Finding("not tested here", str(reason))


def overall(verdicts: Sequence[ClaimVerdict]) -> ClaimVerdict:
    """A claim holds where all its tests do; one that fails refutes it, one open leaves it open.

    A test that could not be made leaves the claim open too, where others were made.
    """
    for verdict in WORST_FIRST:
        if verdict in verdicts:
            tested = set(verdicts) - {"not tested here"}
            partly = verdict == "reproduced" and len(tested) < len(set(verdicts))
            return "undecided" if partly else verdict
    return "not tested here"


def write_ledger(folder: Path) -> Path:
    """Write ``claims.json`` and ``claims.md`` into a results folder.

    Returns:
        The page.
    """
    if not folder.is_dir():
        raise DamagedFileError(f"{folder} is no folder of results; name one that 'run' wrote")
    claims = read_claims()
    document = {
        "schema_version": SCHEMA_VERSION,
        "claims": [
            one | {"file_sha256": sha256_of(FOLDER / one["file"])} | _dates(one["file"])
            for one in decided(claims, folder)
        ],
    }
    text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    write_with_checksum(folder / "claims.json", partial(Path.write_text, data=text))
    page = folder / "claims.md"
    write_atomically(page, lambda path: path.write_text(ledger_page(document)))
    return page


def check_ledger(folder: Path) -> str:
    """Verify that a folder's ledger is what its results and the claims' files say.

    Raises:
        DamagedFileError: it is not.
    """
    path = folder / "claims.json"
    verify_checksum(path)
    document = json.loads(path.read_text())
    stated = [
        {key: value for key, value in one.items() if key not in ("first", "last")}
        for one in document["claims"]
    ]
    again = [
        one | {"file_sha256": sha256_of(FOLDER / one["file"])}
        for one in json.loads(json.dumps(decided(read_claims(), folder)))
    ]
    page = folder / "claims.md"
    if stated != again or page.read_text() != ledger_page(document):
        raise DamagedFileError(f"{path} is not what the results say; make it again with 'claims'")
    return f"{path}: {len(stated)} claims follow from the results"


def _dates(name: str) -> dict[str, str | None]:
    """When a claim's file was first and last committed; None where it was not as it stands."""
    path = f"benchmarks/claims/{name}"
    commits = (provenance.git("log", "--follow", "--format=%cI", "--", path) or "").split()
    changed = provenance.git("status", "--porcelain", "--", path)
    return {
        "first": commits[-1] if commits else None,
        "last": commits[0] if commits and not changed else None,
    }


def summary(document: dict[str, Any]) -> str:
    """One line for each claim: its verdict, and its tests by what they rest on."""
    levels: tuple[Level, ...] = get_args(Level)
    heads = ["", "Claim", "Reported", "Verdict", *levels]
    lines = []
    for one in document["claims"]:
        cells = [one["number"], one["statement"], one["reported"], f"**{one['verdict']}**"]
        lines.append([*cells, *(_counted(one, level) for level in levels)])
    return table(heads, lines)


def _counted(claim: dict[str, Any], level: Level) -> str:
    verdicts = [t["verdict"] for t in claim["tests"] if t["level"] == level]
    verdicts += ["not tested here" for u in claim["not_tested"] if u["level"] == level]
    counts = Counter(verdicts)
    return ", ".join(f"{counts[v]} {v}" for v in WORST_FIRST if counts[v]) or "—"


def ledger_page(document: dict[str, Any]) -> str:
    """The whole page."""
    parts = [
        "# Claims of the papers, and what the published results say\n",
        "A claim is *reproduced* where all its tests are, *not reproduced* where one is not, and "
        "*undecided* where the interval of one straddles its margin, or one could not be made. "
        "Tests and margins stand in the files named, whose dates and checksums stand with them, "
        "and so do the dates of the results.\n",
        summary(document),
    ]
    for one in document["claims"]:
        parts.append(f"## {one['number']}. {one['statement']}\n")
        parts.append(f"{one['source']}; reported: {one['reported']}\n")
        parts.append(f"{one['reading']}\n")
        lines = [
            [t["asked"], t["measured"], f"**{t['verdict']}**", t["level"], f"`{t['command']}`"]
            for t in one["tests"]
        ]
        lines += [
            [u["what"], f"needs {u['needs']}", "not tested here", u["level"], "—"]
            for u in one["not_tested"]
        ]
        parts.append(table(["Test", "Measured", "Verdict", "Evidence", "Command"], lines))
        parts.append(_origin(one))
    return "\n".join(parts)


def _origin(claim: dict[str, Any]) -> str:
    """The file with its dates, and those of the results that it was there before, or not."""
    first, last = claim["first"], claim["last"]
    made = [f"`{name}` {when}" for name, when in claim["results"].items()]
    late = [
        name
        for name, when in claim["results"].items()
        if last is None or datetime.fromisoformat(when) < datetime.fromisoformat(last)
    ]
    text = (
        f"`benchmarks/claims/{claim['file']}`, first committed {first or 'not yet'}, last changed "
        f"{last or 'since'}, SHA-256 `{claim['file_sha256'][:12]}`. Results: "
        f"{', '.join(made) or 'none'}.\n"
    )
    if late:
        text += (
            f"\nThe file last changed after {', '.join(f'`{name}`' for name in late)} was made.\n"
        )
    return text

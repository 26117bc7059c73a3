"""The ledger of claims: what the papers say, what the published results say, and the verdict.

A claim is a file ``claims/*.yaml`` that fixes beforehand what is measured, how it is decided and
with which margin. The ledger is made from the results folder alone; nothing is measured here.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bddm_ref.checkpoint import (
    DamagedFileError,
    sha256_of,
    verify_checksum,
    write_atomically,
    write_with_checksum,
)
from benchmarks import provenance
from benchmarks.books import Books, MissingResultError
from benchmarks.claim_tests import ClaimTest, ClaimVerdict, Finding
from benchmarks.experiment import ExperimentError
from benchmarks.report.cells import table

FOLDER = Path(__file__).parent / "claims"
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


class Claim(BaseModel):
    """A claim of the papers, as its file states it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: str
    statement: str
    source: str
    reported: str = Field(description="the papers' own figures, second-hand")
    reading: str = Field(description="what is measured for it, and why that decides it")
    tests: list[Annotated[ClaimTest, Field(discriminator="kind")]]
    not_tested: list[Untested] = []


def read_claims(folder: Path = FOLDER) -> dict[str, Claim]:
    """All claims by file name, in the order of these.

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
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ExperimentError(f"{path.name}: {where}: {first['msg']}") from error
    return claims


def _expanded(content: Any) -> Any:
    if not isinstance(content, dict) or not isinstance(content.get("tests"), list):
        return content
    return content | {"tests": [one for test in content["tests"] for one in _each(test)]}


def _each(test: Any) -> Iterator[Any]:
    if not isinstance(test, dict) or not isinstance(test.get("for"), dict):
        yield test
        return
    rest = {key: value for key, value in test.items() if key != "for"}
    for values in itertools.product(*test["for"].values()):
        named = dict(zip(test["for"], values, strict=True))
        yield {k: v.format(**named) if isinstance(v, str) else v for k, v in rest.items()}


def decided(claims: dict[str, Claim], folder: Path) -> list[dict[str, Any]]:
    """Every claim with its tests' findings, from a results folder."""
    books = Books(folder)
    return [_decided(name, claim, books) for name, claim in claims.items()]


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
    }


def _finding(test: ClaimTest, books: Books) -> Finding:
    try:
        return test.decide(books)
    except MissingResultError as reason:
        return Finding("not tested here", str(reason))


def overall(verdicts: Sequence[ClaimVerdict]) -> ClaimVerdict:
    """A claim holds where all its tests do: one that fails refutes it, one open leaves it open."""
    for verdict in WORST_FIRST:
        if verdict in verdicts:
            return verdict
    return "not tested here"


def write_ledger(folder: Path) -> Path:
    """Write ``claims.json`` and ``claims.md`` into a results folder.

    Returns:
        The page.
    """
    claims = read_claims()
    document = {
        "schema_version": SCHEMA_VERSION,
        "claims": [
            one | {"file_sha256": sha256_of(FOLDER / one["file"]), "file_date": _date(one["file"])}
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
        {key: value for key, value in one.items() if key not in ("file_sha256", "file_date")}
        for one in document["claims"]
    ]
    again = json.loads(json.dumps(decided(read_claims(), folder)))
    page = folder / "claims.md"
    if stated != again or page.read_text() != ledger_page(document):
        raise DamagedFileError(f"{path} is not what the results say; make it again with 'claims'")
    return f"{path}: {len(stated)} claims follow from the results"


def _date(name: str) -> str | None:
    """When a claim's file was last changed, as its history says."""
    return provenance.git("log", "-1", "--format=%cs", "--", f"benchmarks/claims/{name}") or None


def summary(document: dict[str, Any]) -> str:
    """One line for each claim."""
    heads = ["", "Claim", "Reported", "Verdict", "Tests"]
    lines = []
    for one in document["claims"]:
        counts = Counter(test["verdict"] for test in one["tests"])
        tests = ", ".join(f"{counts[v]} {v}" for v in WORST_FIRST if counts[v]) or "none"
        cells = [one["number"], one["statement"], one["reported"]]
        lines.append([*cells, f"**{one['verdict']}**", tests])
    return table(heads, lines)


def ledger_page(document: dict[str, Any]) -> str:
    """The whole page."""
    parts = [
        "# Claims of the papers, and what the published results say\n",
        "A claim is *reproduced* where all its tests are, *not reproduced* where one is not, and "
        "*undecided* where the interval of one straddles its margin. Tests and margins stand in "
        "the files named; the date of each file's last change and its checksum stand with it.\n",
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
            [u["what"], f"needs {u['needs']}", "not tested here", "paper-scale", "—"]
            for u in one["not_tested"]
        ]
        parts.append(table(["Test", "Measured", "Verdict", "Evidence", "Command"], lines))
        parts.append(
            f"`benchmarks/claims/{one['file']}`, {one['file_date'] or 'not committed'}, "
            f"SHA-256 `{one['file_sha256'][:12]}`\n"
        )
    return "\n".join(parts)

"""The ledger of claims: what the papers say, what the published results say, and the verdict.

A claim is a file ``claims/*.yaml`` that fixes what is measured, how it is decided and with which
margin. The ledger is made from the results folder alone; nothing is measured here. It prints when
a claim's file came to be and last changed, and when the results were made, so that everyone sees
which margins were there first.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bddm_ref.files import DamagedFileError, sha256_of
from benchmarks.claims.base import Finding
from benchmarks.claims.kinds import ClaimTest
from benchmarks.core.errors import ExperimentError, first_error
from benchmarks.report.pages.claims import WORST_FIRST
from benchmarks.report.registry import publish
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.forms import document_file
from benchmarks.results.ledger import (
    ClaimVerdict,
    DecidedClaim,
    Ledger,
    TestOutcome,
    Untested,
)
from benchmarks.runtime import checkout

FOLDER = Path(__file__).parent
FILE = "claims.json"


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


def decided(claims: dict[str, Claim], folder: Path) -> list[DecidedClaim]:
    """Every claim with the outcomes of its tests, from a results folder."""
    results = ResultsFolder(folder)
    return [_decided(name, claim, results.view()) for name, claim in claims.items()]


def _decided(name: str, claim: Claim, results: ResultsFolder) -> DecidedClaim:
    findings = [_finding(test, results) for test in claim.tests]
    return DecidedClaim(
        number=claim.number,
        file=name,
        statement=claim.statement,
        source=claim.source,
        reported=claim.reported,
        reading=claim.reading,
        verdict=overall([finding.verdict for finding in findings]),
        tests=[
            TestOutcome(
                asked=test.asked,
                level=test.level,
                command=test.command,
                verdict=finding.verdict,
                measured=finding.measured,
            )
            for test, finding in zip(claim.tests, findings, strict=True)
        ],
        not_tested=claim.not_tested,
        results=dict(sorted(results.made.items())),
        file_sha256=sha256_of(FOLDER / name),
    )


def _finding(test: ClaimTest, results: ResultsFolder) -> Finding:
    try:
        return test.decide(results)
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


def write_ledger(folder: Path, into: Path | None = None) -> Path:
    """Decide every claim from a results folder, and write the ledger and its page.

    Args:
        folder: the results folder.
        into: the folder of the ledger and its page; None: ``folder``.

    Returns:
        The page.

    Raises:
        DamagedFileError: there is no such folder, or a document in it is damaged.
    """
    if not folder.is_dir():
        raise DamagedFileError(f"{folder} is no folder of results; name one that 'run' wrote")
    claims = [one.model_copy(update=_dates(one.file)) for one in decided(read_claims(), folder)]
    return publish((into or folder) / FILE, Ledger(kind="claims", schema_version=2, claims=claims))


def check_ledger(folder: Path) -> str:
    """Verify that a folder's ledger is what its results and the claims' files say.

    Raises:
        DamagedFileError: the ledger says something else.
    """
    path = document_file(folder, FILE)
    undated = {"first": None, "last": None}
    stated = [one.model_copy(update=undated) for one in Ledger.read(path).claims]
    if stated != decided(read_claims(), folder):
        raise DamagedFileError(f"{path} is not what the results say; make it again with 'claims'")
    return f"{path}: {len(stated)} claims follow from the results"


def _dates(name: str) -> dict[str, str | None]:
    """Dates when a claim's file was first and last committed; None: not as it stands."""
    path = f"benchmarks/claims/{name}"
    commits = (checkout.git("log", "--follow", "--format=%cI", "--", path) or "").split()
    changed = checkout.git("status", "--porcelain", "--", path)
    return {
        "first": commits[-1] if commits else None,
        "last": commits[0] if commits and not changed else None,
    }

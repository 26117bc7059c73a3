"""The ledger of claims: what the papers say, what the published results say, and the verdict.

A claim is a file ``claims/*.yaml`` that fixes what is measured, how it is decided and with which
margin. The ledger is made from the results folder alone; nothing is measured here. It prints when
a claim's file came to be and last changed, and when the results were made, so that everyone sees
which margins were there first.
"""

from __future__ import annotations

from pathlib import Path

from bddm_ref.files import DamagedFileError, sha256_of
from benchmarks.claims import claim as files
from benchmarks.claims.claim import Claim, Figure, Quoted, read_claims
from benchmarks.claims.settings import decided_setting, failing
from benchmarks.report.page import estimate
from benchmarks.report.registry import publish
from benchmarks.results.folder import MissingResultError, ResultsFolder
from benchmarks.results.forms import document_file
from benchmarks.results.ledger import (
    PRIMARY,
    Beside,
    DecidedClaim,
    DecidedSetting,
    Ledger,
    PapersFigure,
)
from benchmarks.runtime import checkout

FILE = "claims.json"


def decided(claims: dict[str, Claim], folder: Path) -> list[DecidedClaim]:
    """Every claim with the outcomes of its tests, from a results folder."""
    results = ResultsFolder(folder)
    return [_decided(name, claim, results.view()) for name, claim in claims.items()]


def _decided(name: str, claim: Claim, results: ResultsFolder) -> DecidedClaim:
    primary = decided_setting(
        (PRIMARY, claim.primary.setting), claim.primary.tests, results, claim.fixed
    )
    extensions = [
        decided_setting((one.name, one.setting), one.tests, results, claim.fixed)
        for one in claim.extensions
    ]
    return DecidedClaim(
        number=claim.number,
        file=name,
        statement=claim.statement,
        source=claim.source,
        reported=claim.reported,
        fixed=claim.fixed.isoformat(),
        seen=claim.seen,
        known=claim.known,
        figures=[_beside(one, results) for one in claim.figures],
        differs=claim.differs,
        verdict=primary.verdict,
        fails=[failing(one) for one in (primary, *extensions) if _fails(one, primary)],
        primary=primary,
        extensions=extensions,
        not_tested=claim.not_tested,
        results=dict(sorted(results.made.items())),
        file_sha256=sha256_of(files.FOLDER / name),
    )


def _fails(one: DecidedSetting, primary: DecidedSetting) -> bool:
    """Tell whether a setting does not hold; of the primary one the verdict itself says so."""
    return one.verdict == "holds in part" or (one.verdict == "does not hold" and one is not primary)


def _beside(figure: Figure, results: ResultsFolder) -> PapersFigure:
    try:
        ours = "" if figure.ours is None else _quoted(figure.ours, results)
    except MissingResultError as reason:
        ours = f"not made: {reason}"
    told = {} if figure.ours is None else {"beside": Beside(**figure.ours.model_dump())}
    return PapersFigure(
        what=figure.what, value=figure.value, setting=figure.setting, ours=ours, **told
    )


def _quoted(quoted: Quoted, results: ResultsFolder) -> str:
    row, run = results.row(quoted.results, quoted.row), results.run(quoted.results)
    if quoted.metric in {"speedup", "rtf"}:
        found = None if row.time is None else getattr(row.time, quoted.metric)
        told = f"{found:.3g}" if isinstance(found, float) else estimate(found, 1)
    else:
        found = row.metrics.get(quoted.metric)
        told = estimate(found, run.metrics[quoted.metric].digits) if found else ""
    if found is None:
        raise MissingResultError(f"{quoted.row} has no {quoted.metric}")
    return f"{told} (`{quoted.row}`, {run.created[:10]})"


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
    return publish((into or folder) / FILE, Ledger(kind="claims", schema_version=3, claims=claims))


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

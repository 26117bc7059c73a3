"""The page of the ledger."""

from __future__ import annotations

from benchmarks.report.markdown import table_text, to_markdown
from benchmarks.report.pages.claims import claims_page, summary
from benchmarks.results.ledger import DecidedClaim, Ledger, TestOutcome, Untested
from synthetic.runs import CREATED


def ledger(last: str | None) -> Ledger:
    """One claim, of two tests and one that is not made; its file last changed at a date."""
    tests = [
        TestOutcome(
            asked=f"question {i}",
            level="CPU-scale",
            command="run cpu",
            verdict=verdict,
            measured=f"{i} m",
        )
        for i, verdict in enumerate(("reproduced", "not reproduced"))
    ]
    claim = DecidedClaim(
        number="3",
        file="3-fast.yaml",
        statement="It is fast",
        source="a paper",
        reported="62x",
        reading="Time is measured.",
        verdict="not reproduced",
        tests=tests,
        not_tested=[Untested(what="LJSpeech", needs="a GPU")],
        results={"speech.json": CREATED},
        file_sha256="a" * 64,
        first="2026-01-01T00:00:00+00:00" if last else None,
        last=last,
    )
    return Ledger(kind="claims", schema_version=2, claims=[claim])


def test_the_summary_counts_tests_by_their_evidence() -> None:
    text = table_text(summary(ledger(None)))
    assert text.startswith("|  | Claim | Reported | Verdict | analytic | CPU-scale | GPU |")
    assert (
        "| 3 | It is fast | 62x | **not reproduced** | — | 1 not reproduced, 1 reproduced | — | 1 "
        "not tested here |\n"
    ) in text


def test_every_test_has_its_figures_and_its_command() -> None:
    page = to_markdown(claims_page(ledger(None)))
    assert "## 3. It is fast\n\na paper; reported: 62x\n\nTime is measured.\n" in page
    assert "| question 1 | 1 m | **not reproduced** | CPU-scale | `run cpu` |" in page
    assert "| LJSpeech | needs a GPU | not tested here | paper-scale | — |" in page


def test_a_file_that_changed_after_the_results_is_told() -> None:
    late = "The file last changed after `speech.json` was made."
    earlier, later = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"
    page = to_markdown(claims_page(ledger(earlier)))
    assert f"first committed {earlier}, last changed {earlier}, SHA-256 `{'a' * 12}`" in page
    assert f"Results: `speech.json` {CREATED}." in page
    assert late not in page
    assert late in to_markdown(claims_page(ledger(later)))
    uncommitted = to_markdown(claims_page(ledger(None)))
    assert "first committed not yet, last changed since," in uncommitted
    assert late in uncommitted

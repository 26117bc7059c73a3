"""The page of the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.claims.claim import read_claims
from benchmarks.claims.ledger import decided
from benchmarks.report.markdown import table_text, to_markdown
from benchmarks.report.pages.claims import claims_page, summary
from benchmarks.results.ledger import (
    DecidedClaim,
    DecidedSetting,
    Ledger,
    PapersFigure,
    TestOutcome,
    TestVerdict,
    Untested,
)
from synthetic.runs import CREATED

WIDEST = 240  # characters of a line of the overview


def outcome(label: str, verdict: TestVerdict, p: float | None = None) -> TestOutcome:
    return TestOutcome(
        label=label,
        asked=f"question {label}",
        level="CPU-scale",
        command="run cpu",
        verdict=verdict,
        measured=f"{label} m",
        short="" if verdict == "open" else "+1",
        steps=3,
        p=p,
        p_holm=None if p is None else 2 * p,
    )


def setting(name: str, *tests: TestOutcome) -> DecidedSetting:
    return DecidedSetting(
        name=name, setting="In words.", verdict="holds in part", told="holds: a", tests=[*tests]
    )


def ledger(last: str | None, **changes: object) -> Ledger:
    """One claim; its file last changed at a date."""
    claim = DecidedClaim(
        number="3",
        file="3-fast.yaml",
        statement="It is fast",
        source="a paper",
        reported="62x",
        fixed="2026-01-01",
        seen=True,
        known="the times.",
        figures=[PapersFigure(what="speed-up", value="62", setting="a GPU", ours="61 [60, 62]")],
        differs="another machine.",
        verdict="holds in part",
        fails=["images (3, 7)", "a second setting (16)"],
        primary=setting(
            "primary", outcome("a", "holds", 0.001), outcome("b", "open"), outcome("c", "holds")
        ),
        extensions=[setting("images", outcome("", "does not hold"))],
        not_tested=[Untested(what="LJSpeech", needs="a GPU")],
        results={"speech.json": CREATED},
        file_sha256="a" * 64,
        first="2026-01-01T00:00:00+00:00" if last else None,
        last=last,
    )
    changed = claim.model_copy(update=changes)
    return Ledger(kind="claims", schema_version=3, claims=[changed])


def test_the_overview_has_the_papers_figure_beside_ours() -> None:
    text = table_text(summary(ledger(None)))
    assert text.startswith("|  | Claim | Papers | Here, primary setting | Verdict | Fails in |")
    assert (
        "| 3 | It is fast | 62x | a +1; b open; c +1 | **holds in part** | images (3, 7); a second "
        "setting (16) | CPU-scale |\n"
    ) in text


def test_what_was_not_made_is_said_once() -> None:
    unmade = setting("primary", outcome("a", "not made"), outcome("b", "not made"))
    assert "| 62x | not made |" in table_text(summary(ledger(None, primary=unmade)))


def test_a_cell_that_is_too_long_counts_the_rest() -> None:
    long = [f"setting {i} of many (3, 7, 16)" for i in range(5)]
    text = table_text(summary(ledger(None, fails=long)))
    assert f"| {long[0]}; 4 more |" in text
    huge = table_text(summary(ledger(None, fails=["x" * 80, "y"])))
    assert "| 2 settings |" in huge


def test_the_overview_of_the_shipped_claims_fits_a_screen(tmp_path: Path) -> None:
    """The longest possible figures and lists of settings."""
    claims = decided(read_claims(), tmp_path)
    worst = [
        one.model_copy(
            update={
                "verdict": "does not hold",
                "fails": [f"{other.name} (3, 7, 12, 16)" for other in one.extensions],
                "primary": one.primary.model_copy(
                    update={
                        "tests": [
                            test.model_copy(update={"verdict": "holds", "short": "-0.000123"})
                            for test in one.primary.tests
                        ]
                    }
                ),
            }
        )
        for one in claims
    ]
    lines = table_text(summary(Ledger(kind="claims", schema_version=3, claims=worst))).splitlines()
    assert len(lines) == len(claims) + 2
    assert max(map(len, lines)) <= WIDEST


def test_a_claim_has_its_settings_with_their_tests() -> None:
    page = to_markdown(claims_page(ledger(None)))
    assert "## 3. It is fast\n\n**Holds in part.** a paper; reported: 62x.\n" in page
    assert "| speed-up | 62 | a GPU | 61 [60, 62] |\n" in page
    assert "Why ours may differ: another machine.\n" in page
    assert (
        "**Primary setting: holds in part** (holds: a). In words. Made by `run cpu`.\n\n"
        "| Test | Measured | p; Holm's | Verdict | Evidence |"
    ) in page
    assert "| a: question a | a m | 0.001; 0.002 | **holds** | CPU-scale |" in page
    assert "| b: question b | b m | — | **open** | CPU-scale |" in page
    assert "**Extension, images: holds in part**" in page
    assert "| LJSpeech | needs a GPU | papers' scale |" in page


@pytest.mark.parametrize(
    ("seen", "told"),
    [(True, "Results were seen before: the times."), (False, "No result was seen before: the")],
)
def test_the_page_says_whether_the_data_were_seen(seen: bool, told: str) -> None:
    page = to_markdown(claims_page(ledger(None, seen=seen)))
    assert f"Primary tests fixed on 2026-01-01, before any run under protocol 2. {told}" in page


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

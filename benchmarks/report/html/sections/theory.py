"""The bounds over the junction t, the learned ratio, and the collapse on the ELBO."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bddm_ref.settings import StepLossForm
from benchmarks.report.html.lead import NOUNS
from benchmarks.report.html.lines import (
    NARROW,
    Lines,
    Point,
    Scales,
    Series,
    Style,
    Told,
    line_chart,
    switch_of,
)
from benchmarks.report.html.marks import COLORS
from benchmarks.report.html.section import Chart, Charts, Part, Section
from benchmarks.report.inline import code, plain
from benchmarks.report.page import Bullets, Heading, Prose
from benchmarks.report.pages.theory import bound_findings
from benchmarks.results.folder import MissingResultError
from benchmarks.results.theory import (
    PAPERS,
    BoundPoint,
    NetworkPoint,
    NetworkTheory,
    RatioPoint,
    SigmaTrace,
    TheoryDocument,
)
from benchmarks.results.whole import WholeFolder

COLUMNS = 3
TERMS = {
    "F_bddm": ("F_bddm = F_score + L_step", Style(COLORS[0], "circle", width=2.2)),
    "F_score": ("F_score = −L_score", Style(COLORS[1], "square")),
    "L_step": ("L_step", Style(COLORS[2], "triangle")),
    "term": ("one term of the ELBO, −KL at t", Style(COLORS[3], "diamond", "--")),
}
"""Lines of a chart of bounds, in the authors' terms, with the common term dropped."""
RATIOS = (
    ("r of the network", Style(COLORS[0], "circle")),
    ("r* of the closed form", Style(COLORS[1], "", "--")),
)
LOSSES: dict[StepLossForm, str] = {
    "elbo": "ELBO",
    "exact": "step loss",
    "released": "step loss as released",
}
BOUNDS = (
    "The bilateral bound at a junction t, in nats per dimension and in the authors' terms. The "
    "common term E log p(x₀ | x₁) is dropped, as in their plot. Shown are junctions inside the "
    "papers' assumptions, in the middle of the long steps of one τ, whose short chain has the "
    "steps of the step loss."
)
RATIO = (
    "The ratio r = β̂ₙ / δₜ that a trained schedule network chooses at each level t, beside r*(s), "
    "which minimises the expected step loss at the power s of the noise estimate there. Bars are "
    "one standard deviation over items."
)
COLLAPSE = (
    "The mean output σ of a schedule network during training, on the step loss and on the ELBO. A "
    "network whose σ falls to 0 has collapsed: it takes no step."
)
Value = tuple[float, float | None, float | None]


def theory_section(results: WholeFolder) -> Section | None:
    """Bounds, ratios and collapse of every document of the theory; None where there is none."""
    exact, networks = _exact(results), list(_networks(results))
    if exact is None and not networks:
        return None
    parts: list[Part] = [Heading("Bounds over the junction t", 3), Prose(BOUNDS)]
    if exact is not None:
        parts.append(Bullets(tuple(bound_findings(exact.bounds))))
    parts.append(_bound_charts(exact, networks))
    parts += _bound_sentences(exact, networks)
    parts += _ratio_parts(exact, networks)
    parts += _collapse_parts(exact, networks)
    commands = ["python -m benchmarks theory analytic"] if exact is not None else []
    commands += [
        f"python -m benchmarks theory {name}" for name in dict.fromkeys(n for n, _, _ in networks)
    ]
    return Section(
        "theory", "Theory: the bound, the ratio, the collapse", tuple(parts), tuple(commands)
    )


def _exact(results: WholeFolder) -> TheoryDocument | None:
    try:
        return results.theory
    except MissingResultError:
        return None


def _networks(results: WholeFolder) -> Iterator[tuple[str, str, NetworkTheory]]:
    """Name of the experiment, name to show, and theory of each convention."""
    for document in results.network_theories():
        for one in document.conventions:
            name = f"{NOUNS.get(document.track, document.track)}, {one.convention}"
            yield document.experiment_name or document.track, name, one


def _bound_charts(
    exact: TheoryDocument | None, networks: Sequence[tuple[str, str, NetworkTheory]]
) -> Charts:
    charts = []
    for i, bounds in enumerate(exact.bounds if exact is not None else ()):
        charts.append(_bound_chart(f"theory-bounds-{i}", bounds.data, bounds.points))
    for i, (_, name, found) in enumerate(networks):
        charts.append(_bound_chart(f"theory-networks-{i}", name, found.points))
    legend = tuple(switch_of(text, [i], style) for i, (text, style) in enumerate(TERMS.values()))
    return Charts(tuple(charts), legend, columns=COLUMNS)


def _bound_chart(
    name: str, head: str, points: Sequence[BoundPoint] | Sequence[NetworkPoint]
) -> Chart:
    shown = _inside(points)
    series = [
        Series(
            i,
            "",
            tuple(Point(point.t, *_value(point, term)) for point in shown),
            style,
        )
        for i, (term, (_, style)) in enumerate(TERMS.items())
    ]
    ranges = "; ".join(
        f"{text} from {min(p.y for p in one.points):.3g} to {max(p.y for p in one.points):.3g}"
        for one, (text, _) in zip(series, TERMS.values(), strict=True)
        if one.points
    )
    told = Told(name, f"Bilateral bound and one term of the ELBO over t, {head}", f"{ranges}.")
    head = f"{head}, τ = {_tau(shown[0])}" if shown else head
    scales = Scales("junction t", "nats per dimension")
    return line_chart(Lines(told, scales, tuple(series), size=NARROW, head=head))


def _inside(
    points: Sequence[BoundPoint] | Sequence[NetworkPoint],
) -> list[BoundPoint | NetworkPoint]:
    """Points of the papers' assumptions and of one τ, that of the most points, by rising t.

    Points of one τ lie in the middle of its long steps, at t = (n − 1/2)τ.
    """
    found: dict[int, dict[int, BoundPoint | NetworkPoint]] = {}
    for point in points:
        if point.family == PAPERS and point.length is not None:
            found.setdefault(_tau(point), {})[point.t] = point
    most = max(found.values(), key=len, default={})
    return [most[t] for t in sorted(most)]


def _tau(point: BoundPoint | NetworkPoint) -> int:
    return round(2 * point.t / (2 * point.n - 1))


def _value(point: BoundPoint | NetworkPoint, term: str) -> Value:
    """A term at a point with its interval, signed as the chart shows it."""
    found = {
        "F_bddm": (1, point.dropped),
        "F_score": (-1, point.score),
        "L_step": (1, point.step),
        "term": (-1, point.term),
    }
    sign, value = found[term]
    if isinstance(value, float):
        return sign * value, None, None
    low, high = sorted((sign * value.low, sign * value.high))
    return sign * value.value, low, high


def _bound_sentences(
    exact: TheoryDocument | None, networks: Sequence[tuple[str, str, NetworkTheory]]
) -> Iterator[Part]:
    """One sentence on each chart."""
    shown = [(code(one.data), _inside(one.points)) for one in (exact.bounds if exact else ())]
    shown += [(plain(name), _inside(found.points)) for _, name, found in networks]
    yield Bullets(tuple(_seen(name, points) for name, points in shown if points))


def _seen(name: str, points: Sequence[BoundPoint | NetworkPoint]) -> str:
    values = [_value(point, "F_bddm")[0] for point in points]
    terms = [_value(point, "term")[0] for point in points]
    above = sum(value > term for value, term in zip(values, terms, strict=True))
    most = max(points, key=lambda point: _value(point, "F_bddm")[0])
    return (
        f"{name}: F_bddm is above the ELBO's term at {above} of {len(points)} junctions, positive "
        f"at {sum(value > 0 for value in values)}, and largest at t = {most.t} "
        f"({_value(most, 'F_bddm')[0]:.2f})."
    )


def _ratio_parts(
    exact: TheoryDocument | None, networks: Sequence[tuple[str, str, NetworkTheory]]
) -> Iterator[Part]:
    studies = [
        (f"{one.data}, {one.form} loss", one.points) for one in (exact.ratios if exact else ())
    ]
    studies += [(name, found.ratios) for _, name, found in networks]
    charts = [
        _ratio_chart(f"theory-ratio-{i}", head, points)
        for i, (head, points) in enumerate(studies)
        if points
    ]
    if charts:
        legend = tuple(switch_of(text, [i], style) for i, (text, style) in enumerate(RATIOS))
        yield Heading("The learned ratio and its closed form", 3)
        yield Prose(RATIO)
        yield Charts(tuple(charts), legend, columns=COLUMNS)


def _ratio_chart(name: str, head: str, points: Sequence[RatioPoint]) -> Chart:
    ordered = sorted(points, key=lambda point: point.t)
    learned = tuple(
        Point(p.t, p.learned, p.learned - p.spread, p.learned + p.spread) for p in ordered
    )
    closed = tuple(Point(p.t, p.closed) for p in ordered)
    errors = [abs(p.learned - p.closed) / p.closed for p in ordered]
    told = Told(
        name,
        f"Ratio r of the schedule network and r* of the closed form over t, {head}",
        f"The network's r differs from r* by {sum(errors) / len(errors):.1%} on average, and by "
        f"{max(errors):.1%} at most.",
    )
    series = (
        Series(0, "", learned, RATIOS[0][1]),
        Series(1, "", closed, RATIOS[1][1]),
    )
    scales = Scales("level t", "r")
    return line_chart(Lines(told, scales, series, size=NARROW, head=head))


def _collapse_parts(
    exact: TheoryDocument | None, networks: Sequence[tuple[str, str, NetworkTheory]]
) -> Iterator[Part]:
    studies = [(one.data, one.traces) for one in (exact.collapses if exact else ())]
    studies += [(name, found.traces) for _, name, found in networks]
    kept = [(head, traces) for head, traces in studies if traces]
    if not kept:
        return
    forms = list(dict.fromkeys((t.form, t.learning_rate) for _, some in kept for t in some))
    losses = list(dict.fromkeys(form for form, _ in forms))
    rates = sorted({rate for _, rate in forms})
    styles = {
        (form, rate): Style(
            COLORS[losses.index(form) % len(COLORS)],
            dashes=("-", "--", ":")[min(rates.index(rate), 2)],
        )
        for form, rate in forms
    }
    charts = [
        _collapse_chart(f"theory-collapse-{i}", head, traces, styles)
        for i, (head, traces) in enumerate(kept)
    ]
    legend = tuple(
        switch_of(f"{LOSSES[form]}, learning rate {rate:g}", [i], style)
        for i, ((form, rate), style) in enumerate(styles.items())
    )
    yield Heading("Training on the ELBO", 3)
    yield Prose(COLLAPSE)
    yield Charts(tuple(charts), legend, columns=COLUMNS)


def _collapse_chart(
    name: str,
    head: str,
    traces: Sequence[SigmaTrace],
    styles: Mapping[tuple[StepLossForm, float], Style],
) -> Chart:
    groups = [*styles]
    series = [
        Series(
            groups.index((one.form, one.learning_rate)),
            "",
            tuple(Point(update + 1, one.sigma[update]) for update in sorted(one.sigma)),
            styles[one.form, one.learning_rate],
        )
        for one in traces
    ]
    told = Told(
        name,
        f"Mean of σ during training on the step loss and on the ELBO, {head}",
        "; ".join(
            f"{LOSSES[one.form]}, learning rate {one.learning_rate:g}: from {one.sigma[0]:.2f} to "
            f"{one.limit:.3f}, half of the way after {one.half_time} updates"
            for one in traces
        )
        + ".",
    )
    scales = Scales("updates + 1", "mean of σ", x_log=True)
    return line_chart(Lines(told, scales, tuple(series), size=NARROW, head=head))

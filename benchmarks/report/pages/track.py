"""The page of a run: samplers by steps, quality, verdicts, costs, origin."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.report.contents import with_contents
from benchmarks.report.inline import code, plain
from benchmarks.report.page import (
    NOTHING,
    Block,
    Bullets,
    Cell,
    Heading,
    Origin,
    Page,
    Prose,
    Table,
    estimate,
    estimated,
    named,
    table,
)
from benchmarks.report.pages.schedules import schedule_blocks
from benchmarks.report.words import WORDS
from benchmarks.report.words.base import Line
from benchmarks.results.schema import (
    CallTime,
    Comparison,
    Cost,
    RowResult,
    RunResults,
)

PAIRED_NOTE = (
    "Speed-ups are paired by round: geometric means without the lowest and the highest fifth of "
    "the rounds, with 95 % intervals of Student's t. *Power*: the probability that such an "
    "interval lies above 90 % of a claimed speed-up, if the true speed-up is the claimed one."
)


def track_page(results: RunResults) -> Page:
    """The whole page."""
    words = WORDS[results.track]
    blocks = [*_head(results), Heading("Summary"), *summary(results)]
    for convention in results.convention_names():
        rows = [row for row in results.rows if row.convention == convention]
        head = words.convention_head(results, results.convention(convention))
        blocks += [Heading(head), _quality_table(results, rows), *_unsampled(rows)]
        blocks += _times(results, rows)
        blocks += _verdicts(results, convention)
        blocks += words.appendix(results, rows)
        blocks += schedule_blocks(results, rows)
        blocks += [Prose(line) for line in _cost_lines(results, convention)]
    return with_contents(Page((*blocks, _origin(results))))


def _head(results: RunResults) -> list[Block]:
    blocks: list[Block] = [Heading(f"Results: {results.track} track", 1)]
    if results.meaningless:
        smoke = "**A smoke run: budgets are tiny, and these figures mean nothing.**"
        blocks.append(Prose(smoke))
    note = WORDS[results.track].note(results)
    blocks.append(Prose(f"{note} ↑ higher is better, ↓ lower is better. {_timing_note(results)}"))
    if results.machine_busy:
        blocks.append(Prose("**The machine was busy while it was timed: take times with care.**"))
    if results.network is not None:
        blocks.append(Prose(f"One network evaluation: {_latency(results.network)}."))
    if results.encoder is not None:
        encoding = f"One encoding of the condition: {_latency(results.encoder)}."
        blocks.append(Prose(f"{encoding} Latencies are without it; it is made once for all steps."))
    if any(row.time is not None and row.time.power is not None for row in results.rows):
        blocks.append(Prose(PAIRED_NOTE))
    return blocks


def _timing_note(results: RunResults) -> str:
    if all(row.time is None for row in results.rows):
        return "Not timed in this run."
    item = WORDS[results.track].item
    note = f"Latency: one {item}, batch 1, median of whole sampler calls on"
    if results.times_from is not None:
        source = results.times_from
        audio = source.seconds_of_audio
        of_length = "" if audio is None else f", {item}s of {audio:.2f} s"
        device, network = plain(source.device), plain(source.network)
        return f"{note} {device} ({network}{of_length}; from {code(source.file)})."
    return f"{note} {plain(results.provenance.processor)}, {results.provenance.threads} threads."


def summary(results: RunResults) -> list[Table]:
    """Each headline metric as a table of samplers by steps."""
    headline = results.settings.headline
    return [_by_steps(results, name) for name in headline if name in results.metrics]


def _by_steps(results: RunResults, name: str) -> Table:
    """One metric by steps, for every sampler that has it.

    Distances of sets depend on how many items there are: those of the largest number are shown.
    """
    info, of_sets = results.metrics[name], WORDS[results.track].counts_items
    scored = [row for row in results.rows if name in row.metrics]
    most = max((row.metrics[name].n for row in scored), default=0)
    cells = {
        (row.convention, row.contestant, row.steps): estimated(row.metrics[name], info.digits)
        for row in scored
        if row.metrics[name].n == most or not of_sets
    }
    steps = sorted({step for _, _, step in cells})
    samplers = dict.fromkeys((convention, contestant) for convention, contestant, _ in cells)
    lines: list[Line] = [
        [
            code(convention),
            plain(results.titles[contestant]),
            *(cells.get((convention, contestant, step), NOTHING) for step in steps),
        ]
        for convention, contestant in samplers
    ]
    heads = [f"{named(info)} at steps", "Sampler", *(str(step) for step in steps)]
    return table(heads, lines, keys=2)


def _quality_table(results: RunResults, rows: Sequence[RowResult]) -> Table:
    heads = ["Sampler", "Steps", "Seeds", "Scored"]
    heads += [named(m) for m in results.metrics.values()]
    lines = [_quality(row, results) for row in rows]
    lines += WORDS[results.track].floor_lines(results, rows)
    return table(heads, lines, keys=2)


def _quality(row: RowResult, results: RunResults) -> Line:
    scored = min(row.n_scored.values(), default=0)
    told = "none" if row.skipped is not None else f"{scored} / {row.n_total}"
    seeds = 0 if row.skipped is not None else row.seeds
    cells: Line = [plain(results.titles[row.contestant]), str(row.steps), str(seeds), told]
    return cells + [
        estimated(row.metrics.get(name), m.digits) for name, m in results.metrics.items()
    ]


def _unsampled(rows: Sequence[RowResult]) -> list[Block]:
    """Why rows have no samples, the rows of one reason together."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.skipped is not None:
            reasons.setdefault(row.skipped, []).append(row.id.name)
    if not reasons:
        return []
    items = (f"{', '.join(map(code, names))}: {plain(why)}" for why, names in reasons.items())
    return [Prose("Rows without samples:"), Bullets(tuple(items))]


def _times(results: RunResults, rows: Sequence[RowResult]) -> list[Block]:
    """The table of times; nothing where no row was timed."""
    timed = [row for row in rows if row.time is not None]
    if not timed:
        return []
    heads = ["Sampler", "Steps", "NFE", *_time_heads(results)]
    names = [(plain(results.titles[row.contestant]), str(row.steps), str(row.nfe)) for row in timed]
    lines = [[*name, *_time_cells(row, results)] for name, row in zip(names, timed, strict=True)]
    return [table(heads, lines, keys=2)]


def _time_heads(results: RunResults) -> list[str]:
    """Heads of the columns of times; earlier documents have fewer."""
    times = [row.time for row in results.rows if row.time is not None]
    heads = ["RTF"] if WORDS[results.track].with_rtf else []
    heads += ["Latency", "Speed-up (time)"]
    heads += ["with encoder"] if any(time.speedup_with_encoder for time in times) else []
    heads += ["Step ratio"]
    return heads + (["Power"] if any(time.power is not None for time in times) else [])


def _time_cells(row: RowResult, results: RunResults) -> Line:
    time = row.time
    assert time is not None  # the caller has chosen rows that were timed
    is_reference = row.id.name == results.reference
    cells: dict[str, Cell | str] = {
        "RTF": NOTHING if time.rtf is None else Cell(f"{time.rtf:.3f}", time.rtf),
        "Latency": Cell(_latency(time), time.median_s),
        "Speed-up (time)": "1" if is_reference else estimated(time.speedup, 1),
        "with encoder": "1" if is_reference else estimated(time.speedup_with_encoder, 1),
        "Step ratio": f"{time.step_ratio:.1f}",
        "Power": NOTHING if time.power is None else f"{time.power:.2f}",
    }
    return [cells[head] for head in _time_heads(results)]


def _verdicts(results: RunResults, convention: str) -> list[Block]:
    compared = {row.id for row in results.rows if row.compared}
    mine = [
        c
        for c in results.comparisons
        if c.row_key.convention == convention and c.row_key in compared
    ]
    metrics = list(dict.fromkeys(c.metric for c in mine))
    if not mine:
        return []
    pairs = dict.fromkeys((c.row_key, c.against_key) for c in mine)
    by_key = {(c.row_key, c.against_key, c.metric): c for c in mine}
    words = WORDS[results.track]
    counted = f"{words.item}s".capitalize() if words.counts_items else "Seeds"
    heads = ["BDDM", "against", counted]
    heads += [plain(results.metrics[m].title) for m in metrics]
    lines: list[Line] = []
    for row, against in pairs:
        found = {m: by_key[row, against, m] for m in metrics if (row, against, m) in by_key}
        first = next(iter(found.values()))
        count = str(first.items if words.counts_items else first.seeds)
        cells = [_verdict_cell(found[m], results) if m in found else NOTHING for m in metrics]
        lines.append([plain(row.name), plain(against.name), count, *cells])
    return [table(heads, lines, keys=2), Prose(words.verdict_note(results, mine))]


def _verdict_cell(comparison: Comparison, results: RunResults) -> str:
    digits = results.metrics[comparison.metric].digits + 1
    p = "" if comparison.p_sign_flip is None else f", p = {comparison.p_sign_flip:.2g}"
    return f"**{comparison.verdict}** {estimate(comparison.difference, digits, sign='+')}{p}"


def _cost_lines(results: RunResults, convention: str) -> list[str]:
    return [_cost_line(results, cost) for cost in results.costs if cost.convention == convention]


def _cost_line(results: RunResults, cost: Cost) -> str:
    whose = "" if cost.contestant == "bddm" else f" of {code(cost.contestant)}"
    evaluations = f"{cost.search_nfe} network evaluations, {cost.search_seconds:.0f} s"
    if cost.candidates is not None:
        evaluations = f"of {cost.candidates} candidates, {evaluations}"
    trained = (
        f"trained {cost.schedule_net_steps} steps in {cost.schedule_net_seconds:.0f} s"
        if cost.schedule_net_steps is not None and cost.schedule_net_seconds is not None
        else "training cost unknown"
    )
    network = (
        f"schedule network of {cost.schedule_net_parameters} parameters, {trained}; "
        if cost.schedule_net_parameters
        else ""
    )
    line = f"What the schedules{whose} cost: {network}search {evaluations}"
    if cost.pays_after_samples is not None:
        items = f"{WORDS[results.track].item}s"
        line += f", regained after {cost.pays_after_samples:.0f} {items} at 16 steps"
    return line + "."


def _origin(results: RunResults) -> Origin:
    made = results.provenance
    seconds = ", ".join(f"{stage} {s:.0f}" for stage, s in results.wall_seconds.items())
    versions = ", ".join(f"{name} {version}" for name, version in made.packages.items())
    judge = f", judge `{results.weights['judge'][:12]}`" if "judge" in results.weights else ""
    return Origin(
        (
            f"experiment `{results.experiment_sha256[:12]}`, noise seeds from "
            f"{results.settings.seed}, {made.code}, {results.created}",
            f"data `{results.data.sha256[:12]}`, score network "
            f"`{results.weights['score_net'][:12]}`{judge}",
            plain(f"{made.system}, Python {made.python}, {versions}"),
            plain(f"seconds by stage: {seconds}"),
            *_trainings(results),
            *_made_otherwise(results),
        )
    )


def _trainings(results: RunResults) -> list[str]:
    """A line for each training on a GPU or by the clock."""
    lines = []
    for name, one in results.training.items():
        seconds = "unknown time" if one.seconds is None else f"{one.seconds:.0f} s"
        line = f"{code(name)} ({one.parameters} parameters): {one.steps} updates in {seconds}"
        if one.seconds_limit is not None:
            line += f", limited to {one.seconds_limit:.0f} s"
        line += f", on {plain(one.device)}"
        if one.seconds and one.operations_per_update and one.device_rate:
            rate = one.steps / one.seconds
            share = rate * one.operations_per_update / one.device_rate
            line += (
                f"; {rate:.2f} updates a second, {share:.0%} of the rate of a large matrix product "
                f"there ({one.device_rate / 1e12:.3g} TFLOP/s)"
            )
        lines.append(line)
    return lines


def _made_otherwise(results: RunResults) -> list[str]:
    """A line for each stage whose work another commit or machine made."""
    return [
        f"{plain(one.stage)}: {one.folders} of its parts made on "
        f"{plain(f'{one.device} ({one.processor})')}, commit "
        f"`{(one.commit or 'unknown')[:12]}` (tree {one.tree or 'unknown'}), torch "
        f"{plain(one.torch)}, {'bfloat16' if one.bf16 else 'float32'}, in {one.seconds:.0f} s"
        for one in results.made_otherwise
    ]


def _latency(time: CallTime) -> str:
    scale, unit = (1.0, "s") if time.median_s >= 1 else (1000.0, "ms")
    text = f"{time.median_s * scale:.3g} {unit}"
    spread = f"{time.q1_s * scale:.3g}–{time.q3_s * scale:.3g}"
    return text if time.stable else f"unstable: {text} ({spread})"

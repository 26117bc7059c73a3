"""The table that people read, derived from the results document alone."""

from __future__ import annotations

from benchmarks.contestants import BILATERAL, SEARCHED
from benchmarks.report.page import arrow, estimate, table
from benchmarks.report.words import PAGES
from benchmarks.results.comparisons import cost_key
from benchmarks.results.schema import Comparison, Cost, Results, RowResult, RowTime


def to_markdown(results: Results) -> str:
    """The whole page."""
    page = PAGES[results.track]
    conventions = {c["name"]: c for c in results.experiment["conventions"]}
    parts = [_head(results), "## Summary\n", *summary(results)]
    for convention in dict.fromkeys(row.convention for row in results.rows):
        rows = [row for row in results.rows if row.convention == convention]
        parts.append(page.convention_head(results, conventions[convention]))
        parts.append(_quality_table(results, rows))
        parts.append(_verdicts(results, convention))
        parts += page.appendix(results, rows)
        parts += _cost_lines(results, convention)
    parts.append(_origin(results))
    return "\n".join(parts)


def _head(results: Results) -> str:
    lines = [f"# Results: {results.track} track", ""]
    if results.meaningless:
        lines += ["**A smoke run: budgets are tiny, and these figures mean nothing.**", ""]
    page = PAGES[results.track]
    lines += [
        f"{page.note(results)} ↑ higher is better, ↓ lower is better. {_timing_note(results)}",
        "",
    ]
    if results.machine_busy:
        lines += ["**The machine was busy while it was timed: take times with care.**", ""]
    if results.network is not None:
        network = results.network
        lines += [f"One network evaluation: {_latency(network)}.", ""]
    return "\n".join(lines)


def _timing_note(results: Results) -> str:
    if all(row.time is None for row in results.rows):
        return "Not timed in this run."
    item = PAGES[results.track].item
    note = f"Latency: one {item}, batch 1, median of whole sampler calls on"
    if results.times_from is not None:
        source = results.times_from
        audio = source.seconds_of_audio
        of_length = "" if audio is None else f", {item}s of {audio:.2f} s"
        return f"{note} {source.device} ({source.network}{of_length}; from `{source.file}`)."
    return f"{note} {results.provenance['processor']}, {results.provenance['threads']} threads."


def summary(results: Results) -> list[str]:
    """Each headline metric as a table of samplers by steps."""
    headline = results.experiment["headline"]
    return [_by_steps(results, name) for name in headline if name in results.metrics]


def _by_steps(results: Results, name: str) -> str:
    """One metric of every sampler that has it.

    Distances of sets depend on how many items there are: those of the largest number are shown.
    """
    info, of_sets = results.metrics[name], PAGES[results.track].counts_items
    scored = [row for row in results.rows if name in row.metrics]
    most = max((row.metrics[name].n for row in scored), default=0)
    cells = {
        (row.convention, row.title, row.steps): estimate(row.metrics[name], info.digits)
        for row in scored
        if row.metrics[name].n == most or not of_sets
    }
    steps = sorted({step for _, _, step in cells})
    samplers = dict.fromkeys((convention, title) for convention, title, _ in cells)
    lines = [
        [f"`{convention}`", title, *(cells.get((convention, title, step), "—") for step in steps)]
        for convention, title in samplers
    ]
    return table(
        [f"{info.title} {arrow(info)} at steps", "Sampler", *(str(step) for step in steps)], lines
    )


def _time_cells(row: RowResult, reference: str) -> list[str]:
    time = row.time
    if time is None:
        return ["—"] * 3
    is_reference = f"{row.contestant}-{row.steps}" == reference
    speedup = "1" if is_reference else estimate(time.speedup, 1)
    return [_latency(time), speedup, f"{time.step_ratio:.1f}"]


def _quality_table(results: Results, rows: list[RowResult]) -> str:
    heads = ["Sampler", "Steps", "Seeds", "Scored"]
    heads += [f"{m.title} {arrow(m)}" for m in results.metrics.values()]
    page = PAGES[results.track]
    heads += ["RTF"] if page.with_rtf else []
    heads += ["Latency", "Speed-up (time)", "Step ratio"]
    lines = [_row_cells(row, results) for row in rows]
    return table(heads, lines + page.floor_lines(results, rows, len(heads)))


def _row_cells(row: RowResult, results: Results) -> list[str]:
    with_rtf = PAGES[results.track].with_rtf
    if row.skipped is not None:
        empty = ["—"] * (len(results.metrics) + 3 + with_rtf)
        return [row.title, str(row.steps), "0", row.skipped, *empty]
    scored = min(row.n_scored.values(), default=0)
    cells = [row.title, str(row.steps), str(row.seeds), f"{scored} / {row.n_total}"]
    cells += [estimate(row.metrics.get(name), m.digits) for name, m in results.metrics.items()]
    if with_rtf:
        rtf = None if row.time is None else row.time.rtf
        cells.append("—" if rtf is None else f"{rtf:.3f}")
    return [*cells, *_time_cells(row, results.reference)]


def _verdicts(results: Results, convention: str) -> str:
    mine = [
        c
        for c in results.comparisons
        if c.row.split("/")[0] == convention and c.row.split("/")[1].rsplit("-", 1)[0] in BILATERAL
    ]
    metrics = list(dict.fromkeys(c.metric for c in mine))
    if not mine:
        return ""
    pairs = dict.fromkeys((c.row, c.against) for c in mine)
    by_key = {(c.row, c.against, c.metric): c for c in mine}
    page = PAGES[results.track]
    counted = f"{page.item}s".capitalize() if page.counts_items else "Seeds"
    heads = ["BDDM", "against", counted]
    heads += [results.metrics[m].title for m in metrics]
    lines = []
    for row, against in pairs:
        found = {m: by_key[row, against, m] for m in metrics if (row, against, m) in by_key}
        first = next(iter(found.values()))
        count = str(first.items if page.counts_items else first.seeds)
        cells = [_verdict_cell(found[m], results) if m in found else "—" for m in metrics]
        lines.append([row.split("/")[1], against.split("/")[1], count, *cells])
    return f"{table(heads, lines)}\n{page.verdict_note(results, mine)}\n"


def _verdict_cell(comparison: Comparison, results: Results) -> str:
    digits = results.metrics[comparison.metric].digits + 1
    p = "" if comparison.p_sign_flip is None else f", p = {comparison.p_sign_flip:.2g}"
    return f"**{comparison.verdict}** {estimate(comparison.difference, digits, sign='+')}{p}"


def _cost_lines(results: Results, convention: str) -> list[str]:
    keys = {contestant: cost_key(convention, contestant) for contestant in SEARCHED}
    return [
        _cost_line(results, contestant, results.costs[key])
        for contestant, key in keys.items()
        if key in results.costs
    ]


def _cost_line(results: Results, contestant: str, cost: Cost) -> str:
    whose = "" if SEARCHED[contestant] == "paper" else f" of `{contestant}`"
    evaluations = f"{cost.search_nfe} network evaluations, {cost.search_seconds:.0f} s"
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
        items = f"{PAGES[results.track].item}s"
        line += f", regained after {cost.pays_after_samples:.0f} {items} at 16 steps"
    return line + ".\n"


def _origin(results: Results) -> str:
    made = results.provenance
    seconds = ", ".join(f"{stage} {s:.0f}" for stage, s in results.wall_seconds.items())
    versions = ", ".join(f"{name} {version}" for name, version in made["packages"].items())
    return (
        "## Origin\n\n"
        f"- experiment `{results.experiment_sha256[:12]}`, noise seeds from "
        f"{results.experiment['seed']}, commit `{(made['commit'] or 'unknown')[:12]}` "
        f"(tree {made['tree'] or 'unknown'}), {results.created}\n"
        f"- data `{results.data['sha256'][:12]}`, score network "
        f"`{results.weights['score_net'][:12]}`{_judge_weights(results)}\n"
        f"- {made['system']}, Python {made['python']}, {versions}\n"
        f"- seconds by stage: {seconds}\n" + _trainings(results) + _made_otherwise(results)
    )


def _trainings(results: Results) -> str:
    """A line for each training on a GPU or by the clock."""
    lines = []
    for name, one in results.training.items():
        seconds = "unknown time" if one.seconds is None else f"{one.seconds:.0f} s"
        line = f"- `{name}` ({one.parameters} parameters): {one.steps} updates in {seconds}"
        if one.seconds_limit is not None:
            line += f", limited to {one.seconds_limit:.0f} s"
        line += f", on {one.device}"
        if one.seconds and one.operations_per_update and one.device_rate:
            rate = one.steps / one.seconds
            share = rate * one.operations_per_update / one.device_rate
            line += (
                f"; {rate:.2f} updates a second, {share:.0%} of the rate of a large matrix product "
                f"there ({one.device_rate / 1e12:.3g} TFLOP/s)"
            )
        lines.append(line + "\n")
    return "".join(lines)


def _made_otherwise(results: Results) -> str:
    """A line for each stage whose work another commit or machine made."""
    return "".join(
        f"- {one.stage}: {one.folders} of its parts made on {one.device} ({one.processor}), commit "
        f"`{(one.commit or 'unknown')[:12]}` (tree {one.tree or 'unknown'}), torch {one.torch}, "
        f"{'bfloat16' if one.bf16 else 'float32'}, in {one.seconds:.0f} s\n"
        for one in results.made_otherwise
    )


def _judge_weights(results: Results) -> str:
    return f", judge `{results.weights['judge'][:12]}`" if "judge" in results.weights else ""


def _latency(time: RowTime) -> str:
    scale, unit = (1.0, "s") if time.median_s >= 1 else (1000.0, "ms")
    text = f"{time.median_s * scale:.3g} {unit}"
    spread = f"{time.q1_s * scale:.3g}–{time.q3_s * scale:.3g}"
    return text if time.stable else f"unstable: {text} ({spread})"

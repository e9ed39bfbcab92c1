"""RESULTS.md and the table in the README, from what results.py has kept."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import judge
import marks
from kept import ONE_THREAD, Kept
from scaling import slope

from lossctl.bench.cases import kinds
from lossctl.bench.formats import circumstances, grouped, seconds
from lossctl.bench.record import Row
from lossctl.bench.rivals import NONE
from lossctl.loss import find

HERE = Path(__file__).parent
RESULTS, README, WHY = HERE / "RESULTS.md", HERE.parent / "README.md", HERE / "why.toml"
WELL_KNOWN = ("giou", "ciou", "mse", "bce", "focal", "ce NC", "dice NHW", "triplet")
# Times that lie further from their median than this, and CPUs that others took, make a race a noisy one.
UNSTEADY, BUSY = 0.1, 0.2


def write(kept: Kept) -> None:
    """Write both pages anew between their marks."""
    marks.replace(RESULTS, "measured", report(kept))
    marks.replace(README, "speed", short_table(kept))


def report(kept: Kept) -> list[str]:
    """Return the text of RESULTS.md: what falls short first, then all figures, then the circumstances."""
    rows = in_order(kept.rows)
    parts = [
        [*noise(kept)],
        ["### Losses that fall short of a target", "", *_short(rows)],
        ["### Geometric means", "", *_means(rows)],
        _targets(kept),
        ["### All losses", "", *_table(rows)],
        _growth(kept.of(NONE)),
        _threads(kept.of(ONE_THREAD)),
        ["### Measured on", "", *_measured_on(kept)],
    ]
    return [line for part in parts if part for line in [*part, ""]]


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Return rows in the order of the shelf, in whatever order they were measured."""
    places = {str(kind): place for place, kind in enumerate(kinds())}
    return sorted(
        rows, key=lambda row: (places.get(judge.kind_of(row), len(places)), row.dtype, row.result == "gradient")
    )


def _why() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(WHY.read_text())


def noise(kept: Kept) -> Iterator[str]:
    """Yield what made the times swing, as far as it is known."""
    rows = [row for row in kept.rows if row.mad is not None and row.seconds]
    unsteady = [row for row in rows if row.mad > UNSTEADY * row.seconds]
    if unsteady:
        share = f"{100 * UNSTEADY:.0f} %"
        yield f"- {len(unsteady)} of {len(rows)} times of lossctl swing by {share} or more around their median."
    others = {key: done["others"] for key, done in kept.done.items() if done["others"] is not None}
    busy = sorted((key for key in others if others[key] > BUSY), key=lambda key: -others[key])
    if busy:
        worst = "; ".join(f"{key}: {others[key]:.1f}" for key in busy[:3])
        yield f"- Other work took more than {BUSY} of a CPU during {len(busy)} of {len(others)} races ({worst})."


def _short(rows: Sequence[Row]) -> Iterator[str]:
    found = judge.shorts(rows)
    if not found:
        yield "None." if rows else "Nothing is measured."
        return
    raced = {judge.name_of(row) for row in rows}
    yield f"{len({short.loss for short in found})} of {len(raced)}, the furthest from a target first."
    why = _why()
    for loss in dict.fromkeys(short.loss for short in found):
        told = why["losses"].get(loss) or why["shapes"].get(find(loss).shape, "Not explained yet.")
        yield ""
        yield f"**{loss}.** {' '.join(told.split())}"
        yield ""
        yield from (f"- {short.text}" for short in found if short.loss == loss)


def _means(rows: Sequence[Row]) -> Iterator[str]:
    found = judge.means(rows)
    works = sorted({(dtype, result) for _, dtype, result in found})
    yield f"| rival | {' | '.join(', '.join(work) for work in works)} | all | wanted |"
    yield f"|---|{'---:|' * (len(works) + 2)}"
    for rival, goal in judge.MEANS.items():
        all_ = judge.over_all(rows, rival)
        if all_ is not None:
            figures = [found.get((rival, *work)) for work in works]
            cells = [f"{figure[0]:.2f} × ({figure[1]})" if figure else "" for figure in figures]
            verdict = "met" if all_ >= goal else "**missed**"
            yield f"| {judge.TITLES[rival]} | {' | '.join(cells)} | {all_:.2f} × | {goal:g} ×, {verdict} |"


def _targets(kept: Kept) -> list[str]:
    found = kept.targets
    if not found:
        return []
    why = _why()["commands"]
    lines = [f"| {t.what} | {t.wanted} | {t.measured} | {'met' if t.met else '**missed**'} |" for t in found]
    missed = [f"- {t.what}: {why.get(t.what, 'not explained yet.')}" for t in found if not t.met]
    head = ["### Commands and files", "", "| what | target | measured | |", "|---|---|---|---|"]
    return [*head, *lines, *[""] * bool(missed), *missed]


def _table(rows: Sequence[Row]) -> Iterator[str]:
    rivals = [rival for rival in judge.TITLES if any(row.rival == rival for row in rows)]
    yield "Time of the rival over that of lossctl, its 95 % interval and the rival's time: above 1 lossctl is faster."
    yield "float32 is computed in float32 by all sides (lossctl: `--arithmetic native`), but where `in float64` stands"
    yield "beside it: there lossctl has no such kernels. Of RAM: the bytes that have to be read, as a share of the read"
    yield "bandwidth."
    yield ""
    yield f"| loss | | items | lossctl | ns an item | of RAM | {' | '.join(judge.TITLES[rival] for rival in rivals)} |"
    yield f"|---|---|---:|---:|---:|---:|{'---|' * len(rivals)}"
    together: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        together.setdefault((judge.kind_of(row), _work(row)), {})[row.rival] = row
    for key, group in together.items():
        own = next((row for row in group.values() if row.seconds), None)
        figures = ["", "", "", ""]
        if own is not None:
            share = f"{100 * (own.bandwidth_share or 0):.0f} %"
            figures = [grouped(own.items), seconds(own.seconds), f"{1e9 * own.seconds / own.items:.2f}", share]
        yield f"| {' | '.join([*key, *figures, *(cell(group.get(rival)) for rival in rivals)])} |"


def _work(row: Row) -> str:
    single = row.dtype == "float32" and row.arithmetic != "native"
    return ", ".join([row.dtype, *["in float64"] * single, judge.RESULTS[row.result]])


def cell(row: Row | None) -> str:
    """Return what a row says of its rival."""
    if row is None or row.ratio is None:
        return row.problem if row is not None else ""
    return f"**{row.ratio:.2f}** ({row.ratio_low:.2f}–{row.ratio_high:.2f}) {seconds(row.rival_seconds)}"


def _growth(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    by_loss: dict[str, dict[int, Row]] = {}
    for row in rows:
        by_loss.setdefault(judge.kind_of(row), {})[round(row.items, 1 - len(str(row.items)))] = row
    sizes = sorted({size for found in by_loss.values() for size in found})
    low, high = judge.SLOPE
    lines = [
        "### Cost by size", "", "Nanoseconds an item, float64. Slope: of log time against log n from 10⁵ on, "
        f"{low:g} to {high:g} is wanted.", "", f"| loss | {' | '.join(map(grouped, sizes))} | slope |",
        f"|---|{'---:|' * (len(sizes) + 1)}",
    ]  # fmt: skip
    for loss, found in by_loss.items():
        figures = [f"{1e9 * found[size].seconds / found[size].items:.2f}" if size in found else "" for size in sizes]
        rise = slope(list(found.values()))
        told = "" if rise is None else f"{rise:.3f}" if low <= rise <= high else f"**{rise:.3f}**"
        lines.append(f"| {loss} | {' | '.join(figures)} | {told} |")
    return lines


def _threads(rows: Sequence[Row]) -> list[str]:
    timed = [row for row in rows if row.ratio is not None]
    if not timed:
        return []
    threads = max(row.threads for row in timed)
    long = [row for row in timed if row.rival_seconds >= judge.LONG]
    short = [row for row in long if row.ratio < judge.THREADS]
    lines = [
        f"### {threads} threads", "",
        f"Time with one thread over time with {threads}. Of the {len(long)} that take {seconds(judge.LONG)} or more "
        f"with one thread, {len(short)} fall short of {judge.THREADS} × (bold).", "",
        "| loss | | one thread | times faster |", "|---|---|---:|---|",
    ]  # fmt: skip
    for row in sorted(timed, key=lambda row: row.ratio):
        bold = "**" if row in short else ""
        ratio = f"{bold}{row.ratio:.2f}{bold} ({row.ratio_low:.2f}–{row.ratio_high:.2f})"
        lines.append(f"| {judge.kind_of(row)} | {_work(row)} | {seconds(row.rival_seconds)} | {ratio} |")
    return lines


def _measured_on(kept: Kept) -> Iterator[str]:
    document = kept.document
    kernels = Counter(done["kernels"] for done in kept.done.values())
    loads = ", ".join("?" if load is None else f"{load:.2f}" for load in document.settings["loads"])
    yield from (f"{line}  " for line in circumstances(document))
    told = ", ".join(f"{digest} ({count} races)" for digest, count in kernels.items())
    yield f"{document.created[:10]}, load before the run {loads}, kernels {told}"


def short_table(kept: Kept) -> list[str]:
    """Return the README's table: well-known losses and the geometric means, value and gradient in one cell."""
    rows = [row for row in kept.rows if row.rival in judge.TITLES]
    columns = [(rival, dtype) for dtype in ("float32", "float64") for rival in judge.TITLES]
    columns = [column for column in columns if any((row.rival, row.dtype) == column for row in rows)]
    if not columns:
        return []
    threads = max(row.threads for row in rows)
    lines = [
        "", f"| times as fast as | {' | '.join(f'{judge.TITLES[rival]}, {dtype}' for rival, dtype in columns)} |",
        f"|---|{'---:|' * len(columns)}",
    ]  # fmt: skip
    for kind in WELL_KNOWN:
        own = {(row.rival, row.dtype, row.result): row.ratio for row in rows if judge.kind_of(row) == kind}
        if own:
            lines.append(f"| {kind} | {' | '.join(_pair(own, *column) for column in columns)} |")
    found = judge.means(rows)
    every = {(rival, dtype, result): found.get((rival, dtype, text), (None, 0))[0]
             for rival, dtype in columns for result, text in judge.RESULTS.items()}  # fmt: skip
    losses = len({judge.name_of(row) for row in rows})
    lines.append(f"| **all {losses}**, geometric mean | {' | '.join(_pair(every, *column) for column in columns)} |")
    machine, versions = kept.document.machine, kept.document.versions
    libraries = ", ".join(f"{name} {versions[name]}" for name in ("numpy", "numba", "torch") if name in versions)
    native = "float32 is `--arithmetic native`"
    told = f"Value / value and gradient; {native}. {machine['cpu']}, {threads} threads, {libraries}."
    return [*lines, "", told, ""]


def _pair(ratios: Mapping[tuple[str, str, str], float | None], rival: str, dtype: str) -> str:
    pair: Iterable[float | None] = (ratios.get((rival, dtype, result)) for result in judge.RESULTS)
    return " / ".join(f"{ratio:.1f} ×" for ratio in pair if ratio is not None)

"""Every loss against its rivals, and what misses its target: `python benchmarks/results.py --help`.

The same clocks, data and rivals as `lossctl bench`; this adds the targets, and keeps RESULTS.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from statistics import geometric_mean

import targets

from lossctl.bench.axes import Cell
from lossctl.bench.cases import DTYPES, default_size, kinds, requested
from lossctl.bench.formats import circumstances, grouped, seconds
from lossctl.bench.machine import load, machine, versions
from lossctl.bench.measure import Measure
from lossctl.bench.record import Document, Row
from lossctl.bench.rivals import check_rival
from lossctl.engine.cache import sources_digest
from lossctl.loss import find

# How many times lossctl's time a rival's should be, at least; and the geometric mean of all.
GOALS = {"torch": 2.0, "torch-compile": 1.0}
MEANS = {"torch": 4.0, "numpy": 10.0}
# Where no code could be twice as fast as eager torch: these have to read at this share of the bandwidth instead.
MEMORY_BOUND = ("mae", "mse", "rmse", "huber", "smooth-l1")
SHARE = 0.7
# Nanoseconds a pair of boxes, on two threads.
BOXES = {"float64": 3.0, "float32": 2.0}


def measured(options: argparse.Namespace, document: Document) -> Iterator[Row]:
    """Yield the row of each loss, dtype, result and rival."""
    wanted = options.losses.split(",") if options.losses else None
    rivals = ["numpy", "torch", *(["torch-compile"] if options.compile else [])]
    for rival in rivals:
        check_rival(rival)
    with Measure(options.rounds, options.seconds) as measure:
        for name, layout in kinds():
            if wanted is not None and name not in wanted:
                continue
            size = default_size(find(name)) // options.divide
            for dtype in DTYPES:
                for gradient in (False, True):
                    for rival in rivals:
                        if not (gradient and rival == "numpy"):
                            cell = Cell(requested(name), layout, size, dtype, options.threads, gradient, rival)
                            yield measure.row(cell)
                            document.bandwidth = {str(n): x for n, x in measure.bandwidths.items()}


def misses(rows: Sequence[Row]) -> list[str]:
    """Return a line for every row that falls short of a target, the furthest from it first."""
    found = []
    for row in rows:
        name = row.loss.partition("(")[0]
        goal = GOALS.get(row.rival)
        bound = name in MEMORY_BOUND and row.result == "value"
        if row.problem and goal is not None:
            found.append((0.0, f"{_named(row)}: {row.problem}"))
        if row.ratio is not None and goal is not None and not (bound and row.rival == "torch") and row.ratio < goal:
            interval = f"({row.ratio_low:.2f}–{row.ratio_high:.2f})"
            found.append((row.ratio / goal, f"{_named(row)}: {row.ratio:.2f} × {row.rival} {interval} for {goal:g} ×"))
        if bound and row.rival == "numpy" and row.bandwidth_share is not None and row.bandwidth_share < SHARE:
            told = f"{100 * row.bandwidth_share:.0f} % of the read bandwidth for {100 * SHARE:.0f} %"
            found.append((row.bandwidth_share / SHARE, f"{_named(row)}: {told}"))
        if row.rival == "numpy" and find(name).shape == "boxes" and row.threads >= 2 and row.seconds is not None:
            each = 1e9 * row.seconds / row.items
            if each > BOXES[row.dtype]:
                told = f"{each:.1f} ns a pair for {BOXES[row.dtype]:g} ns"
                found.append((BOXES[row.dtype] / each, f"{_named(row)}: {told}"))
    return [line for _, line in sorted(found, key=lambda pair: pair[0])]


def means(rows: Sequence[Row]) -> list[str]:
    """Return the geometric means over all losses, with what is wished for."""
    lines = []
    for rival, goal in MEANS.items():
        ratios = [row.ratio for row in rows if row.rival == rival and row.ratio is not None]
        if ratios:
            mean = geometric_mean(ratios)
            verdict = "met" if mean >= goal else "**missed**"
            lines.append(f"- geometric mean of {len(ratios)} ratios: {mean:.2f} × {rival} for {goal:g} ×, {verdict}")
    return lines


def _named(row: Row) -> str:
    layout = row.layout if row.layout in ("NC", "NCHW") else ""
    name = row.loss.partition("(")[0]
    return " ".join(part for part in (name, layout, row.dtype, "with gradient" * (row.result == "gradient")) if part)


def table(rows: Sequence[Row]) -> list[str]:
    """Return a line for each loss, dtype and result, its rivals side by side."""
    rivals = list(dict.fromkeys(row.rival for row in rows))
    lines = [
        f"| loss | items | lossctl | ns an item | of RAM | {' | '.join(rivals)} |",
        f"|---|---:|---:|---:|---:|{'---|' * len(rivals)}",
    ]
    together: dict[str, dict[str, Row]] = {}
    for row in rows:
        together.setdefault(_named(row), {})[row.rival] = row
    for name, group in together.items():
        best = min((row for row in group.values() if row.seconds), key=lambda row: row.seconds or 0.0, default=None)
        figures = ["", "", "", ""]
        if best is not None and best.seconds is not None:
            share = f"{100 * (best.bandwidth_share or 0):.0f} %"
            figures = [grouped(best.items), seconds(best.seconds), f"{1e9 * best.seconds / best.items:.2f}", share]
        lines.append(f"| {name} | {' | '.join(figures)} | {' | '.join(_cell(group.get(r)) for r in rivals)} |")
    return lines


def _cell(row: Row | None) -> str:
    if row is None or row.ratio is None:
        return row.problem if row is not None else ""
    return f"**{row.ratio:.2f}** ({row.ratio_low:.2f}–{row.ratio_high:.2f}) {seconds(row.rival_seconds)}"


def report(document: Document) -> list[str]:
    """Return the text of a document: what falls short first, then all figures, then the circumstances."""
    short = misses(document.rows)
    return [
        "### Losses that fall short of a target",
        "",
        *([f"- {line}" for line in short] or ["None."]),
        "",
        *means(document.rows),
        "",
        "### All losses",
        "",
        "Time of the rival over that of lossctl, its 95 % interval and the rival's time: above 1 lossctl is faster.",
        "",
        *table(document.rows),
        "",
        *(f"{line}  " for line in circumstances(document)),
        f"{date.today()}, load before the run {document.settings['load']}, kernels {sources_digest()}",
    ]


def main() -> None:
    """Measure and print; with --write, into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--losses", help="only these, with commas between")
    parser.add_argument("--threads", type=int, default=1, help="for lossctl and for torch")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=5.0, help="of a row, about")
    parser.add_argument("--divide", type=int, default=1, help="make all data this many times smaller")
    parser.add_argument("--compile", action="store_true", help="against torch.compile too; needs a C++ compiler")
    parser.add_argument("--large", action="store_true", help="measure a pair of files of 2 GB too (with --write)")
    parser.add_argument("--write", metavar="FILE", nargs="?", const=str(targets.RESULTS), help="RESULTS.md, or another")
    parser.add_argument("--commands", action="store_true", help="measure commands and files too")
    options = parser.parse_args()
    settings = {"rounds": options.rounds, "seconds": options.seconds, "seed": 1, "load": load()}
    document = Document(machine(), versions(), settings)
    found = targets.measure(options.rounds, options.large) if options.commands else []
    for row in measured(options, document):
        document.rows.append(row)
        print(f"{row}: {row.problem or _cell(row)}", flush=True)
        if options.write:  # after every row: what is interrupted is not lost
            targets.write(found, report(document), Path(options.write))
    print("\n".join(report(document)))


if __name__ == "__main__":
    main()

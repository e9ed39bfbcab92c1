"""Every loss against its rivals, and what falls short of a target: `python benchmarks/results.py --help`.

The same clocks, data and rivals as `lossctl bench`. Every race is saved when it is over, and `--resume` goes on with
the file; `--write` makes RESULTS.md and the table in the README of it.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import report
import scaling
import targets
from kept import Kept

from lossctl.bench.axes import Cell
from lossctl.bench.cases import DTYPES, default_size, has_native, kinds, requested
from lossctl.bench.machine import busy, usable
from lossctl.bench.measure import Measure
from lossctl.bench.record import Row
from lossctl.bench.rivals import check_rival
from lossctl.errors import LossctlError
from lossctl.loss import find

RIVALS = "numpy,torch,torch-compile"
# Compilers of torch that run beside what is timed would be noise.
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")


class Race(NamedTuple):
    """What is measured together, under the key that it is kept by, and how."""

    key: str
    run: Callable[[], Sequence[Row]]


def races(options: argparse.Namespace, measure: Measure) -> Iterator[Race]:
    """Yield a race for each loss, dtype and result, then what is asked for beside it.

    Whatever compiles, compiles once: in the one race that needs it.
    """
    for kind in kinds():
        if options.losses is not None and kind.name not in options.losses:
            continue
        asked = requested(kind.name)
        size = default_size(find(kind.name), kind.layout) // options.divide
        for dtype in DTYPES:
            arithmetic = "native" if dtype == "float32" and has_native(asked) else "float64"
            for gradient in (False, True):
                cells = [
                    Cell(asked, kind.layout, size, dtype, options.threads, gradient, rival, arithmetic, kind.input)
                    for rival in options.rivals if not (gradient and rival == "numpy")
                ]  # fmt: skip
                if cells:
                    key = f"{cells[0].race}, {options.threads} threads, {', '.join(cell.rival for cell in cells)}"
                    yield Race(key, functools.partial(measure.rows, cells))
    if options.scaling:
        yield from _scaling(options, measure)


def _scaling(options: argparse.Namespace, measure: Measure) -> Iterator[Race]:
    for cell in scaling.sized(options.losses, options.threads):
        yield Race(f"{cell}, {cell.threads} threads", functools.partial(measure.rows, [cell]))
    if options.threads < 2:
        return
    for kind in kinds():
        if options.losses is None or kind.name in options.losses:
            for gradient in (False, True):
                what = kind, "float64", gradient, options.threads, options.divide, options.rounds, options.seconds
                key = f"{kind} {'with gradient ' * gradient}with {options.threads} threads beside one"
                yield Race(key, lambda what=what: [scaling.threaded(*what)])


def run(options: argparse.Namespace, kept: Kept) -> None:
    """Measure what is not there yet, and say how long it will take."""
    with Measure(options.rounds, options.seconds) as measure:
        todo = [race for race in races(options, measure) if race.key not in kept.done]
        print(f"{len(todo)} races to go, {len(kept.done)} done; kept in {kept.path}", flush=True)
        start = time.monotonic()
        for place, race in enumerate(todo):
            rows = kept.add(race.key, race.run, measure.bandwidths)
            elapsed = time.monotonic() - start
            left = elapsed / (place + 1) * (len(todo) - place - 1)
            told = ", ".join(_told(row) for row in rows)
            print(f"{place + 1}/{len(todo)} {left / 60:.0f} min left, {race.key}: {told}", flush=True)


def _told(row: Row) -> str:
    if row.problem or row.seconds is None:
        return f"{row.rival} {row.problem}"
    return f"{1e9 * row.seconds / row.items:.2f} ns" if row.ratio is None else f"{row.rival} {row.ratio:.2f} ×"


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options."""

    def few(text: str) -> list[str]:
        return [part.strip() for part in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--losses", type=few, help="only these, with commas between")
    parser.add_argument("--rivals", type=few, default=few(RIVALS), help="torch-compile needs a C++ compiler")
    parser.add_argument("--threads", type=int, default=min(2, usable()), help="for lossctl and for torch")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a race, about; but for the fewest rounds")
    parser.add_argument("--divide", type=int, default=1, help="make all data this many times smaller")
    parser.add_argument("--scaling", action="store_true", help="cost by size, and several threads beside one, too")
    parser.add_argument("--commands", action="store_true", help="commands and files too")
    parser.add_argument("--large", action="store_true", help="a pair of files of 2 GB too (with --commands)")
    parser.add_argument("--save", metavar="FILE", default=f"results-{datetime.now():%Y-%m-%d-%H%M}.json")
    parser.add_argument("--resume", metavar="FILE", help="go on with what was saved, and save there")
    parser.add_argument("--again", type=few, metavar="LOSSES", help="measure these once more (with --resume)")
    parser.add_argument("--write", action="store_true", help="into RESULTS.md and README.md")
    return parser.parse_args(arguments)


def main() -> int:
    """Measure, save and report; return the exit code."""
    options = parsed()
    for name in [*(options.losses or ()), *(options.again or ())]:
        find(name)
    for rival in options.rivals:
        check_rival(rival)
    if told := busy():
        print(f"warning: {told}", file=sys.stderr)
    settings = {"rounds": options.rounds, "seconds": options.seconds, "seed": 1, "threads": options.threads}
    kept = Kept(options.resume or options.save, options.resume is not None, settings)
    kept.forget(options.again or ())
    code = 0
    try:
        if options.commands and not kept.targets:
            kept.document.settings["targets"] = targets.measure(options.rounds, options.large)
            kept.save()
        run(options, kept)
    except KeyboardInterrupt:
        print(f"interrupted; go on with --resume {kept.path}", file=sys.stderr)
        code = 130
    if options.write:
        report.write(kept)
    elif not code:
        print("\n".join(report.report(kept)))
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LossctlError as error:
        sys.exit(f"error: {error}")

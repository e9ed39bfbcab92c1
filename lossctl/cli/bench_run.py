"""A run of `lossctl bench`: from what was typed to cells, and from cells to rows that are saved one by one."""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossctl.cli.options import chosen
from lossctl.cli.streams import say
from lossctl.errors import UsageError

if TYPE_CHECKING:
    from lossctl.bench.record import Document
    from lossctl.bench.rivals import Contender
    from lossctl.bench.stages import Files
    from lossctl.requests import Asked

# Where times lie further from their median than this part of it, they say little.
UNSTEADY = 0.05


def asked_for(words: Sequence[str]) -> list[Asked]:
    """Return the losses of families and of texts. Raises UsageError."""
    from lossctl.bench.cases import requested
    from lossctl.cli.app import FAMILIES
    from lossctl.loss import names
    from lossctl.requests import COMMA, requests

    found: dict[str, Asked] = {}
    for word in (part.strip() for text in words for part in COMMA.split(text)):
        if word == "all" or word in FAMILIES:
            family = None if word == "all" else FAMILIES[word][1][0]
            few: Iterable[Asked] = map(requested, names(family))
        else:
            few = requests(word)
        found |= {str(request): request for request in few}
    return list(found.values())


def whole(text: str, name: str, least: int) -> int:
    """Return the whole number that an option holds. Raises UsageError."""
    if not (text.strip().isdecimal() and int(text) >= least):
        raise UsageError(f"{name} is '{text.strip()}'; expected a whole number ≥ {least}")
    return int(text)


def positive(text: str, name: str) -> float:
    """Return the positive number that an option holds. Raises UsageError."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf"):
        raise UsageError(f"{name} is '{text.strip()}'; expected a number > 0")
    return number


class Run:
    """A run: what is asked of it, and what it has measured so far."""

    def __init__(
        self,
        asked: Sequence[Asked],
        texts: Sequence[str],
        rivals: Sequence[str],
        data: tuple[str, str] | None,
        stage: str,
        gradient: bool,
        given: dict[str, Any],
    ) -> None:
        """Raise UsageError for what cannot be meant; nothing is measured."""
        from lossctl.bench.axes import cells
        from lossctl.bench.cases import default_size
        from lossctl.bench.measure import STAGES

        if stage not in STAGES:
            raise UsageError(f"stage is '{stage}'; expected {', '.join(STAGES)}")
        if given and data is None:
            option = next(iter(given)).replace("_", "-")
            raise UsageError(f"--{option} without --data", hint="random data are made as each loss takes them")
        axes = _axes(texts, gradient, of_files=data is not None)
        if True in axes["gradient"] and stage != "compute":
            raise UsageError(f"--gradient with --stage {stage}", hint="gradients are timed in memory")
        if data is not None:
            _refuse_levels(axes, stage)
        axes["rival"], self.own = _rivals(axes.get("rival", ()), rivals)
        self.files = None if data is None else _files(data, stage)
        options = chosen(given)
        self.options = {name: getattr(options, name) for name in given}
        self.stage = stage

        def size(each: Asked, layout: str) -> int | None:
            return None if data else default_size(each.losses[0], layout)

        self.cells = list(cells(asked, axes, size))

    def take(self, rounds: int, seconds: float, seed: int) -> None:
        """Get ready to measure."""
        from lossctl.bench.machine import machine, versions
        from lossctl.bench.measure import Measure
        from lossctl.bench.record import Document

        settings = {"rounds": rounds, "seconds": seconds, "seed": seed, "stage": self.stage}
        self.document = Document(machine(), versions(), settings)
        several = len({str(cell.asked) for cell in self.cells}) > 1
        self._measure = Measure(rounds, seconds, seed, self.stage, self.files, self.options, self.own, several)

    def measure(self, paths: Sequence[str], plot: str | None, quiet: bool) -> None:
        """Measure all cells; save after each, draw in the end."""
        from lossctl.bench.machine import busy
        from lossctl.bench.saving import Exports

        exports = Exports(paths, len(self.cells))
        if plot is not None:
            from lossctl.bench.plot import check_plot

            check_plot(plot.strip())
        document = self.document
        if told := busy():
            document.warnings.append(told)
        with self._measure as measure:
            for race in _shown([[*few] for _, few in itertools.groupby(self.cells, lambda cell: cell.race)]):
                document.rows += measure.rows(race)
                document.bandwidth = {str(n): x for n, x in measure.bandwidths.items()}
                exports.save(document)
        if measure.misfit is not None and not any(row.items for row in document.rows):
            raise measure.misfit
        document.warnings += _unsteady(document)
        exports.save(document)
        exports.done()
        if not quiet:
            for warning in document.warnings:
                say(f"lossctl: warning: {warning}")
        if plot is not None:
            from lossctl.bench.plot import plot as draw

            draw(document, plot.strip())


def _axes(texts: Sequence[str], gradient: bool, of_files: bool) -> dict[str, list[Any]]:
    """Return the levels of every axis, the usual ones where none are given."""
    from lossctl.bench.axes import levels
    from lossctl.run.workers import usable

    usual: dict[str, list[Any]] = {"threads": [usable()], "gradient": [gradient]}
    return usual | {"dtype": [None if of_files else "float64"]} | levels(texts)


def _refuse_levels(axes: Mapping[str, Sequence[Any]], stage: str) -> None:
    """Raise UsageError for axes that the user's files have settled."""
    odd = [axis for axis in ("size", "layout", "input") if axis in axes]
    if axes["dtype"] != [None] and stage != "compute":
        odd.append("dtype")
    if odd:
        more = f" and --stage {stage}" if odd == ["dtype"] else ""
        raise UsageError(f"-L {odd[0]}= with --data{more}", hint="the files have their own")


def _rivals(levels: Sequence[str], others: Sequence[str]) -> tuple[list[str], dict[str, Contender]]:
    """Return the names of all rivals, and those of the user's own by name. Raises UsageError for what is none."""
    from lossctl.bench.rivals import check_rival, own

    found = {name: own.load(name) for name in others if ":" in name}
    names = list(dict.fromkeys([*levels, *others])) or ["numpy"]
    for name in names:
        if name not in found:
            check_rival(name)
    return names, {**found}


def _files(data: tuple[str, str], stage: str) -> Files:
    """Return the files to time. Raises UsageError for what cannot be read twice."""
    from lossctl.bench.stages import Files

    pred, target = map(str.strip, data)
    for side in (pred, target):
        there = stage == "compute" or side == "none" or Path(side.partition("::")[0]).is_file()
        if side == "-" or not there:
            raise UsageError(f"--data {side} is no file", hint="what is timed is read more than once")
    return Files(pred, None if target == "none" else target)


def _shown(races: Sequence[Sequence[Any]]) -> Iterator[Any]:
    """Yield the races; on a terminal say which it is that one waits for."""
    there = sys.stderr.isatty()
    for place, cells in enumerate(races, 1):
        if there:
            rivals = ", ".join(cell.rival for cell in cells)
            line = f"{place}/{len(races)} {cells[0].race} against {rivals}"[: shutil.get_terminal_size().columns - 1]
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        yield cells
    if there:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _unsteady(document: Document) -> list[str]:
    """Return a warning where times swing."""
    worst = [
        (row.mad / row.seconds, row) for row in document.rows
        if row.mad is not None and row.seconds and row.mad > UNSTEADY * row.seconds
    ]  # fmt: skip
    if not worst:
        return []
    share, row = max(worst, key=lambda pair: pair[0])
    several = f"{len(worst)} of {len(document.rows)} cells swing" if len(worst) > 1 else "times swing"
    return [f"{several}, by {100 * share:.0f} % in {row.loss}: end other work, or take more --rounds"]

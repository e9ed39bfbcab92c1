"""`lossctl bench`: how fast losses are on this CPU, beside what else computes them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lossctl.cli.options import OPTIONS, OUTPUTS, chosen
from lossctl.errors import UsageError

if TYPE_CHECKING:
    from lossctl.bench.compare import Comparison
    from lossctl.bench.record import Document
    from lossctl.requests import Asked

COMPARE = "compare"
GATE_FAILED = 1
# Twice this from the median, and times say little.
UNSTEADY = 0.05
ABOUT = """Both sides have to agree on the number before either is timed. Then they take turns of 1 ms or more, in
random order; a ratio is the median of those of the rounds, with a 95 % bootstrap interval. Small data are interpreted
unless a kernel is there already, as they are for everybody else."""
EXAMPLES = """\
Examples
  lossctl bench giou
  lossctl bench giou,ciou -L size=1e4,1e6 -L dtype=f32,f64 -L rival=numpy,torch
  lossctl bench dice --data pred.npy target.npy --input logits --aggregate per-image --stage all
  lossctl bench giou --rival ./mine.py:giou_loss --gradient
  lossctl bench box --save before               and after a change
  lossctl bench box --baseline before --fail-if-slower 5%
  lossctl bench compare before after"""


def more_help() -> str:
    """Return what `lossctl bench --help` says below its options."""
    from lossctl.bench.rivals import RIVALS
    from lossctl.cli.help import defined, paragraphs, wrapped

    axes = [
        ("size", "items: pairs of boxes, numbers, class scores or pixels [1e6 and more, by the loss]"),
        ("dtype", "f32 or f64 [f64, or what the files hold]"),
        ("threads", "for lossctl, and for rivals in torch [one for each CPU]"),
        ("rival", "who else computes it, or none [numpy]"),
        ("gradient", "yes or no [no]"),
        ("layout", "of class scores: NC or NCHW [NC]"),
    ]
    rivals = [(name, rival.text) for name, rival in RIVALS.items()]
    return paragraphs(defined("Axes", axes), defined("Rivals", rivals), wrapped(ABOUT), EXAMPLES).rstrip()


def _like(name: str, text: str = "") -> Any:
    entry = {**OPTIONS, **OUTPUTS}[name]
    declared = (f"--{name.replace('_', '-')}", *((entry.short,) if entry.short else ()))
    return typer.Option(*declared, metavar=entry.metavar or None, help=text or entry.text)


LEVELS = typer.Option("--level", "-L", metavar="AXIS=A,B", help="the levels of an axis; may be given several times")
RIVAL = typer.Option("--rival", metavar="NAME", help="a rival; or your own, module:function or ./file.py:function")
DATA = typer.Option(
    "--data", metavar="PRED TARGET", help="your files, as elsewhere; TARGET is none for entropy [random]"
)
STAGE = typer.Option(
    "--stage", metavar="STAGE", help="compute, load (files to arrays) or all (files to a number) [compute]"
)
ROUNDS = typer.Option("--rounds", metavar="N", help="turns of each side [15]")
SECONDS = typer.Option("--seconds", metavar="S", help="stop a cell after about so long, but not before 5 rounds [10]")
SEED = typer.Option("--seed", metavar="N", help="of the data and of the order of turns [7]")
SAVE = typer.Option("--save", metavar="NAME", help="keep the times under a name, or in a file ….json")
BASELINE = typer.Option("--baseline", metavar="NAME", help="compare with times that were kept")
SLOWER = typer.Option("--fail-if-slower", metavar="P%", help="exit 1 where all of the interval is beyond P % more time")
ACROSS = typer.Option("--across-machines", help="compare even with times of another machine")
EXPORT = typer.Option(
    "--export", metavar="FILE", help="write .json, .csv or .md after every cell; may be given several times"
)
PLOT = typer.Option("--plot", metavar="FILE", help="draw times by size, or else ratios, to a .png or .svg")
COLD = typer.Option("--cold", help="begin with an empty kernel cache, so that first calls compile")


def bench(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="LOSS", help="losses, families, all; or: compare BEFORE AFTER"),
    ] = None,
    level: Annotated[list[str] | None, LEVELS] = None,
    rival: Annotated[list[str] | None, RIVAL] = None,
    data: Annotated[tuple[str, str] | None, DATA] = None,
    stage: Annotated[str, STAGE] = "compute",
    gradient: Annotated[bool, typer.Option("--gradient", help="time value and gradient together")] = False,
    rounds: Annotated[str, ROUNDS] = "15",
    seconds: Annotated[str, SECONDS] = "10",
    seed: Annotated[str, SEED] = "7",
    input: Annotated[str | None, _like("input")] = None,
    layout: Annotated[str | None, _like("layout")] = None,
    box_format: Annotated[str | None, _like("box_format")] = None,
    ignore_index: Annotated[str | None, _like("ignore_index")] = None,
    aggregate: Annotated[str | None, _like("aggregate")] = None,
    save: Annotated[str | None, SAVE] = None,
    baseline: Annotated[str | None, BASELINE] = None,
    fail_if_slower: Annotated[str | None, SLOWER] = None,
    across_machines: Annotated[bool, ACROSS] = False,
    export: Annotated[list[str] | None, EXPORT] = None,
    plot: Annotated[str | None, PLOT] = None,
    cold: Annotated[bool, COLD] = False,
    form: Annotated[str | None, _like("format")] = None,
    quiet: Annotated[bool, _like("quiet")] = False,
) -> None:
    """Time losses on this CPU: how long they take, how steadily, and how that compares with other code."""
    from lossctl.bench.compare import compare, moves, threshold_of
    from lossctl.bench.history import find, place_to_save
    from lossctl.cli.evaluate import format_of

    form = format_of({"format": form})
    threshold = None if fail_if_slower is None else threshold_of(fail_if_slower)
    words = [word.strip() for word in words or ()]
    if words[:1] == [COMPARE]:
        if len(words) != 3:
            raise UsageError("compare takes two names", hint="lossctl bench compare BEFORE AFTER")
        found = compare(find(words[1]), find(words[2]), across_machines)
        _show_comparison(found, form)
        _gate(found, threshold)
        return
    if not words:
        raise UsageError("missing LOSS", hint="lossctl bench giou, lossctl bench box, lossctl bench all")
    if fail_if_slower is not None and baseline is None:
        raise UsageError("--fail-if-slower needs times to compare with", hint="--baseline NAME")
    if cold:
        _empty_cache()
    given = {
        "input": input, "layout": layout, "box_format": box_format, "ignore_index": ignore_index,
        "aggregate": aggregate,
    }  # fmt: skip
    asked = _asked(words)
    run = _Run(
        asked, level or (), rival or (), data, stage, gradient, {k: x for k, x in given.items() if x is not None}
    )
    run.take(_count(rounds, "rounds", 1), _seconds(seconds), _count(seed, "seed", 0))
    before = None if baseline is None else find(baseline)
    if before is not None:
        moves(before, run.document, across_machines)
    paths = [*(export or ()), *([place_to_save(save)] if save else ())]
    run.measure([path.strip() for path in paths], plot, quiet)
    _show(run.document, form, alone=before is None)
    if before is not None:
        found = compare(before, run.document, across_machines)
        _show_comparison(found, form)
        _gate(found, threshold)


def _asked(words: Sequence[str]) -> list[Asked]:
    """Return the losses of families and of texts. Raises UsageError."""
    from lossctl.bench.cases import requested
    from lossctl.cli.app import FAMILIES
    from lossctl.loss import names
    from lossctl.requests import requests

    found: dict[str, Asked] = {}
    for word in ",".join(words).split(",") if not any(sign in "".join(words) for sign in "()") else words:
        if word == "all" or word in FAMILIES:
            family = None if word == "all" else FAMILIES[word][1][0]
            few: Iterable[Asked] = map(requested, names(family))
        else:
            few = requests(word)
        found |= {str(request): request for request in few}
    return list(found.values())


def _count(text: str, name: str, least: int) -> int:
    if not (text.strip().isdecimal() and int(text) >= least):
        raise UsageError(f"{name} is '{text.strip()}'; expected a whole number ≥ {least}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < float("inf"):
        raise UsageError(f"seconds is '{text.strip()}'; expected a number > 0")
    return number


def _empty_cache() -> None:
    import atexit
    import tempfile

    from lossctl.engine.cache import cache_directory

    folder = tempfile.TemporaryDirectory(prefix="lossctl-cold-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    os.environ["LOSSCTL_CACHE_DIR"] = folder.name
    cache_directory.cache_clear()


class _Run:
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
        from lossctl.bench.axes import cells, levels
        from lossctl.bench.cases import default_size
        from lossctl.bench.machine import usable
        from lossctl.bench.measure import STAGES
        from lossctl.bench.rivals import RIVALS, check_rival, own
        from lossctl.bench.stages import Files

        if stage not in STAGES:
            raise UsageError(f"stage is '{stage}'; expected {', '.join(STAGES)}")
        axes: dict[str, list[Any]] = {"threads": [usable()], "gradient": [gradient]}
        axes |= {"dtype": ["float64" if data is None else None]} | levels(texts)
        if True in axes["gradient"] and stage != "compute":
            raise UsageError(f"--gradient with --stage {stage}", hint="gradients are timed in memory")
        self.own = {name: own.load(name) for name in rivals if name not in RIVALS and ":" in name}
        for name in axes.get("rival", ()):
            check_rival(name)
        for name in rivals:
            if name not in self.own:
                check_rival(name)
        axes["rival"] = list(dict.fromkeys([*axes.get("rival", ()), *rivals])) or ["numpy"]
        self.files = None
        if data is not None:
            if odd := [axis for axis in ("size", "layout") if axis in axes]:
                raise UsageError(f"-L {odd[0]}= with --data", hint="the files have their own")
            if axes["dtype"] != [None] and stage != "compute":
                raise UsageError(f"-L dtype= with --data and --stage {stage}", hint="the files have their own")
            self.files = Files(data[0].strip(), None if data[1].strip() == "none" else data[1].strip())
        elif given:
            option = next(iter(given)).replace("_", "-")
            raise UsageError(f"--{option} without --data", hint="random data are made as each loss takes them")
        options = chosen(given)
        self.options = {name: getattr(options, name) for name in given}
        self.stage = stage
        self.cells = list(cells(asked, axes, lambda each: None if data else default_size(each.losses[0])))

    def take(self, rounds: int, seconds: float, seed: int) -> None:
        """Get ready to measure."""
        from lossctl.bench.machine import machine, versions
        from lossctl.bench.measure import Measure
        from lossctl.bench.record import Document

        settings = {"rounds": rounds, "seconds": seconds, "seed": seed, "stage": self.stage}
        self.document = Document(machine(), versions(), settings)
        self._measure = Measure(rounds, seconds, seed, self.stage, self.files, self.options, self.own)

    def measure(self, paths: Sequence[str], plot: str | None, quiet: bool) -> None:
        """Measure all cells; save after each, draw in the end."""
        from lossctl.bench.machine import busy
        from lossctl.bench.saving import Exports
        from lossctl.cli.streams import say

        exports = Exports(paths, len(self.cells))
        if plot is not None:
            from lossctl.bench.plot import check_plot

            check_plot(plot.strip())
        document = self.document
        if told := busy():
            document.warnings.append(told)
        with self._measure as measure:
            for cell in _shown(self.cells):
                document.rows.append(measure.row(cell))
                document.bandwidth = {str(n): x for n, x in measure.bandwidths.items()}
                exports.save(document)
        document.warnings += _unsteady(document)
        exports.save(document)
        exports.done()
        if not quiet:
            for warning in document.warnings:
                say(f"lossctl: warning: {warning}")
        if plot is not None:
            from lossctl.bench.plot import plot as draw

            draw(document, plot.strip())


def _shown(cells: Sequence[Any]) -> Iterator[Any]:
    """Yield the cells; on a terminal say which it is that one waits for."""
    there = sys.stderr.isatty()
    for place, cell in enumerate(cells, 1):
        if there:
            line = f"{place}/{len(cells)} {cell}"[: shutil.get_terminal_size().columns - 1]
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        yield cell
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


def _show(document: Document, form: str, alone: bool) -> None:
    from lossctl.bench.formats import FORMS

    if form == "table":
        from lossctl.show.timings import timings

        sys.stdout.write(timings(document, *_terminal()))
    elif alone or form == "markdown":
        sys.stdout.write(FORMS[form](document))


def _show_comparison(found: Comparison, form: str) -> None:
    if form == "table":
        from lossctl.show.timings import comparison

        sys.stdout.write(comparison(found, *_terminal()))
        return
    from lossctl.bench.formats import comparison_as
    from lossctl.cli.streams import say

    sys.stdout.write(comparison_as(form, found))
    if form in ("plain", "csv"):
        for note in found.notes:
            say(f"lossctl: {note}")


def _terminal() -> tuple[int, bool]:
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return shutil.get_terminal_size().columns, colour


def _gate(found: Comparison, threshold: float | None) -> None:
    """Raise typer.Exit where cells are slower than is allowed."""
    from lossctl.bench.compare import slower
    from lossctl.cli.streams import say

    if threshold is None:
        return
    failed = slower(found.changes, threshold)
    for change in failed:
        ratio = change.ratio
        told = (
            f"{100 * (ratio.median - 1):.1f} % slower ({100 * (ratio.low - 1):.1f} to {100 * (ratio.high - 1):.1f} %)"
        )
        say(f"lossctl: gate: {change.now}: {told}, {100 * threshold:g} % allowed")
    if failed:
        sys.stdout.flush()
        raise typer.Exit(GATE_FAILED)

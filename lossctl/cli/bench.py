"""`lossctl bench`: how fast losses are on this CPU, beside what else computes them."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lossctl.cli.options import OPTIONS, OUTPUTS
from lossctl.errors import UsageError

if TYPE_CHECKING:
    from lossctl.bench.compare import Comparison
    from lossctl.bench.record import Document

COMPARE = "compare"
ABOUT = """All sides have to agree on the number before any is timed. Then lossctl and all rivals take turns of 1 ms or
more, in random order, each after a rest of 10 ms and calls that are not timed; a ratio is the median of those of the
rounds, with a 95 % bootstrap interval. Small data are interpreted
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
        ("arithmetic", "lossctl's: float64 or native, which is float32 of f32 data, as rivals compute them [float64]"),
        ("threads", "for lossctl, and for rivals in torch [one for each CPU]"),
        ("rival", "who else computes it, or none [numpy]"),
        ("gradient", "yes or no [no]"),
        ("layout", "of class scores NC or NCHW [NC], of masks NHW, of their classes NCHW [NHW]"),
        ("input", "of losses that take scores: logits or probs [logits]"),
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
SECONDS = typer.Option("--seconds", metavar="S", help="stop a race after about so long, but not before 5 rounds [10]")
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
    from lossctl.cli.bench_run import Run, asked_for, positive, whole
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
    given = {name: setting for name, setting in given.items() if setting is not None}
    run = Run(asked_for(words), level or (), rival or (), data, stage, gradient, given)
    run.take(whole(rounds, "rounds", 1), positive(seconds, "seconds"), whole(seed, "seed", 0))
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


def _empty_cache() -> None:
    import atexit
    import tempfile

    from lossctl.engine.cache import cache_directory

    folder = tempfile.TemporaryDirectory(prefix="lossctl-cold-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    os.environ["LOSSCTL_CACHE_DIR"] = folder.name
    cache_directory.cache_clear()


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
    from lossctl.cli.gate import GATE_FAILED
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

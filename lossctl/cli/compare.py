"""`lossctl compare`: whether the losses of one batch are better than those of another, pair by pair."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from lossctl.cli.batch import OUTPUT
from lossctl.cli.batch_run import format_of, whole_number
from lossctl.errors import UsageError

if TYPE_CHECKING:
    from lossctl.batch.compare import Change, Comparison

EXAMPLES = """\
Examples
  lossctl batch giou --pred old/ --target gt/ -o old.csv
  lossctl batch giou --pred new/ --target gt/ -o new.csv
  lossctl compare old.csv new.csv --worst 10
  lossctl compare old.csv new.csv --fail-if-worse 1%"""

BASE = typer.Argument(metavar="BASE", help="the .csv, .jsonl or .parquet of lossctl batch -o")
NEW = typer.Argument(metavar="NEW", help="the same of what should be better")
UNMATCHED = typer.Option("--unmatched", metavar="HOW", help="pairs that are in one alone: error or skip [error]")
NONFINITE = typer.Option("--nonfinite", metavar="HOW", help="pairs of infinite or NaN loss: error or skip [error]")
ACROSS = typer.Option("--across-signatures", help="compare even what was computed in different ways")
WORST = typer.Option("--worst", metavar="N", help="name the N pairs that worsened most, and that improved most [3]")
WORSE = typer.Option(
    "--fail-if-worse", metavar="X", help="exit 1 if a loss is surely worse by more than X or X%; or giou=X,ciou=Y%"
)
FILE = typer.Option("--output", "-o", metavar="FILE", help="write a row for each pair to a .csv, .jsonl or .parquet")
FORM = typer.Option("--format", metavar="FORMAT", help="table, plain or json [table on a terminal, else plain]")


class Limit(NamedTuple):
    """By how much a mean may grow: a number, or a share of the base's mean."""

    number: float
    share: bool

    def of(self, base: float) -> float:
        """Return it as a number."""
        return self.number * abs(base) if self.share else self.number

    def __str__(self) -> str:
        """Write it as it was typed."""
        return f"{100 * self.number:g} %" if self.share else f"{self.number:g}"


def compare(
    base: Annotated[str, BASE],
    new: Annotated[str, NEW],
    unmatched: Annotated[str, UNMATCHED] = "error",
    nonfinite: Annotated[str, NONFINITE] = "error",
    across_signatures: Annotated[bool, ACROSS] = False,
    worst: Annotated[str, WORST] = "3",
    fail_if_worse: Annotated[str | None, WORSE] = None,
    output: Annotated[str | None, FILE] = None,
    form: Annotated[str | None, FORM] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help=OUTPUT["quiet"].text)] = False,
) -> None:
    """Compare two batches of the same pairs: is the new one better, by how much, and is that more than chance?"""
    from lossctl.batch.compare import compare as compared
    from lossctl.batch.joined import Joined
    from lossctl.batch.output import read_output
    from lossctl.cli.evaluate import terminal
    from lossctl.data.output import check_writable, refuse_overwriting
    from lossctl.data.table import ENDINGS
    from lossctl.show.compare import render

    base, new = base.strip(), new.strip()
    for name, given in (("unmatched", unmatched), ("nonfinite", nonfinite)):
        if given not in ("error", "skip"):
            raise UsageError(f"{name} is '{given}'; expected error or skip")
    form, count = format_of(form), whole_number("worst", worst)
    if output:
        check_writable(output, ENDINGS)
        refuse_overwriting([output], [base, new])
    joined = Joined(read_output(base), read_output(new))
    limits = limits_of(fail_if_worse, joined.losses)
    if not across_signatures:
        joined.refuse_others()
    if unmatched == "error":
        joined.refuse_unmatched([_failures(path) for path in (base, new)])
    found = compared(joined, count, skip=nonfinite == "skip")
    if output:
        from lossctl.show.differences import write_differences

        write_differences(joined, output)
    sys.stdout.write(render(found, form, *terminal()))
    if not quiet:
        _tell(found)
    _gate(found.changes, limits)


def more_help() -> str:
    """Return what the help says of the figures, and examples."""
    from lossctl.cli.help import paragraphs, wrapped

    about = (
        "Rows belong together by their id, and lower is better. Means are over pairs, weighted if there is a column "
        "weight; there is a row for each group if there is a column group. The 95 % interval of the mean difference is "
        "that of a paired bootstrap (BCa), p that of a permutation test that flips the signs of differences, exact "
        "for up to 20 pairs. A loss is better or worse where the interval lies on one side of 0 and p is 0.05 at most, "
        "which takes 6 pairs. --fail-if-worse 0 refuses any loss that is worse; with X, its whole interval has to lie "
        "above X. The answer is the same in every run, and for any order of the rows."
    )
    return paragraphs(wrapped(about), EXAMPLES).rstrip("\n")


def limits_of(text: str | None, losses: Sequence[str]) -> dict[str, Limit]:
    """Return the limit of each loss from `0`, `1%` or `giou=0.01,ciou=2%`. Raises UsageError."""
    found: dict[str, Limit] = {}
    for part in text.split(",") if text is not None else ():
        name, equals, typed = part.rpartition("=")
        typed = typed.strip()
        try:
            number = float(typed.removesuffix("%"))
        except ValueError:
            number = -1.0
        if not 0 <= number < float("inf"):
            raise UsageError(f"fail-if-worse is '{part.strip()}'; expected a number ≥ 0, or 1%, or loss=number")
        limit = Limit(number / 100, True) if typed.endswith("%") else Limit(number, False)
        found |= dict.fromkeys([name.strip()] if equals else losses, limit)
    for name in found:
        if name not in losses:
            hint = f"compared: {', '.join(losses)}"
            raise UsageError(f"fail-if-worse names {name}, which is not compared", hint=hint)
    return found


def _failures(path: str) -> str:
    """Return where to look for a pair that is not in an output."""
    from lossctl.batch.output import errors_path

    errors = errors_path(path)
    return f"pairs that failed are in {errors}; " if Path(errors).exists() else ""


def _tell(found: Comparison) -> None:
    """Say what was left out, and why."""
    from lossctl.cli.streams import say
    from lossctl.data.number import shown

    joined = found.joined
    files = joined.base.path, joined.new.path
    for path, other, names, losses in zip(files, reversed(files), joined.unmatched, found.alone, strict=True):
        if names:
            count = f"{len(names)} pair{'s' * (len(names) > 1)}"
            first = ", ".join(shown(name, 200) for name in names[:3]) + ", …" * (len(names) > 3)
            say(f"lossctl: warning: {count} of {path} not in {other}: {first}; {_failures(other)}left out")
        if losses:
            say(f"lossctl: warning: {', '.join(losses)} of {path} not in {other}; left out")
    for change in found.changes:
        if change.left_out:
            say(f"lossctl: warning: {change.loss}: {change.left_out} pairs without a finite difference; left out")


def _gate(changes: Sequence[Change], limits: dict[str, Limit]) -> None:
    """Raise typer.Exit where a loss is surely worse than is allowed."""
    from lossctl.cli.gate import GATE_FAILED
    from lossctl.cli.streams import say
    from lossctl.show.compare import sentence

    refused = False
    for change in changes:
        limit = limits.get(change.loss)
        if limit is not None and change.means and change.surely_above(limit.of(change.means.base)):
            refused = True
            say(f"lossctl: gate: {sentence(change)}; {limit} allowed")
    sys.stdout.flush()
    if refused:
        raise typer.Exit(GATE_FAILED)

"""`lossctl joint`: the terms of a recipe and their total."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Annotated, Any

import typer

from lossctl.cli.options import OPTIONS, OUTPUTS, chosen
from lossctl.errors import UsageError

ABOUT = """A recipe has a [[term]] for each loss. What stands above the first of them holds for every term that has a
use for it. Paths, and loss files of your own, are relative to the recipe's folder. A recipe to paste:"""
RECIPE = """\
# The loss of SSD: class scores of default boxes, offsets of those matched
input = "logits"            # of every term that has a use for it
normalizer = 85             # divides both sums: the number of matched boxes

[[term]]
name = "class"              # [the loss]
loss = "ce"                 # or "dice+0.5*ce", "./mine.py", as in a shell
pred = "ssd_scores.csv::background,nucleus"
target = "ssd_scores.csv::class"

[[term]]
name = "offset"
weight = 1.0                # α of the paper [1]
loss = "smooth-l1(beta=1)"
pred = "ssd_offsets.csv::dx..dh"
target = "ssd_offsets.csv::target_dx..target_dh"
"""
EXAMPLES = """\
Examples
  lossctl joint samples/ssd.toml
  lossctl joint samples/segmentation.toml --weight dice=0.7 --weight ce=0.3
  lossctl joint samples/ssd.toml --fail-above class=3 --format json
  lossctl joint samples/ssd.toml | tail -n 1 | cut -f 2     the total alone"""


def more_help() -> str:
    """Return what `lossctl joint --help` says below its options."""
    from lossctl.cli.help import defined, paragraphs, wrapped
    from lossctl.run.recipe import SETTINGS, SIDES

    keys = [
        ("name, weight, loss", "of one term"),
        (", ".join(SIDES), "the data, of one term or of all: a path, path::columns, - or numbers"),
        ("options", f"of one term or of all: {', '.join(SETTINGS)}"),
    ]
    recipe = textwrap.indent(RECIPE, "    ").rstrip()
    return paragraphs(f"{wrapped(ABOUT)}\n\n{recipe}", defined("Keys", keys), EXAMPLES).rstrip()


def _like(name: str, text: str = "") -> Any:
    """Return an option called as in the other commands, and with their words unless it has its own."""
    entry = {**OPTIONS, **OUTPUTS}[name]
    declared = (f"--{name.replace('_', '-')}", *((entry.short,) if entry.short else ()))
    return typer.Option(*declared, metavar=entry.metavar or None, help=text or entry.text)


WEIGHT = typer.Option("--weight", metavar="TERM=W", help="another weight for a term; may be given several times")
GRADIENT = "write d (weight · term) / d PRED to a .npy or .csv; of several terms to 'g_{term}.npy'"
FAIL_ABOVE = "exit 1 if the total is above X; or class=X,total=Y"


def joint(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="a TOML file")],
    weight: Annotated[list[str] | None, WEIGHT] = None,
    threads: Annotated[str | None, _like("threads")] = None,
    max_memory: Annotated[str | None, _like("max_memory")] = None,
    form: Annotated[str | None, _like("format")] = None,
    output: Annotated[str | None, _like("output")] = None,
    gradient: Annotated[str | None, _like("gradient", GRADIENT)] = None,
    fail_above: Annotated[str | None, _like("fail_above", FAIL_ABOVE)] = None,
    quiet: Annotated[bool, _like("quiet")] = False,
    verbose: Annotated[bool, _like("verbose")] = False,
) -> None:
    """Add up losses that have files of their own, by a recipe in TOML, and report every term beside the total."""
    from lossctl.cli import gate
    from lossctl.cli.evaluate import format_of, report
    from lossctl.cli.outputs import ArrayFile, paths_of
    from lossctl.data.output import check_writable, refuse_overwriting
    from lossctl.requests import losses_of
    from lossctl.run.own import blamed
    from lossctl.run.recipe import TOTAL, read_recipe
    from lossctl.run.total import evaluate_terms, open_terms

    given = {"format": form, "output": output, "quiet": quiet, "verbose": verbose}
    form = format_of(given)
    if output:
        from lossctl.show.files import ENDINGS

        check_writable(output, ENDINGS)
    run = chosen({"threads": threads, "max_memory": max_memory})
    read = read_recipe(recipe, _weights(weight or ()), {"threads": run.threads, "max_memory": run.max_memory})
    names = [term.name for term in read.terms]
    limits = gate.limits(fail_above, [TOTAL], names)
    terms = open_terms(read)
    paths = paths_of(gradient, names, mark="term")
    refuse_overwriting(
        [*([output] if output else []), *paths], [recipe, *(path for term in terms for path in term.paths)]
    )
    with ExitStack() as stack:
        sinks = {
            each.term.name: ArrayFile(path, each.pred.columns, stack) for path, each in zip(paths, terms, strict=False)
        }
        try:
            total = evaluate_terms(read, terms, sinks)
        except Exception as error:
            raise blamed(error, losses_of(term.request for term in read.terms)) or error from None
    report([total], given, form)
    gate.check([*total.terms, total], limits)


def _weights(texts: Sequence[str]) -> dict[str, float]:
    """Return the weight of each term that is named: `box=0.3`. Raises UsageError."""
    found = {}
    for text in texts:
        name, equals, weight = text.strip().rpartition("=")
        try:
            found[name.strip()] = float(weight)
        except ValueError:
            equals = ""
        if not equals:
            raise UsageError(f"weight is '{text.strip()}'; expected term=number")
    return found

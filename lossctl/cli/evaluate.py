"""What the commands that evaluate do: open, compute, show, write and gate."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from typing import Any

from lossctl.cli import gate
from lossctl.cli.options import FORMATS, chosen
from lossctl.cli.outputs import gradient, gradient_paths
from lossctl.cli.streams import say
from lossctl.data.output import refuse_overwriting
from lossctl.errors import LossctlError, UsageError
from lossctl.requests import Asked, losses_of
from lossctl.run.options import Options
from lossctl.run.own import blamed
from lossctl.run.result import Result


def evaluate_command(asked: list[Asked], typed: dict[str, str | None], given: dict[str, Any], every: bool) -> None:
    """Evaluate, show and gate. Raises LossctlError of any kind, and typer.Exit for a failed gate.

    `typed`: the text of each side and of the weights, by role.
    `every`: of the losses asked for, take those that the data fit.
    """
    from lossctl.data.labels import read_labels
    from lossctl.data.output import check_writable
    from lossctl.run.columns import open_side, refuse_same
    from lossctl.run.foreground import scheme
    from lossctl.run.joint import evaluate
    from lossctl.show.progress import Reading

    form = format_of(given)
    limits = gate.limits(given["fail_above"], [request.name for request in asked])
    texts = _texts(typed | {"weights": given["weights"], "group_by": given["group_by"]})
    if given["output"]:
        from lossctl.show.files import ENDINGS

        check_writable(given["output"], ENDINGS)
    options = chosen(given | {"weights": None, "group_by": None})
    losses = losses_of(asked)
    refuse_same(losses[0], texts)
    weighing, by = scheme(texts["weights"] or ""), texts.pop("group_by")
    if weighing is not None:
        texts["weights"] = None
    opened = {role: None if text is None else open_side(text, role, losses, options) for role, text in texts.items()}
    labels = by if by in (None, "class", "image") else read_labels(by)
    options = chosen(given | {"weights": weighing or opened["weights"], "group_by": labels})
    preds = tuple(source for role in losses[0].sides if (source := opened[role]) is not None)
    target = next((opened[role] for role in opened if role in ("target", "y")), None)
    if options.match is not None:
        from lossctl.run.groups import columns_of

        options = columns_of(texts, opened, options)
    if every:
        asked = _fitting(asked, preds[0], target, options)
    if options.pairs is not None and options.reduction == "none":
        from lossctl.cli.matrix import matrix_command

        matrix_command(asked, preds[0], target, options, given, form)
        return
    with ExitStack() as stack:
        paths = gradient_paths(given["gradient"], asked)
        columns = [source.columns for source in preds]
        outputs = [given["output"]] if given["output"] else []
        refuse_overwriting([*outputs, *chain(*paths)], [source.path for source in opened.values() if source])
        sinks = [gradient(of_loss, columns, stack) for of_loss in paths]
        stack.enter_context(Reading(given["quiet"], [source.path for source in opened.values() if source]))
        try:
            results = evaluate(asked, preds, target, options, sinks)
        except Exception as error:
            raise blamed(error, losses_of(asked)) or error from None
    report(results, given, form)
    gate.check(results, limits)


def format_of(given: Mapping[str, Any]) -> str:
    """Return the format asked for, or the one that suits stdout. Raises UsageError."""
    form = given["format"] or ("table" if sys.stdout.isatty() else "plain")
    if form not in FORMATS:
        raise UsageError(f"format is '{form}'; expected {', '.join(FORMATS)}")
    return str(form)


def _texts(typed: dict[str, str | None]) -> dict[str, str | None]:
    """Return what was typed for each side, without blanks around. Raises UsageError where that cannot be meant."""
    texts: dict[str, str | None] = {}
    for role, text in typed.items():
        texts[role] = None if text is None else text.strip()
        if texts[role] == "":
            raise UsageError(f"{role} is an empty text", hint="a path, path::columns, - or numbers")
    if sum(text is not None and text.partition("::")[0] == "-" for text in texts.values()) > 1:
        raise UsageError("standard input can be read only once", hint="give one of the sides as a file")
    return texts


def _fitting(asked: Sequence[Asked], pred: Any, target: Any, options: Options) -> list[Asked]:
    """Return, of all losses of a family, those that these data and options fit."""
    from lossctl.run.checks import check
    from lossctl.run.reading import read
    from lossctl.run.sides import Side

    fitting, refusals = [], []
    for request in asked:
        try:
            check(request.losses, options, target is not None)
            for loss in request.losses:
                goal = Side(target, "target").shape(loss.shape) if target else None
                read(loss, Side(pred, "pred").shape(loss.shape), goal, options)
        except LossctlError as refusal:
            refusals.append(refusal)
        else:
            fitting.append(request)
    if not fitting:
        raise refusals[0]
    return fitting


def tell(results: Sequence[Result], given: Mapping[str, Any]) -> None:
    """Say on stderr what is no result: warnings, and on request what was read and how."""
    if not given["quiet"]:
        for warning in dict.fromkeys(warning for result in results for warning in result.warnings):
            say(f"lossctl: warning: {warning}")
    if given["verbose"]:
        _tell_how(results)


def report(results: Sequence[Result], given: Mapping[str, Any], form: str) -> None:
    """Show or write results, with warnings and what else is asked for on stderr."""
    from lossctl.show.results import render

    tell(results, given)
    if given["output"]:
        from lossctl.show.files import write

        write(results, given["output"])
        return
    sys.stdout.write(render(results, form, *terminal()))


def terminal() -> tuple[int, bool]:
    """Return how wide the terminal is, and whether it shows colours."""
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return shutil.get_terminal_size().columns, colour


def _tell_how(results: Sequence[Result]) -> None:
    from lossctl.run.result import Total
    from lossctl.show.results import number

    for read in results[0].terms if isinstance(results[0], Total) else results[:1]:
        for side in read.inputs:
            whose = f"{read.name}: {side.role}" if read.name else side.role
            say(f"lossctl: {whose}: {side.path} {'x'.join(map(str, side.shape))} {side.dtype}")
    if results[0].matching:
        counts = ", ".join(f"{count} {kind}" for kind, count in results[0].matching.counts().items())
        say(f"lossctl: match: {counts}")
    for result in results:
        for term in result.terms:
            if term.value is not None and term.weight is not None:
                say(f"lossctl: {term.name}: {number(term.weight)} * {number(term.value)}")
        say(f"lossctl: {result.signature}")

"""What the commands that evaluate do: open, compute, show, write and gate."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain
from typing import Any

from lossctl.cli import gate
from lossctl.cli.options import FORMATS, chosen
from lossctl.cli.outputs import gradient, gradient_paths, refuse_overwriting
from lossctl.cli.own import blamed
from lossctl.cli.streams import say
from lossctl.errors import LossctlError, UsageError
from lossctl.loss import Request
from lossctl.run.options import Options


def evaluate_command(asked: list[Request], typed: dict[str, str | None], given: dict[str, Any], every: bool) -> None:
    """Evaluate, show and gate. Raises LossctlError of any kind, and typer.Exit for a failed gate.

    `typed`: the text of each side and of the weights, by role.
    `every`: of the losses asked for, take those that the data fit.
    """
    from lossctl.data.output import check_writable
    from lossctl.run.columns import open_side, refuse_same
    from lossctl.run.evaluate import evaluate

    form = given["format"] or ("table" if sys.stdout.isatty() else "plain")
    if form not in FORMATS:
        raise UsageError(f"format is '{form}'; expected {', '.join(FORMATS)}")
    limits = gate.limits(given["fail_above"], asked)
    texts = _texts(typed)
    if given["output"]:
        from lossctl.show.files import ENDINGS

        check_writable(given["output"], ENDINGS)
    options = chosen(given | {"weights": None})
    losses = [request.loss for request in asked]
    refuse_same(losses[0], texts)
    opened = {role: None if text is None else open_side(text, role, losses, options) for role, text in texts.items()}
    options = chosen(given | {"weights": opened["weights"]})
    preds = tuple(source for role in losses[0].sides if (source := opened[role]) is not None)
    target = next((opened[role] for role in opened if role in ("target", "y")), None)
    if every:
        asked = _fitting(asked, preds[0], target, options)
    with ExitStack() as stack:
        paths = gradient_paths(given["gradient"], asked)
        columns = [source.columns for source in preds]
        outputs = [given["output"]] if given["output"] else []
        refuse_overwriting([*outputs, *chain(*paths)], [source.path for source in opened.values() if source])
        sinks = [gradient(of_loss, columns, stack) for of_loss in paths]
        try:
            results = evaluate(asked, preds, target, options, sinks)
        except Exception as error:
            raise blamed(error, [request.loss for request in asked]) or error from None
    _report(results, given, form)
    gate.check(results, limits)


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


def _fitting(asked: Sequence[Request], pred: Any, target: Any, options: Options) -> list[Request]:
    """Return, of all losses of a family, those that these data and options fit."""
    from lossctl.run.checks import check
    from lossctl.run.reading import read
    from lossctl.run.sides import Side

    fitting, refusals = [], []
    for request in asked:
        shape = request.loss.shape
        try:
            check([request.loss], options, target is not None)
            read(
                request.loss,
                Side(pred, "pred").shape(shape),
                Side(target, "target").shape(shape) if target else None,
                options,
            )
        except LossctlError as refusal:
            refusals.append(refusal)
        else:
            fitting.append(request)
    if not fitting:
        raise refusals[0]
    return fitting


def _report(results: Sequence[Any], given: dict[str, Any], form: str) -> None:
    from lossctl.show.results import render

    if not given["quiet"]:
        for warning in dict.fromkeys(warning for result in results for warning in result.warnings):
            say(f"lossctl: warning: {warning}")
    if given["verbose"]:
        for side in results[0].inputs:
            say(f"lossctl: {side.role}: {side.path} {'x'.join(map(str, side.shape))} {side.dtype}")
        for result in results:
            say(f"lossctl: {result.signature}")
    if given["output"]:
        from lossctl.show.files import write

        write(results, given["output"])
        return
    width = shutil.get_terminal_size().columns
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    sys.stdout.write(render(results, form, width, colour))

"""`--pairs all`: a matrix to standard output or to a file, as it is computed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from lossctl.cli.evaluate import tell, terminal
from lossctl.cli.outputs import ArrayFile, paths_of
from lossctl.data.output import refuse_overwriting
from lossctl.data.source import Source
from lossctl.errors import UsageError
from lossctl.requests import Asked, Request
from lossctl.run.options import Options
from lossctl.run.own import blamed
from lossctl.run.pairs import Held, Sink, evaluate_pairs
from lossctl.run.result import Result
from lossctl.show.matrix import Lines, markdown, table

STREAMED = (".npy", ".csv")
# A larger matrix is not drawn, and one with more numbers is no text that anything could load.
DRAWN_ROWS, DRAWN_COLUMNS = 1000, 32
WRITTEN = 1 << 22


class Text(Held):
    """A matrix in memory, to be shown as a whole."""

    most = WRITTEN
    told = "too many for one text"
    hint = "--format plain or csv writes rows as they come; -o matrix.npy is smaller"


class Drawn(Text):
    """A matrix for a terminal: held if it is small, else written as it comes."""

    lines: Lines | None = None

    def begin(self, shape: tuple[int, ...]) -> None:
        """Decide."""
        if shape[0] > DRAWN_ROWS or shape[1] > DRAWN_COLUMNS:
            self.lines = Lines(sys.stdout.write, "\t")
            self.lines.begin(shape)
        else:
            super().begin(shape)

    def append(self, flat: Any) -> None:
        """Hold or write."""
        if self.lines is None:
            super().append(flat)
        else:
            self.lines.append(flat)


def matrix_command(
    asked: Sequence[Asked], pred: Source, target: Source | None, options: Options, given: dict[str, Any], form: str
) -> None:
    """Evaluate all pairs and show or write the matrix. Raises LossctlError of any kind."""
    single = [request for request in asked if isinstance(request, Request)]
    if len(single) < len(asked):
        raise UsageError("the matrix of a sum of losses", hint="write one matrix a loss, and add them")
    if given["gradient"]:
        raise UsageError("no gradient of all pairs", hint="a gradient is of one loss for each item")
    if given["fail_above"]:
        raise UsageError("fail_above of a matrix", hint="--reduction mean makes it one number")
    with ExitStack() as stack:
        sinks = _sinks(single, given["output"], form, [side.path for side in (pred, target) if side], stack)
        try:
            results = evaluate_pairs(single, pred, target, options, sinks)
        except Exception as error:
            raise blamed(error, [request.loss for request in single]) or error from None
    tell(results, given)
    held = [sink for sink in sinks if isinstance(sink, Text) and not getattr(sink, "lines", None)]
    if held:
        results = [replace(result, values=sink.rows()) for result, sink in zip(results, held, strict=True)]
        _show(results, given["output"], form)


def _sinks(
    asked: Sequence[Request], output: str | None, form: str, inputs: Sequence[str], stack: ExitStack
) -> Sequence[Sink]:
    """Return what takes the matrix of each loss."""
    if output is not None and output.lower().endswith(".parquet"):
        raise UsageError("a matrix is no table of results", hint="-o matrix.npy, or .csv or .json")
    if output is not None and not output.lower().endswith(".json"):
        paths = paths_of(output, [request.name for request in asked], "matrix")
        refuse_overwriting(paths, inputs)
        return [ArrayFile(path, None, stack) for path in paths]
    refuse_overwriting([output] if output else [], inputs)
    if form == "table" and output is None:
        return [Drawn() for _ in asked]
    if form in ("json", "markdown") or output is not None:
        return [Text() for _ in asked]
    if len(asked) > 1:
        raise UsageError(f"{len(asked)} matrices in one {form} text", hint="-o 'matrix_{loss}.npy', or --format json")
    return [Lines(sys.stdout.write, "," if form == "csv" else "\t")]


def _show(results: Sequence[Result], output: str | None, form: str) -> None:
    if output is not None:
        from lossctl.show.files import write

        write(results, output)
    elif form == "json":
        from lossctl.show.results import as_json

        sys.stdout.write(as_json(results))
    else:
        sys.stdout.write(markdown(results) if form == "markdown" else table(results, *terminal()))

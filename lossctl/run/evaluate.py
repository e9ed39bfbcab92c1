"""From losses, sources and options to results: the one road that the command line and Python both take."""

from __future__ import annotations

from collections.abc import Sequence

from lossctl.data.source import Source
from lossctl.errors import UsageError
from lossctl.requests import Request
from lossctl.run.items import evaluate_items
from lossctl.run.options import Options
from lossctl.run.result import Result
from lossctl.run.sides import Sink


def evaluate(
    asked: Sequence[Request],
    pred: Source | tuple[Source, ...],
    target: Source | None,
    options: Options,
    sinks: Sequence[Sink] = (),
) -> list[Result]:
    """Return the result of each request over the data: item against item, all pairs, or boxes matched first.

    `pred`: of a loss of several sides, one source for each. `sinks`: for each request, what takes d loss / d pred (for
    several sides `Apart`). `options.weights` is a Source.
    Raises UsageError for options that do not go together, DataError for data that do not.
    """
    first = pred[0] if isinstance(pred, tuple) else pred
    if options.pairs is not None:
        from lossctl.run.pairs import evaluate_pairs

        if sinks:
            raise UsageError("no gradient of all pairs", hint="a gradient is of one loss for each item")
        return evaluate_pairs(asked, first, target, options)
    if options.match is not None:
        from lossctl.run.matching import evaluate_matched

        return evaluate_matched(asked, first, target, options, sinks)
    return evaluate_items(asked, pred, target, options, sinks)

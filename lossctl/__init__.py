"""Losses of boxes, masks, class scores and numbers, exactly and fast.

    giou = lossctl.loss("giou")
    giou(pred, target)                                    the mean, a float
    giou(pred, target, reduction="none")                  one value per pair
    giou.gradient(pred, target)                           d mean / d pred
    lossctl.evaluate("giou", "pred.csv", "target.csv")    a Result, with counts and signature
    lossctl.batch("giou", "pred/", "target/")             a Summary of many pairs

Importing this imports neither numpy nor numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# Packages called like functions below; once imported here, they will not take the functions' place.
import lossctl.batch
import lossctl.losses  # noqa: F401
from lossctl.errors import DataError, LimitError, LossctlError, OutputError, UsageError
from lossctl.loss import names as _names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from lossctl.batch.totals import Summary
    from lossctl.run.function import LossFunction
    from lossctl.run.result import Matching, Result, Total

__version__ = "0.1.0"
__all__ = [
    "DataError",
    "LimitError",
    "LossctlError",
    "OutputError",
    "UsageError",
    "batch",
    "evaluate",
    "joint",
    "loss",
    "losses",
    "match",
]


def loss(name: str, **parameters: Any) -> LossFunction:
    """Return a loss as a function: `giou`, `tversky(fp_weight=0.3)`, a sum `dice+0.5*ce`, a file of yours `./mine.py`.

    Raises UsageError for unknown names and for parameters that are unknown, missing or out of range.
    """
    from lossctl.run.function import loss as find

    return find(name, **parameters)


def evaluate(name: str, pred: Any, target: Any = None, **keywords: Any) -> Result:
    """Return the Result of one loss over files, inline numbers (as on the command line) or arrays.

    Takes the keywords of a loss function. Raises UsageError for options, DataError for data.
    """
    from lossctl.run.function import evaluate as run

    return run(name, pred, target, **keywords)


def joint(
    recipe: str | PathLike[str],
    weights: Mapping[str, float] = {},
    threads: int | None = None,
    max_memory: int | str | None = None,
) -> Total:
    """Return the Total of a recipe, a TOML file (`lossctl joint --help`): its `total`, and its `terms`, each a Result.

    `weights` take the place of those of the terms they name; `threads` and `max_memory` are as in `evaluate`. Raises
    UsageError, DataError, LimitError.
    """
    from lossctl.run.total import joint as run

    return run(recipe, weights, threads=threads, max_memory=max_memory)


def batch(losses: str, pred: Any = None, target: Any = None, **keywords: Any) -> Summary:
    """Return the Summary of losses over many pairs of files: `scores`, one for each loss, and `failures`.

    `pred` and `target` are folders or globs; or `pair` two patterns, or `manifest` a file. Takes the options of
    `lossctl batch --help` as keywords, and of the same meaning: output, resume, restart, shard, on_error, unmatched,
    match_files, worst, junit, threads, input, box_format, …, and the parameters of a single loss. Processes are forked
    where there are many small pairs; not with threads=1. Raises UsageError, DataError for what cannot be computed,
    OutputError.
    """
    from lossctl.batch.function import batch as run
    from lossctl.show.scribe import Scribe

    return run(losses, {"pred": pred, "target": target, **keywords}, Scribe)


def match(pred: Any, target: Any, method: str = "greedy", threshold: float = 0.5, **keywords: Any) -> Matching:
    """Return which of the boxes `pred` (N, 4) are matched with which of `target` (M, 4).

    The answer is (pred, target, missed, spurious): two arrays of indices, pair by pair, and how many targets and
    predictions are left. `method`: greedy, or hungarian for the largest sum of IoU (needs scipy). Keywords:
    `pred_groups` and `target_groups`, a label for each box that has to agree; `scores`, by which greedy goes through
    the predictions; box_format, nonfinite, threads, … Raises UsageError for these, DataError for boxes.
    """
    from lossctl.run.matching import match as run

    return run(pred, target, method, threshold, **keywords)


def losses(family: str | None = None) -> list[str]:
    """Return the names of all losses, or of one family: box, region, classification, regression, ranking."""
    return _names(family)

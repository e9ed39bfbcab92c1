"""Losses of boxes, masks, class scores and numbers, exactly and fast.

    giou = lossctl.loss("giou")
    giou(pred, target)                                    the mean, a float
    giou(pred, target, reduction="none")                  one value per pair
    giou.gradient(pred, target)                           d mean / d pred
    lossctl.evaluate("giou", "pred.csv", "target.csv")    a Result, with counts and signature

Importing this imports neither numpy nor numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# The shelf is a package called like a function below; once imported here, it will not take the function's place.
import lossctl.losses  # noqa: F401
from lossctl.errors import DataError, LimitError, LossctlError, OutputError, UsageError
from lossctl.loss import names as _names

if TYPE_CHECKING:
    from lossctl.run.function import LossFunction
    from lossctl.run.result import Result

__version__ = "0.1.0"
__all__ = [
    "DataError",
    "LimitError",
    "LossctlError",
    "OutputError",
    "UsageError",
    "evaluate",
    "loss",
    "losses",
]


def loss(name: str, **parameters: Any) -> LossFunction:
    """Return a loss as a function: `giou`, `tversky(fp_weight=0.3)`, or a loss file of your own, `./mine.py`.

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


def losses(family: str | None = None) -> list[str]:
    """Return the names of all losses, or of one family: box, region, classification, regression, ranking."""
    return _names(family)

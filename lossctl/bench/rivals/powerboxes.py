"""powerboxes: matrices of distances of all boxes from all boxes, of which a loss needs the diagonal."""

from __future__ import annotations

from typing import Any

import numpy as np
import powerboxes

from lossctl.bench.rivals import Absent, Function, bound
from lossctl.requests import Request

MOST = 4096
# Its diou and ciou are other numbers than those of the papers.
OWN: dict[str, Function] = {
    "iou": lambda p, g: powerboxes.iou_distance(p, g),
    "giou": lambda p, g: powerboxes.giou_distance(p, g),
}


class Matrix:
    """A loss as the diagonal of a matrix."""

    def __init__(self, function: Function) -> None:
        self._function = function

    def prepare(self, pred: Any, target: Any) -> tuple[Any, Any]:
        if len(pred) > MOST:
            raise Absent(f"powerboxes compares all boxes with all: {MOST} at most")
        return pred, target

    def value(self, pred: Any, target: Any) -> Any:
        return np.diagonal(self._function(pred, target)).mean()

    def value_and_gradient(self, pred: Any, target: Any) -> Any:
        raise Absent("powerboxes has no gradients")


def contender(name: str, request: Request, input: str) -> Matrix:
    """Return powerboxes' loss, or raise Absent."""
    return Matrix(bound(name, request, input, OWN))

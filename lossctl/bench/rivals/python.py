"""Plain Python: a loop over lists of floats, as one writes it without any library."""

from __future__ import annotations

import math
from typing import Any

from lossctl.bench.rivals import Absent, Function, bound
from lossctl.requests import Request


def _mean(function, pred, target):
    return math.fsum(function(x, t) for x, t in zip(pred, target, strict=True)) / len(pred)


def mae(pred, target):
    return _mean(lambda x, t: abs(x - t), pred, target)


def mse(pred, target):
    return _mean(lambda x, t: (x - t) ** 2, pred, target)


def rmse(pred, target):
    return math.sqrt(mse(pred, target))


def huber(pred, target, delta):
    def one(x, t):
        d = abs(x - t)
        return 0.5 * d * d if d <= delta else delta * (d - 0.5 * delta)

    return _mean(one, pred, target)


def smooth_l1(pred, target, beta):
    def one(x, t):
        d = abs(x - t)
        return 0.5 * d * d / beta if d < beta else d - 0.5 * beta

    return _mean(one, pred, target)


def _entropy(z, y):
    return max(z, 0) - z * y + math.log1p(math.exp(-abs(z)))


def bce(pred, target):
    return _mean(_entropy, pred, target)


def focal(pred, target, alpha, gamma):
    def one(z, y):
        q = 1 / (1 + math.exp(-z))
        weight = 1 if alpha is None else alpha * y + (1 - alpha) * (1 - y)
        return weight * (q * (1 - y) + (1 - q) * y) ** gamma * _entropy(z, y)

    return _mean(one, pred, target)


def _iou(p, g):
    """Return IoU and union."""
    overlap = max(0, min(p[2], g[2]) - max(p[0], g[0])) * max(0, min(p[3], g[3]) - max(p[1], g[1]))
    union = (p[2] - p[0]) * (p[3] - p[1]) + (g[2] - g[0]) * (g[3] - g[1]) - overlap
    return overlap / union, union


def iou(pred, target):
    return _mean(lambda p, g: 1 - _iou(p, g)[0], pred, target)


def giou(pred, target):
    def one(p, g):
        found, union = _iou(p, g)
        enclosing = (max(p[2], g[2]) - min(p[0], g[0])) * (max(p[3], g[3]) - min(p[1], g[1]))
        return 1 - found + (enclosing - union) / enclosing

    return _mean(one, pred, target)


LOOPS: dict[str, Function] = {
    "mae": mae, "mse": mse, "rmse": rmse, "huber": huber, "smooth-l1": smooth_l1,
    "bce": bce, "focal": focal, "iou": iou, "giou": giou,
}  # fmt: skip


class Loop:
    """A loss as a loop."""

    def __init__(self, function: Function) -> None:
        self._function = function

    def prepare(self, pred: Any, target: Any) -> tuple[Any, Any]:
        return pred.tolist(), None if target is None else target.tolist()

    def value(self, pred: Any, target: Any) -> Any:
        return self._function(pred, target)

    def value_and_gradient(self, pred: Any, target: Any) -> Any:
        raise Absent("python has no gradients")


def contender(name: str, request: Request, input: str) -> Loop:
    """Return the loop, or raise Absent."""
    return Loop(bound(name, request, input, LOOPS))

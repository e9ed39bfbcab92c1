"""NumPy: the expressions as they are. It has no gradients."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from lossctl.bench.rivals import Absent, Function, bound, converted
from lossctl.bench.rivals.expressions import EXPRESSIONS
from lossctl.requests import Request


class Numpy:
    """A loss in NumPy."""

    def __init__(self, request: Request, function: Function) -> None:
        self._loss = request.loss
        self._function = functools.partial(function, np)

    def prepare(self, pred: Any, target: Any) -> tuple[Any, Any]:
        return converted(self._loss, pred, target)

    def value(self, pred: Any, target: Any) -> Any:
        return self._function(pred, target)

    def value_and_gradient(self, pred: Any, target: Any) -> Any:
        raise Absent("numpy has no gradients")


def contender(name: str, request: Request, input: str) -> Numpy:
    """Return the loss in NumPy, or raise Absent."""
    return Numpy(request, bound(name, request, input, EXPRESSIONS))

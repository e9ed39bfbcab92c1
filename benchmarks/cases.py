"""Data for every loss on the shelf, at the size it is measured at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import lossctl
from lossctl.loss import Loss, Setting, find, names

Array = npt.NDArray[Any]

BOXES = 1 << 20
NUMBERS = 1 << 22
WIDTH = 64  # of a row of embeddings
CLASSES = 21
SIDE = 256  # 4 images of 21 × 256 × 256 and 262 144 rows of 21 are the same 5.5M scores
DTYPES = ("float32", "float64")


class Case(NamedTuple):
    """One loss, ready to be called on its data.

    An item is a pair of boxes, a pair of scores to rank, or one number, score, pixel or entry of a row.
    """

    function: Any
    pred: Array | tuple[Array, ...]
    target: Array | None
    options: dict[str, Any]

    @property
    def sides(self) -> tuple[Array, ...]:
        """The predictions."""
        return self.pred if isinstance(self.pred, tuple) else (self.pred,)

    @property
    def items(self) -> int:
        """How many items a call computes."""
        size, loss = sum(side.size for side in self.sides), find(self.function.name)
        return size // (len(self.sides) if loss.shape == "scores" else loss.per_item)

    @property
    def bytes(self) -> int:
        """How many bytes a call has to read at least."""
        return sum(side.nbytes for side in self.sides) + (0 if self.target is None else self.target.nbytes)

    def first(self, n: int) -> Case:
        """Return the same on the first n items, or on a corner of the images."""
        pred = tuple(side[:n] for side in self.sides)
        if self.sides[0].ndim == 3:
            return self._replace(pred=self.pred[:n, :2, :2], target=self.target[:n, :2, :2])
        target = None if self.target is None else self.target[:n]
        return self._replace(pred=pred if isinstance(self.pred, tuple) else pred[0], target=target)

    def value(self) -> float:
        """Compute the mean."""
        return self.function(self.pred, self.target, **self.options)

    def value_and_gradient(self) -> tuple[float, Array]:
        """Compute the mean and its gradient."""
        return self.function.value_and_gradient(self.pred, self.target, **self.options)


def kinds() -> Iterator[tuple[str, str]]:
    """Yield (loss, layout) for all of the shelf: a new loss file is measured without a word here."""
    for name in names():
        for layout in ("NC", "NCHW") if find(name).shape == "classes" else ("",):
            yield name, layout


def one_of_each_shape() -> Iterator[str]:
    """Yield the first loss of each shape of data: one for each block loop of the engine."""
    shapes = {find(name).shape: name for name in reversed(names())}
    yield from sorted(shapes.values())


def make(name: str, layout: str, dtype: str, threads: int | None = None, divide: int = 1) -> Case:
    """Return the case of a loss; `divide` makes it that much smaller."""
    loss = find(name)
    makers = {
        "boxes": _boxes, "rotated": _rotated, "numbers": _numbers, "binary": _binary, "classes": _classes,
        "regions": _regions, "scores": _ranking, "embeddings": _ranking,
    }  # fmt: skip
    pred, target, options = makers[loss.shape](np.random.default_rng(7), loss, layout, divide)
    if target is not None and target.dtype == np.float64:
        target = target.astype(dtype)
    if loss.takes_scores:
        options["input"] = "logits"
    pred = tuple(side.astype(dtype) for side in pred) if isinstance(pred, tuple) else pred.astype(dtype)
    return Case(lossctl.loss(name, **_required(loss)), pred, target, options | {"threads": threads})


def _required(loss: Loss) -> dict[str, Setting]:
    """Return settings for the parameters that have no default."""
    found: dict[str, Setting] = {}
    for parameter in loss.parameters:
        if parameter.required:
            numbers = [x for x in (1.0, 0.5, 2.0) if parameter.interval and x in parameter.interval]
            found[parameter.name] = [*numbers, *parameter.choices, True][0]
    return found


Made = tuple[Array | tuple[Array, ...], Array | None, dict[str, Any]]


def boxes(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Return predictions near their targets: nine of ten overlap, as after a detector's matching."""
    corner, size = rng.uniform(0, 600, (n, 2)), rng.uniform(4, 120, (n, 2))
    target = np.concatenate([corner, corner + size], axis=1)
    moved, scaled = corner + rng.normal(0, 0.3, (n, 2)) * size, size * rng.uniform(0.6, 1.6, (n, 2))
    return np.concatenate([moved, moved + scaled], axis=1), target


def _boxes(rng: np.random.Generator, loss: Loss, layout: str, divide: int) -> Made:
    return *boxes(rng, BOXES // divide), {}


def _rotated(rng: np.random.Generator, loss: Loss, layout: str, divide: int) -> Made:
    sides = []
    for corners in boxes(rng, BOXES // divide):
        low, high = corners[:, :2], corners[:, 2:]
        sides.append(np.column_stack([(low + high) / 2, high - low, rng.normal(0.5, 0.2, len(corners))]))
    return sides[0], sides[1], {}


def _numbers(rng: np.random.Generator, loss: Loss, layout: str, divide: int) -> Made:
    target = rng.normal(0, 2, NUMBERS // divide)
    pred = target + rng.normal(0, 1.5, len(target))
    # Not every loss is defined for any number: some need positive ones, some -1 or 1 for a target.
    function = lossctl.loss(loss.name, **_required(loss))
    for sides in ((pred, target), (np.abs(pred), np.abs(target)), (pred, np.where(target < 0, -1.0, 1.0))):
        try:
            function(*(side[:1000] for side in sides))
        except lossctl.DataError:
            continue
        return *sides, {}
    raise ValueError(f"no data for {loss.name}: add some to cases.py")


def _binary(rng: np.random.Generator, loss: Loss, layout: str, divide: int) -> Made:
    pred = rng.normal(0, 2, NUMBERS // divide)
    return pred, (rng.random(len(pred)) < 0.3).astype(np.float64), {}


def _classes(rng: np.random.Generator, loss: Loss, layout: str, divide: int) -> Made:
    rows = 4 * SIDE * SIDE // divide
    shape = (rows, CLASSES) if layout == "NC" else (4, CLASSES, SIDE, SIDE // divide)
    options = {"layout": layout}
    pred = rng.normal(0, 2, shape)
    if not loss.has_target:
        return pred, None, options
    if "class_weight" in loss.data:
        return pred, rng.integers(0, CLASSES, (rows,) if layout == "NC" else (4, *shape[2:])), options
    other = rng.normal(0, 2, shape)
    if loss.target_input == "logits":
        return pred, other, options
    shares = np.exp(other)
    return pred, shares / shares.sum(axis=1, keepdims=True), options


def _regions(rng: np.random.Generator, loss: Loss, layout: str, divide: int) -> Made:
    pred = rng.normal(0, 2, (4, 1024, 1024 // divide))
    return pred, (rng.random(pred.shape) < 0.3).astype(np.uint8), {"layout": "NHW", "aggregate": "per-image"}


def _ranking(rng: np.random.Generator, loss: Loss, layout: str, divide: int) -> Made:
    shape = (NUMBERS // WIDTH // divide, WIDTH) if loss.shape == "embeddings" else (NUMBERS // divide,)
    sides = tuple(rng.normal(0, 1, shape) for _ in loss.sides)
    defaults = [parameter.default for parameter in loss.parameters]
    others = [1.0] * (len(loss.data) - 1)
    y = [y for y in (-1.0, 0.0, 1.0) if loss.inside is not None and loss.inside(*others, y, *defaults)]
    return sides if len(sides) > 1 else sides[0], rng.choice(y, shape[0]) if loss.has_target else None, {}

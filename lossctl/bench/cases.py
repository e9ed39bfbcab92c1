"""Data to time losses on: random ones for every shape, of any size, and the user's own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lossctl.errors import DataError, UsageError
from lossctl.loss import Loss, find, names
from lossctl.parameters import Setting
from lossctl.requests import Asked, Request
from lossctl.run.checks import USES
from lossctl.run.function import LossFunction

Array = npt.NDArray[Any]
Pred = Array | tuple[Array, ...]

DTYPES = ("float32", "float64")
CLASSES = 21
IMAGES = 4
# Where nobody says how large: enough that no cache holds the data. Boxes, numbers, class scores, pixels.
SIZES = {"boxes": 1 << 20, "rotated": 1 << 20, "classes": IMAGES * CLASSES * 256 * 256}
SIZE = 1 << 22
# Of images whose distances from boundaries are needed, which takes everybody long.
SLOW = 1 << 18
# Of a row of embeddings.
WIDTH = 64


class Case(NamedTuple):
    """A loss, or a sum of losses, ready to be called on its data.

    An item is a pair of boxes, a pair of scores to rank, or one number, class score, pixel or entry of a row of
    embeddings, of which there are those of every side.
    """

    asked: Asked
    pred: Pred
    target: Array | None
    options: dict[str, Any]

    @property
    def shape(self) -> str:
        """The shape of data that the loss takes."""
        return self.asked.losses[0].shape

    @property
    def items(self) -> int:
        """How many items a call computes."""
        size = sum(side.size for side in self.sides)
        return size // (len(self.sides) if self.shape == "scores" else self.asked.losses[0].per_item)

    @property
    def sides(self) -> tuple[Array, ...]:
        """The predictions."""
        return self.pred if isinstance(self.pred, tuple) else (self.pred,)

    @property
    def bytes(self) -> int:
        """How many bytes a call has to read at least."""
        return sum(side.nbytes for side in self.sides) + (0 if self.target is None else self.target.nbytes)

    def first(self, n: int) -> Case:
        """Return the same on the first n items, or on a corner of the images."""
        if isinstance(self.pred, tuple):
            pred: Any = tuple(side[:n] for side in self.pred)
        elif self.shape == "regions" and self.target is not None:
            return self._replace(pred=self.pred[:n, ..., :2, :2], target=self.target[:n, :2, :2])
        else:
            pred = self.pred[:n]
        return self._replace(pred=pred, target=None if self.target is None else self.target[:n])

    def call(self, gradient: bool = False) -> Callable[[], Any]:
        """Return the function, of nothing, that computes the mean, or the mean and its gradient, as often as called."""
        function = LossFunction(self.asked)
        chosen = function.value_and_gradient if gradient else function
        return functools.partial(chosen, self.pred, self.target, **self.options)


class Kind(NamedTuple):
    """A loss as it is timed: in one layout, of logits or probs where it takes scores ("" elsewhere)."""

    name: str
    layout: str
    input: str

    def __str__(self) -> str:
        """Write what tells it from the loss's other kinds: `ce NC`, `dice NHW probs`."""
        several = len(layouts(find(self.name))) > 1
        return " ".join([self.name, *[self.layout] * several, *[self.input] * (self.input == "probs")])


def kinds() -> Iterator[Kind]:
    """Yield all of the shelf: a new loss file is measured without a word here."""
    for name in names():
        loss = find(name)
        for layout in layouts(loss):
            yield Kind(name, layout, "logits" if loss.takes_scores else "")
        if name in OF_PROBABILITIES:
            yield Kind(name, layouts(loss)[0], "probs")


def layouts(loss: Loss) -> tuple[str, ...]:
    """Return the layouts that a loss is timed in, the usual one first."""
    found = LAYOUTS.get(loss.shape, ("",))
    # Logits of classes are no logits of masks, and distances in 84 planes would take all day.
    return found[:1] if loss.needs_logits or "from_pred" in loss.data else found


def has_native(asked: Asked) -> bool:
    """Tell whether there are kernels in single precision of a loss."""
    return any(map(USES["arithmetic"], asked.losses))


def one_of_each_shape() -> Iterator[str]:
    """Yield the first loss of each shape of data: one for each block loop of the engine."""
    shapes = {find(name).shape: name for name in reversed(names())}
    yield from sorted(shapes.values())


def default_size(loss: Loss, layout: str = "") -> int:
    """Return how many items to take where nobody says."""
    if "from_pred" in loss.data:
        return SLOW
    return SIZES["classes"] if layout == "NCHW" else SIZES.get(loss.shape, SIZE)


def requested(name: str) -> Request:
    """Return a loss with its defaults, and settings for the parameters that have none."""
    loss = find(name)
    return Request.of(loss, required(loss))


def required(loss: Loss) -> dict[str, Setting]:
    """Return settings for the parameters that have no default."""
    found: dict[str, Setting] = {}
    for parameter in loss.parameters:
        if parameter.required:
            numbers = [x for x in (1.0, 0.5, 2.0) if parameter.interval and x in parameter.interval]
            choices: list[Setting] = [*numbers, *parameter.choices, True]
            found[parameter.name] = choices[0]
    return found


def make(
    asked: Asked, size: int, dtype: str, layout: str = "", seed: int = 7, options: Mapping[str, Any] = {},
    input: str = "",
) -> Case:  # fmt: skip
    """Return a case of about `size` random items. Raises UsageError for a loss that there are no data for."""
    loss = asked.losses[0]
    if len({(each.shape, each.has_target, "class_weight" in each.data) for each in asked.losses}) > 1:
        hint = "--data PRED TARGET, or one loss after the other"
        raise UsageError(f"no random data suit all losses of {asked.name}", hint=hint)
    maker = MAKERS.get(loss.shape)
    if maker is None:
        raise UsageError(f"no random data for {loss.name}, a loss of {loss.shape}", hint="--data PRED TARGET")
    pred, target, given = maker(np.random.default_rng(seed), asked, size, layout or layouts(loss)[0])
    if target is not None and target.dtype == np.float64:
        target = target.astype(dtype)
    if any(each.takes_scores for each in asked.losses):
        given["input"] = input or "logits"
        if input == "probs" and not isinstance(pred, tuple):
            pred = _probabilities(pred, classes=given.get("layout") in ("NC", "NCHW"))
    pred = tuple(side.astype(dtype) for side in pred) if isinstance(pred, tuple) else pred.astype(dtype)
    return Case(asked, pred, target, given | dict(options))


def _probabilities(logits: Array, classes: bool) -> Array:
    shares: Array = np.exp(logits)
    shares /= shares.sum(axis=1, keepdims=True) if classes else 1 + shares
    return shares


Made = tuple[Pred, Array | None, dict[str, Any]]
Maker = Callable[[np.random.Generator, Asked, int, str], Made]


def boxes(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Return predictions near their targets: nine of ten overlap, as after a detector's matching."""
    corner, size = rng.uniform(0, 600, (n, 2)), rng.uniform(4, 120, (n, 2))
    target = np.concatenate([corner, corner + size], axis=1)
    moved, scaled = corner + rng.normal(0, 0.3, (n, 2)) * size, size * rng.uniform(0.6, 1.6, (n, 2))
    return np.concatenate([moved, moved + scaled], axis=1), target


def _boxes(rng: np.random.Generator, asked: Asked, size: int, layout: str) -> Made:
    return *boxes(rng, size), {}


def _rotated(rng: np.random.Generator, asked: Asked, size: int, layout: str) -> Made:
    sides = []
    for corners in boxes(rng, size):
        low, high = corners[:, :2], corners[:, 2:]
        sides.append(np.column_stack([(low + high) / 2, high - low, rng.normal(0.5, 0.2, len(corners))]))
    return sides[0], sides[1], {}


def _ranking(rng: np.random.Generator, asked: Asked, size: int, layout: str) -> Made:
    loss = asked.losses[0]
    rows = size if loss.shape == "scores" else max(1, size // (WIDTH * len(loss.sides)))
    sides = tuple(rng.normal(0, 1, (rows, WIDTH)[: 1 + (loss.shape == "embeddings")]) for _ in loss.sides)
    defaults = [parameter.default for parameter in loss.parameters]
    others = [1.0] * (len(loss.data) - 1)
    y = [y for y in (-1.0, 0.0, 1.0) if loss.inside is not None and loss.inside(*others, y, *defaults)]
    return sides if len(sides) > 1 else sides[0], rng.choice(y, rows) if loss.has_target else None, {}


def _numbers(rng: np.random.Generator, asked: Asked, size: int, layout: str) -> Made:
    target = rng.normal(0, 2, size)
    pred = target + rng.normal(0, 1.5, size)
    # Not every loss is defined for any number: some need positive ones, some -1 or 1 for a target.
    function = LossFunction(asked)
    for sides in ((pred, target), (np.abs(pred), np.abs(target)), (pred, np.where(target < 0, -1.0, 1.0))):
        try:
            function(*(side[:1000] for side in sides))
        except DataError:
            continue
        return *sides, {}
    raise UsageError(f"no random data suit {asked.name}", hint="--data PRED TARGET")


def _binary(rng: np.random.Generator, asked: Asked, size: int, layout: str) -> Made:
    return rng.normal(0, 2, size), (rng.random(size) < 0.3).astype(np.float64), {}


def _classes(rng: np.random.Generator, asked: Asked, size: int, layout: str) -> Made:
    loss = asked.losses[0]
    pred = _scores(rng, size, layout)
    options = {"layout": layout}
    if not loss.has_target:
        return pred, None, options
    if "class_weight" in loss.data:
        return pred, _labels(rng, pred), options
    other = rng.normal(0, 2, pred.shape)
    return pred, other if loss.target_input == "logits" else _probabilities(other, classes=True), options


def _regions(rng: np.random.Generator, asked: Asked, size: int, layout: str) -> Made:
    options = {"layout": layout, "aggregate": "per-image"}
    if layout == "NCHW":
        pred = _scores(rng, size, layout)
        return pred, _labels(rng, pred), options
    pred = rng.normal(0, 2, (IMAGES, *_sides(size)))
    return pred, (rng.random(pred.shape) < 0.3).astype(np.uint8), options


def _scores(rng: np.random.Generator, size: int, layout: str) -> Array:
    rows = max(2, size // CLASSES)
    return rng.normal(0, 2, (rows, CLASSES) if layout == "NC" else (IMAGES, CLASSES, *_sides(rows)))


def _labels(rng: np.random.Generator, scores: Array) -> Array:
    return rng.integers(0, CLASSES, (scores.shape[0], *scores.shape[2:]))


def _sides(pixels: int) -> tuple[int, int]:
    """Return height and width of images that have about so many pixels in all."""
    height = max(2, int((pixels / IMAGES) ** 0.5))
    return height, max(2, pixels // (IMAGES * height))


# A new shape of data is one entry here.
MAKERS: dict[str, Maker] = {
    "boxes": _boxes, "rotated": _rotated, "numbers": _numbers, "binary": _binary, "classes": _classes,
    "regions": _regions, "scores": _ranking, "embeddings": _ranking,
}  # fmt: skip
# Where one loss reads its data in several ways; "" stands for the only one.
LAYOUTS: dict[str, tuple[str, ...]] = {"classes": ("NC", "NCHW"), "regions": ("NHW", "NCHW")}
# The losses that are timed of probabilities as well: nothing of them is computed, all of the time is reading.
OF_PROBABILITIES = ("dice", "jaccard")

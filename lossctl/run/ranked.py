"""Losses of several sides, scores and rows of embeddings: their reading, their walk through the data, their sinks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from lossctl.engine.sums import BLOCK, tile_width
from lossctl.errors import DataError
from lossctl.loss import Loss
from lossctl.requests import Request
from lossctl.run.options import Options
from lossctl.run.reading import Dims, Reading, shown
from lossctl.run.walk import Chunk, SummedWalk, given, room
from lossctl.run.workers import Workers

if TYPE_CHECKING:
    from lossctl.run.sides import Sides

SHAPES = ("scores", "embeddings")


class Sink(Protocol):
    """What takes the gradient by one side."""

    def begin(self, shape: tuple[int, ...]) -> None:
        """Get ready for that many numbers."""

    def append(self, flat: Any) -> None:
        """Take the next numbers."""


class Apart:
    """Takes the gradients of all sides at once and hands each to a sink of its own."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        """Hold one sink for each side."""
        self.sinks = sinks

    def begin(self, shapes: tuple[tuple[int, ...], ...]) -> None:
        """Begin each with its own shape."""
        for sink, shape in zip(self.sinks, shapes, strict=True):
            sink.begin(shape)

    def append(self, flats: Sequence[Any]) -> None:
        """Hand out the next numbers."""
        for sink, flat in zip(self.sinks, flats, strict=True):
            sink.append(flat)


def read_ranked(loss: Loss, sides: Sides) -> Reading:
    """Return the reading of sides that have to agree. Raises DataError with all their shapes when they do not."""
    shapes = [side.shape(loss.shape) for side in sides.preds]
    known = [] if sides.target is None else [sides.target.shape(loss.shape)]
    width: int | None = 1
    if loss.shape == "embeddings":
        if any(len(shape) != 2 for shape in shapes):
            raise _differ(loss, sides, "rows of embeddings are N×D")
        if any(shape[1] != shapes[0][1] for shape in shapes):
            raise _differ(loss, sides, "the rows of all sides have to be equally long")
        width = shapes[0][1]
        # One y a row may stand in a column.
        shapes, known = [shape[:1] for shape in shapes], [shape[:1] if shape[1:] == (1,) else shape for shape in known]
    if not all(_agree(shapes[0], shape) for shape in shapes[1:] + known):
        raise _differ(loss, sides, "item i of one side belongs to item i of the others; nothing is broadcast")
    items = next((math.prod(map(int, shape)) for shape in shapes + known if None not in shape), None)  # type: ignore[arg-type]
    return Reading("items", "same" if known else "none", 1, items, width or 1, shape=shapes[0])


def _agree(one: Dims, other: Dims) -> bool:
    return len(one) == len(other) and all(m == n or None in (m, n) for m, n in zip(one, other, strict=True))


def _differ(loss: Loss, sides: Sides, hint: str) -> DataError:
    told = ", ".join(f"{side.role} {shown(side.shape(loss.shape))}" for side in sides.compared)
    return DataError(f"the sides of {loss.name} do not fit: {told}", hint=hint)


class RankedWalk(SummedWalk):
    """Scores, and rows of embeddings."""

    def __init__(self, request: Request, reading: Reading, options: Options, workers: Workers) -> None:
        """A unit is a row of `classes` numbers on each side."""
        super().__init__(request, reading, options, workers)
        self.per_pred = reading.classes
        self.per_target = int(reading.target == "same")
        self.block = BLOCK if self.loss.shape == "scores" else tile_width(reading.classes)

    def step(self, chunk: Chunk, factor: float, values: bool, slopes: bool) -> tuple[int, Any]:
        """Compute a chunk of rows."""
        scores = self.loss.shape == "scores"
        fast, (kernel,) = self.kernels(("", "", "", *self.rules) if scores else (), chunk)
        blocks = -(-chunk.units // self.block)
        sums, masses = self.room_for_sums(fast, blocks)
        out = room(fast, chunk.units) if values else None
        portions = room(fast, chunk.units) if values and self.ledger is not None else None
        flats = (chunk.pred, *chunk.more)
        by = tuple(self.room_for_slopes(fast, *map(len, flats))) if slopes else None
        sides = tuple(given(fast, flat) for flat in flats)
        target = given(fast, chunk.target) if self.per_target else None
        rows = (chunk.units,) if scores else (chunk.units, self.per_pred, self.block)
        check = () if scores else (self.nonfinite,)
        weights = given(fast, self.weights_of(chunk))

        counts = self.spread(
            fast, blocks, kernel,
            *rows, sides, target, self.ignore, *check, weights, self.params, factor, sums, masses, out, portions, by,
        )  # fmt: skip
        bad = self.keep(counts, sums, masses, chunk.units)
        if values and not bad:
            self.written(chunk, out, portions, weights)
        return bad, by if by is None or len(by) > 1 else by[0]

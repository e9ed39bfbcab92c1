"""The walk of rows of class scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lossctl.engine.sums import tile_width
from lossctl.requests import Request
from lossctl.run.options import Options
from lossctl.run.reading import Reading
from lossctl.run.walk import Chunk, SummedWalk, given, room
from lossctl.run.workers import Workers

if TYPE_CHECKING:
    from lossctl.run.sides import Flat


class RowsWalk(SummedWalk):
    """Rows of class scores, in any layout."""

    def __init__(self, request: Request, reading: Reading, options: Options, workers: Workers) -> None:
        """Where the scores of a row lie together a unit is a row, else an image."""
        super().__init__(request, reading, options, workers)
        classes = reading.classes
        self.width = tile_width(classes)
        self.inner = 1 if reading.rows_first else int(reading.inner or 0)
        self.block = self.width if reading.rows_first else 1
        self.per_pred = classes * self.inner
        self.per_weight = self.inner
        self.per_target = {"labels": self.inner, "mask": self.inner, "none": 0}.get(reading.target, self.per_pred)
        self.weights_of_classes = class_weights(options.class_weights, classes)

    def step(self, chunk: Chunk, factor: float, values: bool, slopes: bool) -> tuple[int, Any]:
        """Compute a chunk of rows."""
        source = self.loss.target_input or self.source
        if source == "probs" and self.loss.convention is not None and self.loss.convention.normalizes:
            source = "normalized"
        fast, (kernel,) = self.kernels((source, self._target(source)), chunk)
        images, inner = (1, chunk.units) if self.reading.rows_first else (chunk.units, self.inner)
        grid = self.reading.grid(images, inner)
        blocks = images * -(-inner // self.width)
        items = images * inner
        sums, masses = self.room_for_sums(fast, blocks)
        out = room(fast, items) if values else None
        portions = room(fast, items) if values and self.ledger is not None else None
        by = self.room_for_slopes(fast, len(chunk.pred))[0] if slopes else None
        pred, target, weights = given(fast, chunk.pred), given(fast, chunk.target), given(fast, self.weights_of(chunk))
        class_weights = given(fast, self.weights_of_classes)
        heat = self.settings.get("temperature")
        temperature = None if heat is None else float(heat)
        # A single probability need not sum to 1.
        tolerances = (tolerance(chunk.pred), tolerance(chunk.target)) if self.reading.classes > 1 else (0.0, 0.0)

        counts = self.spread(
            fast, blocks, kernel,
            grid, self.width, pred, target, class_weights, self.ignore, self.nonfinite, weights,
            temperature, tolerances, self.params, factor, sums, masses, out, portions, by,
        )  # fmt: skip
        bad = self.keep(counts, sums, masses, items)
        if values and not bad:
            self.written(chunk, out, portions, weights)
        return bad, by

    def _target(self, source: str) -> str:
        """Return what the targets are to the kernel: a `label` where only its class adds to the loss."""
        alone = self.loss.alone is not None and self.loss.alone(**self.settings)
        return "label" if (source, self.reading.target, alone) == ("logits", "labels", True) else self.reading.target


def tolerance(flat: Flat) -> float:
    """Return how far from 1 the sum of a distribution may be, for numbers of that type."""
    return 1e-6 if isinstance(flat, list) or flat.dtype.itemsize != 4 else 1e-3


def class_weights(given: Sequence[float] | None, classes: int) -> list[float]:
    """Return one weight per class. Raises UsageError when there are not as many, or one is negative."""
    from lossctl.errors import UsageError

    if given is None:
        return [1.0] * classes
    weights = [float(w) for w in given]
    if len(weights) != classes:
        raise UsageError(f"{len(weights)} class weights for {classes} classes")
    if not all(0 <= w < math.inf for w in weights) or not any(weights):
        raise UsageError(f"class weights are {', '.join(f'{w:g}' for w in weights)}", hint="none negative, not all 0")
    return weights

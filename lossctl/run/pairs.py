"""Every prediction against every target: the matrix of their losses, or its mean or sum.

The pairs are walked in the order of the matrix, row after row, in the very kernels that compare item i with item i, so
a pair costs and is what it is there. Only the boxes are held in memory, and a piece of the matrix.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lossctl.data.memory import claim
from lossctl.data.source import Source
from lossctl.engine.sums import BLOCK
from lossctl.errors import LimitError, UsageError
from lossctl.loss import Loss, find
from lossctl.requests import Request
from lossctl.run.checks import check
from lossctl.run.finish import finish_summed
from lossctl.run.options import Options
from lossctl.run.reading import Reading, read
from lossctl.run.refuse import refuse
from lossctl.run.result import Result
from lossctl.run.sides import Side, joined
from lossctl.run.walk import Chunk, ItemsWalk, added, given, room
from lossctl.run.workers import Workers

if TYPE_CHECKING:
    from lossctl.run.sides import Flat

# Pairs that are computed between two writes: whole blocks, so that sums do not depend on where a row ends.
PIECE = 1 << 20
# Pairs whose boxes a thread lays side by side at once: they and their losses stay in its cache.
TILE = BLOCK
# More pairs than this are not held in memory without being asked for.
HELD = 1 << 27


class Sink(Protocol):
    """What takes a matrix: first its shape, then its numbers, row after row."""

    def begin(self, shape: tuple[int, ...]) -> None:
        """Get ready for that many numbers."""

    def append(self, flat: Any) -> None:
        """Take the next numbers: a list of floats or a float64 array."""


class Held:
    """A matrix that is kept in memory: as an array, or as rows of a list where little was computed.

    Raises LimitError for one of more than `most` numbers, or of more than `max_memory` bytes.
    """

    most = HELD
    max_memory: int | None = None
    told = "too many to hold in memory"
    hint = "write the matrix to a file: -o matrix.npy"

    def begin(self, shape: tuple[int, ...]) -> None:
        """Look at the size; room is made when the first numbers come."""
        self._shape, self._done = shape, 0
        self._flat: Any = []
        if shape[0] * shape[1] > self.most:
            raise LimitError(f"{shape[0]}x{shape[1]} losses are {self.told}", hint=self.hint)
        claim(8 * shape[0] * shape[1], self.max_memory, f"a matrix of {shape[0]}x{shape[1]} losses", self.hint)

    def append(self, flat: Any) -> None:
        """Keep a piece."""
        if isinstance(flat, list):
            self._flat += flat
            return
        import numpy as np

        if not self._done:
            self._flat = np.empty(self._shape[0] * self._shape[1])
        self._flat[self._done : self._done + len(flat)] = flat
        self._done += len(flat)

    def rows(self) -> Any:
        """Return the matrix."""
        width = self._shape[1]
        if isinstance(self._flat, list):
            return [self._flat[start : start + width] for start in range(0, len(self._flat), width)]
        return self._flat.reshape(self._shape)


class PairsWalk(ItemsWalk):
    """Boxes on both sides, all in memory, every one against every other."""

    def __init__(
        self, request: Request, reading: Reading, options: Options, workers: Workers, pred: Flat, target: Flat
    ) -> None:
        """Count the boxes; pair p is prediction p // columns with target p % columns."""
        super().__init__(request, reading, options, workers)
        self.pred, self.target = pred, target
        self.rows, self.columns = len(pred) // self.per_pred, len(target) // self.per_target
        self.count = self.rows * self.columns
        # The matrix is not kept here.
        self.values = [[]]

    def pieces(self, values: bool) -> Iterator[Any]:
        """Compute all pairs; yield their losses (NaN for those left out) piece by piece, or None if not asked for.

        The next piece is computed while the last one is used.
        """
        pieces = (self.pairs(first, min(PIECE, self.count - first), values) for first in range(0, self.count, PIECE))
        return self.workers.ahead(pieces) if values and self.count > PIECE else pieces

    def pairs(self, first: int, count: int, values: bool) -> Any:
        """Compute that many pairs from a multiple of a block on, and keep their sums; return their losses or None."""
        reading = ("", *self.formats, *self.rules)
        fast, (kernel,) = self.choose(reading, count * self.per_pred, self.pred)
        blocks = -(-count // BLOCK)
        sums, masses = self.room_for_sums(fast, blocks)
        out = room(fast, count) if values else None

        def work(lo: int, hi: int) -> list[int]:
            counts = []
            for block in range(lo, hi, TILE // BLOCK):
                start, stop = block * BLOCK, min(count, hi * BLOCK, block * BLOCK + TILE)
                tile = -(-(stop - start) // BLOCK)
                found = kernel(
                    0, tile, stop - start, *self._beside(first + start, stop - start), self.ignore, None, self.params,
                    1.0, sums[block : block + tile], None if masses is None else masses[block : block + tile],
                    None if out is None else out[start:stop], None, None,
                )  # fmt: skip
                counts.append(found)
            return added(counts)

        if fast:
            counts = self.workers.spread(blocks, work)
        else:
            pred, target = self._written_out(first, count)
            fed = (count, pred, target, self.ignore, None, self.params, 1.0, sums, masses, out, None, None)
            counts = [kernel(0, blocks, *fed)]
        self.keep(counts, sums, masses, count)
        return out

    def _written_out(self, first: int, count: int) -> tuple[list[float], list[float]]:
        """Return the two boxes of each pair as lists."""
        pred, target = given(False, self.pred), given(False, self.target)
        n, m = self.per_pred, self.per_target
        places = [divmod(pair, self.columns) for pair in range(first, first + count)]
        return (
            [x for i, _ in places for x in pred[n * i : n * (i + 1)]],
            [x for _, j in places for x in target[m * j : m * (j + 1)]],
        )

    def _beside(self, first: int, count: int) -> tuple[Any, Any]:
        """Return the two boxes of each pair of a tile, as arrays."""
        import numpy as np

        row, column = divmod(first, self.columns)
        last = (first + count - 1) // self.columns
        times = np.full(last - row + 1, self.columns)
        times[0] -= column
        times[-1] -= (last + 1) * self.columns - first - count
        pred = np.repeat(self.table[row : last + 1], times, axis=0)
        return pred.reshape(-1), self.cycle[self.per_target * column : self.per_target * (column + count)]

    @functools.cached_property
    def table(self) -> Any:
        """The predictions as an array, one a row."""
        import numpy as np

        return np.asarray(self.pred, np.float64).reshape(-1, self.per_pred)

    @functools.cached_property
    def cycle(self) -> Any:
        """The targets, and as many of them again as a tile may run beyond the last: those of any tile lie together."""
        import numpy as np

        return np.resize(np.asarray(self.target, np.float64), self.per_target * (self.columns + TILE))


class Boxes(NamedTuple):
    """Both sides of a comparison, read: where they come from, and their numbers."""

    sides: tuple[Side, Side]
    flats: tuple[Flat, Flat]

    @classmethod
    def of(cls, pred: Source, target: Source, losses: Sequence[Loss], options: Options) -> Boxes:
        """Read all boxes; raises DataError for what cannot be read or has no boxes for these losses."""
        sides = Side(pred, "pred"), Side(target, "target")
        for loss in losses:
            read(loss, sides[0].shape(loss.shape), sides[1].shape(loss.shape), options)
        native = options.arithmetic == "native"
        return cls(sides, (_whole(sides[0], native, options.most), _whole(sides[1], native, options.most)))

    def reading(self, loss: Loss, options: Options) -> Reading:
        """Return how a loss reads them."""
        return read(loss, self.sides[0].shape(loss.shape), self.sides[1].shape(loss.shape), options)


def _whole(side: Side, native: bool, most: int | None) -> Flat:
    """Return all numbers of a side: a list, or a float64 array so that one kernel fits all files; or as they are."""
    count = 0 if None in side.source.shape else math.prod(n for n in side.source.shape if n is not None)
    parts: list[Flat] = []
    for part in side.flat(PIECE):
        # As they are read, as one array, and as one of float64.
        need = 3 * 8 * max(count, PIECE * len(parts))
        claim(need, most, f"all boxes of the {side.role}", "fewer at a time", side.source.path)
        parts.append(part)
    flat = joined(parts) if parts else []
    if native or isinstance(flat, list):
        return flat
    import numpy as np

    return np.asarray(flat, np.float64)


def evaluate_pairs(
    asked: Sequence[Request], pred: Source, target: Source | None, options: Options, sinks: Sequence[Sink] = ()
) -> list[Result]:
    """Return the result of each request over all pairs.

    Under reduction `none` its values are the matrix, row i for prediction i and column j for target j, with NaN where a
    pair is left out; or, where `sinks` are given, the matrix of each request goes there and the result has no values.
    Raises UsageError for options, DataError for boxes that are not valid, LimitError for a matrix that is too large to
    be held.
    """
    losses = [request.loss for request in asked]
    check(losses, options, target is not None)
    assert target is not None
    if options.weights is not None:
        raise UsageError("weights with pairs", hint="weights belong to items; of all pairs each counts once")
    boxes = Boxes.of(pred, target, losses, options)
    with Workers(options.workers) as workers:
        degenerate = checked(asked[0], boxes, options, workers)
        found = [
            _result(_settled(request, boxes, options, workers), boxes, options, workers, sink)
            for request, sink in itertools.zip_longest(asked, sinks)
        ]
    inputs = tuple(side.described() for side in boxes.sides)
    return [replace(result, degenerate=degenerate, inputs=inputs) for result in found]


def _settled(request: Request, boxes: Boxes, options: Options, workers: Workers) -> Request:
    """Replace settings of `auto` by the mean of a loss over all pairs."""
    plain = replace(options, reduction="mean", normalizer=None)
    for name, of in request.loss.auto.items():
        if request.settings[name] == "auto":
            mean = _result(Request.of(find(of), {}), boxes, plain, workers, None).value
            request = Request(request.loss, {**request.settings, name: mean})
    return request


def checked(request: Request, boxes: Boxes, options: Options, workers: Workers) -> int:
    """Return how many boxes of both sides are degenerate. Raises DataError that names the first invalid one.

    Each box is looked at once, beside a box that is neither; the parameters of the loss make no difference.
    """
    settings = {name: 0.0 if setting == "auto" else setting for name, setting in request.settings.items()}
    request = Request(request.loss, settings)
    walk = ItemsWalk(request, boxes.reading(request.loss, options), options, workers)
    widths = walk.per_pred, walk.per_target
    # A box of size 1 at the origin in every format; what numbers a box has beyond four, such as an angle, are 0.
    units = [[0.0, 0.0, 1.0, 1.0, *[0.0] * (width - 4)] for width in widths]
    for place, flat in enumerate(boxes.flats):
        size = PIECE * widths[place]
        for start in range(0, len(flat), size):
            part = flat[start : start + size]
            count = len(part) // widths[place]
            other = _times(units[1 - place], count, part)
            chunk = Chunk(start // widths[place], count, *((other, part) if place else (part, other)), None)
            if walk.step(chunk, 1.0, values=False, slopes=False)[0]:
                refuse(walk, chunk, *boxes.sides)
    return walk.degenerate


def _times(box: list[float], count: int, like: Flat) -> Flat:
    """Return a box so many times, as a list or an array."""
    if isinstance(like, list):
        return box * count
    import numpy as np

    return np.tile(box, count)


def _result(request: Request, boxes: Boxes, options: Options, workers: Workers, sink: Sink | None) -> Result:
    """Return the result of one loss over boxes that are valid."""
    walk = PairsWalk(request, boxes.reading(request.loss, options), options, workers, *boxes.flats)
    for side, count in zip(boxes.sides, (walk.rows, walk.columns), strict=True):
        if not count:
            raise side.fault("no boxes", "there are no pairs")
    if options.reduction != "none":
        for _ in walk.pieces(values=False):
            pass
        return finish_summed(walk)
    held = Held() if sink is None else None
    taking = held or sink
    if isinstance(taking, Held):
        taking.max_memory = options.most
    assert taking is not None
    taking.begin((walk.rows, walk.columns))
    for values in walk.pieces(values=True):
        taking.append(values)
    return replace(finish_summed(walk), values=held and held.rows())

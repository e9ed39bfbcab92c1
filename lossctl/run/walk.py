"""Walks chunks of data through the kernels of one loss and keeps the sums of their blocks."""

from __future__ import annotations

import copy
import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from lossctl.convention import Counted
from lossctl.engine import adapt
from lossctl.engine.kernels import choose
from lossctl.engine.spread import ERROR, PROPAGATE, SKIP
from lossctl.engine.sums import BLOCK, exact
from lossctl.parameters import Setting
from lossctl.requests import Request
from lossctl.run.digits import distilled
from lossctl.run.foreground import Foreground, weigh
from lossctl.run.ledger import Ledger, Portion
from lossctl.run.options import Options
from lossctl.run.reading import Reading
from lossctl.run.workers import Workers

if TYPE_CHECKING:
    from lossctl.run.sides import Flat

NOTHING = math.nan
# Of ranges of blocks: items used, degenerate, infinite, invalid, weightless.
Counts = Sequence[Sequence[int]]


class Chunk:
    """Some units of data: flat prediction, target and weights, the number of the first unit, more predictions."""

    def __init__(
        self, first: int, units: int, pred: Flat, target: Flat, weights: Flat | None, more: Sequence[Flat] = ()
    ) -> None:
        """Hold them."""
        self.first, self.units, self.pred, self.target, self.weights = first, units, pred, target, weights
        self.more = more


class Walk(ABC):
    """One loss on its way through the data.

    A unit is what chunks are counted in: a number, a box, a row of scores or an image. `per_pred`, `per_target` and
    `per_weight` are numbers per unit; `chunk` units are read at once, always whole blocks.
    """

    per_pred = 1
    per_target = 1
    per_weight = 1
    block = BLOCK

    def __init__(self, request: Request, reading: Reading, options: Options, workers: Workers) -> None:
        """Prepare; nothing is compiled yet."""
        self.loss, self.settings = request.loss, request.settings
        self.reading, self.options, self.workers = reading, options, workers
        self.ignore = NOTHING if options.ignore_index is None else float(options.ignore_index)
        # What item kernels need to know of NaN, infinities and targets to ignore when they are built.
        self.rules = options.nonfinite, "" if options.ignore_index is None else "ignore"
        self.nonfinite = {"error": ERROR, "skip": SKIP, "propagate": PROPAGATE}[options.nonfinite]
        self.source = options.input or ""
        self.native = False
        # Of all chunks, once they are compiled.
        self.compiled: tuple[Callable[..., Any], ...] | None = None
        # What has room for slopes where they are to end up: arrays of a type and of these sizes.
        self.landing: Callable[..., Sequence[Any]] | None = None
        self.begin()

    def begin(self) -> None:
        """Know nothing of any data."""
        self.used = self.seen = self.degenerate = self.infinite = self.weightless = 0
        self.values: list[Any] = []

    def afresh(self) -> Self:
        """Return a walk of the same kind that is at its beginning."""
        walk = copy.copy(self)
        walk.begin()
        return walk

    @functools.cached_property
    def params(self) -> tuple[float, ...]:
        """The settings that kernels take as arguments."""
        return adapt.numbers(self.settings, adapt.static_names(self.loss, self.settings))

    def chunk(self, numbers: int) -> int:
        """Return how many units make a chunk of about that many numbers."""
        return max(1, numbers // self.per_pred // self.block) * self.block

    @abstractmethod
    def step(self, chunk: Chunk, factor: float, values: bool, slopes: bool) -> tuple[int, Any]:
        """Compute a chunk; return how many of its items are invalid, and the slopes if they are asked for."""

    def spread(self, fast: bool, blocks: int, kernel: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Let a kernel do all blocks: in several threads if it is compiled, else in this one; return what it counted.

        That is a tuple for each of the ranges that the blocks were cut to.
        """
        if not fast:
            return [kernel(0, blocks, *arguments)]
        if hasattr(kernel, "bound"):
            return self.workers.spread(blocks, kernel.bound(*arguments))
        return self.workers.spread(blocks, lambda lo, hi: kernel(lo, hi, *arguments))

    def room_for_slopes(self, fast: bool, *sizes: int) -> Sequence[Any]:
        """Return room that a kernel fills completely, for the slopes of each side, in the precision they come in."""
        if not fast:
            return [[0.0] * size for size in sizes]
        import numpy as np

        dtype = np.dtype(np.float32 if self.native else np.float64)
        if self.landing is not None:
            return self.landing(dtype, *sizes)
        return [np.empty(size, dtype) for size in sizes]

    def kernels(self, reading: tuple[str, ...], chunk: Chunk) -> tuple[bool, tuple[Callable[..., Any], ...]]:
        """Return whether to compile, and the kernels for this chunk."""
        return self.choose(reading, len(chunk.pred), chunk.pred, *chunk.more)

    def choose(self, reading: tuple[str, ...], size: int, *preds: Flat) -> tuple[bool, tuple[Callable[..., Any], ...]]:
        """Return whether to compile, and the kernels: in single precision where that is asked for and data have it."""
        if self.compiled is not None:
            return True, self.compiled
        if self.options.arithmetic == "native" and not self.loss.whole:
            self.native = all(not isinstance(pred, list) and pred.dtype.itemsize == 4 for pred in preds)
        fast, kernels = choose(self.loss, self.settings, reading, size, self.native)
        self.compiled = kernels if fast else None
        return fast, kernels


def room(fast: bool, size: int, whole: bool = False) -> Any:
    """Return zeros for a kernel to write to: an array, or a list for an interpreted kernel."""
    if not fast:
        return [0] * size if whole else [0.0] * size
    import numpy as np

    return np.zeros(size, np.int64 if whole else np.float64)


def given(fast: bool, flat: Flat | None) -> Any:
    """Return numbers as a kernel takes them: an array, or a list for an interpreted kernel."""
    if flat is None:
        return None
    if not fast:
        return flat if isinstance(flat, list) else flat.tolist()
    import numpy as np

    return np.asarray(flat, np.float64) if isinstance(flat, list) else flat


class SummedWalk(Walk):
    """A loss whose items are added up: numbers, binary scores, boxes, rows of class scores."""

    def __init__(self, request: Request, reading: Reading, options: Options, workers: Workers) -> None:
        """Find out what is to be known of single items."""
        super().__init__(request, reading, options, workers)
        # How many entries the first axis of the prediction has, which labels may be given for.
        self.labelled = reading.shape[0] if reading.shape else None
        self.by_class = isinstance(options.group_by, str) and options.group_by == "class"

    def begin(self) -> None:
        """Start with no sums."""
        super().begin()
        self.losses: list[float] = []
        self.shares: list[float] = []
        self.ledger = Ledger() if self.options.by_item else None
        # Where only some items count in the end, the weights of all in a second pass.
        self.chosen: Any = None
        self.whole: Portion | None = None

    def weights_of(self, chunk: Chunk) -> Any:
        """Return the weights of a chunk's items: those given, those of the scheme, or of the items that were chosen."""
        per_unit = self.per_weight
        if isinstance(self.options.weights, Foreground) and self.chosen is None:
            return weigh(self, chunk, self.options.weights.power)
        return chunk.weights if self.chosen is None else self.chosen[chunk.first * per_unit :][: chunk.units * per_unit]

    def classes_of(self, chunk: Chunk) -> Any:
        """Return the class of each item of a chunk: its label, or where its target is a share, the likeliest."""
        import numpy as np

        target, classes = np.asarray(chunk.target), self.reading.classes
        if self.reading.target == "labels":
            return target.astype(np.int64)
        if classes == 1:
            return (target >= 0.5).astype(np.int64)
        rows = target.reshape(-1, classes) if self.reading.rows_first else target.reshape(chunk.units, classes, -1)
        return rows.argmax(axis=1).ravel()

    def written(self, chunk: Chunk, values: Any, portions: Any, weights: Any) -> None:
        """Keep what was computed of each item of a chunk."""
        if self.ledger is not None and portions is not None:
            labels = self.classes_of(chunk) if self.by_class else None
            self.ledger.add(values, portions, weights, labels)
        elif values is not None:
            self.values.append(self.kept(values, chunk.target))

    def room_for_sums(self, fast: bool, blocks: int) -> tuple[Any, Any]:
        """Return room for the sums of blocks, and for those of weights; None where each item counts for 1."""
        weighed = self.loss.weight is not None or self.options.weights is not None or self.chosen is not None
        return room(fast, blocks), room(fast, blocks) if weighed else None

    def keep(self, counts: Counts, sums: Any, masses: Any, units: int) -> int:
        """Add the counts and sums of a chunk; return how many items were invalid."""
        used, flat, infinite, bad, weightless = added(counts)
        self.losses += listed(sums)
        self.shares += [float(used)] if masses is None else listed(masses)
        self.losses, self.shares = distilled(self.losses), distilled(self.shares)
        self.used += used
        self.seen += units
        self.degenerate += flat
        self.infinite += infinite
        self.weightless += weightless
        return bad

    def kept(self, values: Any, target: Flat) -> Any:
        """Return the values of the items that count; a kernel marks the others with NaN."""
        if self.options.nonfinite == "propagate":
            # Here a NaN may be a value: the targets tell.
            if math.isnan(self.ignore):
                return values
            if isinstance(values, list):
                return [value for value, y in zip(values, target, strict=True) if y != self.ignore]
            return values[target != self.ignore]
        if self.options.nonfinite == "error" and math.isnan(self.ignore):
            return values
        if isinstance(values, list):
            return [value for value in values if value == value]
        return values[values == values]

    def total(self) -> float:
        """Return Σ weight · loss."""
        return exact(self.losses)

    def share(self) -> float:
        """Return what the items count for in the mean."""
        convention, reading = self.loss.convention, self.reading
        if convention is None or convention.divisor is None:
            return exact(self.shares)
        ignoring = self.options.ignore_index is not None
        counted = Counted(self.used, self.seen, reading.shape, reading.classes, reading.target, ignoring)
        theirs = convention.divisor(counted)
        return exact(self.shares) if theirs is None else theirs


class ItemsWalk(SummedWalk):
    """Numbers, binary scores and boxes: item i of one side against item i of the other."""

    def __init__(self, request: Request, reading: Reading, options: Options, workers: Workers) -> None:
        """Boxes are several numbers an item, everything else is one."""
        super().__init__(request, reading, options, workers)
        self.per_pred = self.per_target = self.loss.per_item
        formats = {"boxes": options.formats, "rotated": (options.angle, options.angle)}
        self.formats = formats.get(self.loss.shape, ("", ""))

    def step(self, chunk: Chunk, factor: float, values: bool, slopes: bool) -> tuple[int, Any]:
        """Compute a chunk of items."""
        source = self.source if self.loss.shape == "binary" else ""
        fast, (kernel,) = self.kernels((source, *self.formats, *self.rules), chunk)
        blocks = -(-chunk.units // BLOCK)
        sums, masses = self.room_for_sums(fast, blocks)
        out = room(fast, chunk.units) if values else None
        portions = room(fast, chunk.units) if values and self.ledger is not None else None
        by = self.room_for_slopes(fast, len(chunk.pred))[0] if slopes else None
        pred, target, weights = given(fast, chunk.pred), given(fast, chunk.target), given(fast, self.weights_of(chunk))

        counts = self.spread(
            fast, blocks, kernel,
            chunk.units, pred, target, self.ignore, weights, self.params, factor, sums, masses, out, portions, by,
        )  # fmt: skip
        bad = self.keep(counts, sums, masses, chunk.units)
        if values and not bad:
            self.written(chunk, out, portions, weights)
        return bad, by


def added(counts: Counts) -> list[int]:
    """Return the sums of what was counted in ranges of blocks."""
    return [sum(column) for column in zip(*counts, strict=True)]


def listed(numbers: Any) -> list[Any]:
    """Return the numbers that a kernel wrote as a list."""
    return numbers if isinstance(numbers, list) else numbers.tolist()


def settled(settings: dict[str, Setting]) -> list[Setting]:
    """Return the settings in the order in which a loss file's functions take them."""
    return list(settings.values())

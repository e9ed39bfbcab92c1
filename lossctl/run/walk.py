"""Walks chunks of data through the kernels of one loss and keeps the sums of their blocks."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lossctl.convention import Counted
from lossctl.engine import adapt
from lossctl.engine.kernels import choose
from lossctl.engine.loops import COUNTS
from lossctl.engine.spread import ERROR, PROPAGATE, SKIP
from lossctl.engine.sums import BLOCK, exact, tile_width
from lossctl.loss import Request, Setting
from lossctl.run.options import Options
from lossctl.run.reading import Reading
from lossctl.run.workers import Workers

if TYPE_CHECKING:
    from lossctl.run.sides import Flat

NOTHING = math.nan


class Chunk:
    """Some units of data: flat prediction, target and weights, and the number of the first unit."""

    def __init__(self, first: int, units: int, pred: Flat, target: Flat, weights: Flat | None) -> None:
        """Hold them."""
        self.first, self.units, self.pred, self.target, self.weights = first, units, pred, target, weights


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
        self.nonfinite = {"error": ERROR, "skip": SKIP, "propagate": PROPAGATE}[options.nonfinite]
        self.source = options.input or ""
        self.used = self.seen = self.degenerate = self.infinite = 0
        self.values: list[Any] = []

    def chunk(self, numbers: int) -> int:
        """Return how many units make a chunk of about that many numbers."""
        return max(1, numbers // self.per_pred // self.block) * self.block

    @abstractmethod
    def step(self, chunk: Chunk, factor: float, values: bool, slopes: bool) -> tuple[int, Any]:
        """Compute a chunk; return how many of its items are invalid, and the slopes if they are asked for."""

    def kernels(self, reading: tuple[str, ...], chunk: Chunk) -> tuple[bool, tuple[Callable[..., Any], ...]]:
        """Return whether to compile, and the kernels for this chunk."""
        return choose(self.loss, self.settings, reading, len(chunk.pred))


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
        """Start with no sums."""
        super().__init__(request, reading, options, workers)
        self.losses: list[float] = []
        self.shares: list[float] = []

    def keep(self, sums: Any, counts: Any, units: int) -> int:
        """Add the sums and counts of a chunk; return how many items were invalid."""
        sums, counts = _list(sums), _list(counts)
        used, flat, infinite, bad = (sum(counts[kind::COUNTS]) for kind in range(COUNTS))
        self.losses.extend(sums[0::2])
        self.shares.extend(sums[1::2])
        self.used += used
        self.seen += units
        self.degenerate += flat
        self.infinite += infinite
        return int(bad)

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
        """Boxes are four numbers an item, everything else is one."""
        super().__init__(request, reading, options, workers)
        self.boxes = self.loss.shape == "boxes"
        self.per_pred = self.per_target = 4 if self.boxes else 1
        self.formats = options.formats if self.boxes else ("", "")

    def step(self, chunk: Chunk, factor: float, values: bool, slopes: bool) -> tuple[int, Any]:
        """Compute a chunk of items."""
        source = self.source if self.loss.shape == "binary" else ""
        fast, (kernel,) = self.kernels((source, *self.formats, self.options.nonfinite), chunk)
        blocks = -(-chunk.units // BLOCK)
        sums, counts = room(fast, 2 * blocks), room(fast, COUNTS * blocks, whole=True)
        out = room(fast, chunk.units) if values else None
        by = room(fast, len(chunk.pred)) if slopes else None
        pred, target, weights = given(fast, chunk.pred), given(fast, chunk.target), given(fast, chunk.weights)
        params = adapt.numbers(self.settings, adapt.static_names(self.loss))

        def work(lo: int, hi: int) -> None:
            kernel(lo, hi, chunk.units, pred, target, self.ignore, weights, params, factor, sums, counts, out, by)

        (self.workers.spread if fast else _alone)(blocks, work)
        bad = self.keep(sums, counts, chunk.units)
        if values and not bad:
            self.values.append(self.kept(out, chunk.target))
        return bad, by


def _alone(blocks: int, work: Callable[[int, int], None]) -> None:
    work(0, blocks)


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
        fast, (kernel,) = self.kernels((source, self.reading.target), chunk)
        images, inner = (1, chunk.units) if self.reading.rows_first else (chunk.units, self.inner)
        grid = self.reading.grid(images, inner)
        blocks = images * -(-inner // self.width)
        items = images * inner
        sums, counts = room(fast, 2 * blocks), room(fast, COUNTS * blocks, whole=True)
        out = room(fast, items) if values else None
        by = room(fast, len(chunk.pred)) if slopes else None
        pred, target, weights = given(fast, chunk.pred), given(fast, chunk.target), given(fast, chunk.weights)
        class_weights = given(fast, self.weights_of_classes)
        params = adapt.numbers(self.settings, adapt.static_names(self.loss))
        temperature = float(self.settings.get("temperature") or 1.0)
        # A single probability need not sum to 1.
        tolerances = (tolerance(chunk.pred), tolerance(chunk.target)) if self.reading.classes > 1 else (0.0, 0.0)

        def work(lo: int, hi: int) -> None:
            kernel(
                lo, hi, grid, self.width, pred, target, class_weights, self.ignore, self.nonfinite, weights,
                temperature, tolerances, params, factor, sums, counts, out, by,
            )  # fmt: skip

        (self.workers.spread if fast else _alone)(blocks, work)
        bad = self.keep(sums, counts, items)
        if values and not bad:
            self.values.append(self.kept(out, chunk.target))
        return bad, by


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


class RegionsWalk(Walk):
    """Sums over the pixels of each image and class, and one ratio of them per image and class or per class."""

    def __init__(self, request: Request, reading: Reading, options: Options, workers: Workers) -> None:
        """One image can be cut anywhere if its pixels lie together; several are taken whole."""
        super().__init__(request, reading, options, workers)
        classes = reading.classes
        self.width = tile_width(classes)
        self.cut = reading.images == 1 and reading.rows_first
        self.inner = 1 if self.cut else int(reading.inner or 0)
        self.block = self.width if self.cut else 1
        self.per_pred = classes * self.inner
        self.per_target = self.inner if reading.target in ("labels", "mask") else self.per_pred
        self.names = self.loss.data
        # For each image and class: the sums of its blocks, one list a sum; pixels with a target; pixels won.
        self.sums: dict[int, list[list[list[float]]]] = {}
        self.there: dict[int, list[list[int]]] = {}
        softmax = reading.classes > 1
        self.activation = options.activation or ("softmax" if softmax else "sigmoid")
        if self.source == "probs":
            self.activation = "none"  # type: ignore[assignment]

    def _prepare(self, chunk: Chunk) -> tuple[bool, tuple[Callable[..., Any], ...], tuple[Any, ...], int]:
        fast, pair = self.kernels((self.activation, self.reading.target), chunk)
        images, inner = (1, chunk.units) if self.cut else (chunk.units, self.inner)
        one_hot = self.reading.target == "shares" and self.activation != "sigmoid"
        tolerances = 0.0, tolerance(chunk.target) if one_hot else 0.0
        squared = bool(self.settings.get("squared", False))
        pred, target = given(fast, chunk.pred), given(fast, chunk.target)
        common = (
            self.reading.grid(images, inner),
            self.width,
            pred,
            target,
            self.ignore,
            self.nonfinite,
            tolerances,
            squared,
        )
        return fast, pair, common, images * -(-inner // self.width)

    def step(self, chunk: Chunk, factor: float, values: bool, slopes: bool) -> tuple[int, Any]:
        """Add up a chunk's pixels."""
        fast, (kernel, _), common, blocks = self._prepare(chunk)
        images, _, classes, *_ = common[0]
        cells = blocks * classes
        n = len(self.names)
        sums, counts = room(fast, n * cells), room(fast, COUNTS * blocks, whole=True)
        presence = room(fast, 2 * cells, whole=True)

        def work(lo: int, hi: int) -> None:
            kernel(lo, hi, *common, sums, counts, presence)

        (self.workers.spread if fast else _alone)(blocks, work)
        counts = _list(counts)
        self.used += sum(counts[0::COUNTS])
        self.seen += images * common[0][1]
        per_image = blocks // images
        sums, presence = _list(sums), _list(presence)
        for image in range(images):
            number = 0 if self.cut else chunk.first + image
            kept_sums = self.sums.setdefault(number, [[[] for _ in range(n)] for _ in range(classes)])
            there = self.there.setdefault(number, [[0, 0] for _ in range(classes)])
            for block, c in itertools.product(range(image * per_image, (image + 1) * per_image), range(classes)):
                cell = block * classes + c
                for s in range(n):
                    kept_sums[c][s].append(sums[n * cell + s])
                there[c][0] += presence[2 * cell]
                there[c][1] += presence[2 * cell + 1]
        return sum(counts[3::COUNTS]), None

    def back(self, chunk: Chunk, by: Mapping[tuple[int, int], Sequence[float]]) -> Any:
        """Carry the slopes by the sums of each (image, class) back to a chunk's predictions."""
        fast, (_, kernel), common, blocks = self._prepare(chunk)
        images, _, classes, *_ = common[0]
        n = len(self.names)
        flat = room(fast, n * images * classes)
        for image, c in itertools.product(range(images), range(classes)):
            cell = by.get((0 if self.cut else chunk.first + image, c))
            for s in range(n) if cell is not None else ():
                flat[n * (image * classes + c) + s] = cell[s]  # type: ignore[index]
        slopes = room(fast, len(chunk.pred))

        def work(lo: int, hi: int) -> None:
            kernel(lo, hi, *common, flat, slopes)

        (self.workers.spread if fast else _alone)(blocks, work)
        return slopes

    def groups(self) -> list[tuple[list[tuple[int, int]], list[float], bool]]:
        """Return what each ratio is taken of: its (image, class) pairs, their sums, and whether it is absent."""
        found = []
        alone = self.options.aggregate not in ("global", "all")
        images = [[image] for image in self.sums] if alone else [list(self.sums)]
        background = self.options.include_background or self.reading.classes == 1
        numbers = range(0 if background else 1, self.reading.classes)
        classes = [list(numbers)] if self.options.aggregate == "all" else [[c] for c in numbers]
        for pooled in itertools.product(images, classes):
            cells = list(itertools.product(*pooled))
            sums = [
                exact(itertools.chain.from_iterable(self.sums[i][c][s] for i, c in cells))
                for s in range(len(self.names))
            ]
            present = any(self.there[i][c][kind] for i, c in cells for kind in (0, 1))
            found.append((cells, sums, not present))
        return found


def _list(numbers: Any) -> list[Any]:
    return numbers if isinstance(numbers, list) else numbers.tolist()


def settled(settings: dict[str, Setting]) -> list[Setting]:
    """Return the settings in the order in which a loss file's functions take them."""
    return list(settings.values())

"""Walks images through the kernels of a region loss: one value per image and class, or of what is pooled."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lossctl.engine.sums import MASK, exact, tile_width
from lossctl.errors import UsageError
from lossctl.requests import Request
from lossctl.run.bunches import bunch_size, bunched, counted
from lossctl.run.digits import distilled
from lossctl.run.options import Options
from lossctl.run.reading import Reading
from lossctl.run.result import Pooled
from lossctl.run.rows import tolerance
from lossctl.run.walk import Chunk, Counts, Walk, added, given, room, settled
from lossctl.run.workers import Workers

Cell = tuple[int, int]


class Outcome(NamedTuple):
    """The loss of some cells, pairs of image and class. Absent: no target, and no pixel is most likely of the class."""

    cells: list[Cell]
    loss: float
    absent: bool


class RegionsWalk(Walk):
    """Images on their way: one image can be cut anywhere if its pixels lie together; several are taken whole."""

    def __init__(self, request: Request, reading: Reading, options: Options, workers: Workers) -> None:
        """Find out what a unit is."""
        super().__init__(request, reading, options, workers)
        classes = reading.classes
        self.width = MASK if reading.target == "mask" and not self.loss.whole else tile_width(classes)
        self.cut = reading.images == 1 and reading.rows_first
        self.inner = 1 if self.cut else int(reading.inner or 0)
        self.bunch = bunch_size(self.width * classes)
        self.block = self.width * self.bunch if self.cut else 1
        self.per_pred = classes * self.inner
        self.per_target = self.inner if reading.target in ("labels", "mask") else self.per_pred
        self.activation: str = options.activation or ("softmax" if classes > 1 else "sigmoid")
        if self.source == "probs":
            self.activation = "none"
        # Before anything is read, if that is known.
        self.ask(reading.images or 1)

    def ask(self, images: int) -> None:
        """Raise UsageError where there are several images and nobody says what of them is wanted."""
        if images > 1 and self.options.aggregate is None:
            raise UsageError(
                f"{images} images: {self.loss.name} of each, or of all pixels together?",
                hint="--aggregate per-image or --aggregate global",
            )

    def begin(self) -> None:
        """Have seen no image."""
        super().begin()
        # How many blocks of each image have a class as a target, and as the likeliest of a pixel.
        self.there: dict[int, list[list[int]]] = {}

    @property
    def images(self) -> int:
        """How many images were seen."""
        return len(self.there)

    @abstractmethod
    def outcomes(self, images: Sequence[int] | None = None) -> list[Outcome]:
        """Return the loss of every image and class, or of what is pooled, once all is read: of some images, or all."""

    @abstractmethod
    def prepare(self, factors: Mapping[Cell, float]) -> None:
        """Get ready to carry slopes back: d result / d loss of the outcome that each cell belongs to."""

    @abstractmethod
    def back(self, chunk: Chunk) -> Any:
        """Return the slopes of a chunk's predictions."""

    def pooled(self) -> Pooled | None:
        """Return the sums over all images where they are pooled and can be added up; else None."""
        return None

    def images_of(self, chunk: Chunk) -> range:
        """Return the numbers of a chunk's images."""
        return range(1) if self.cut else range(chunk.first, chunk.first + chunk.units)

    def feed(self, chunk: Chunk) -> tuple[bool, tuple[Callable[..., Any], ...], tuple[Any, ...], int]:
        """Return whether to compile, the kernels, what they are fed with, and the number of blocks."""
        fast, kernels = self.kernels((self.activation, self.reading.target, *self.rules), chunk)
        images, inner = (1, chunk.units) if self.cut else (chunk.units, self.inner)
        one_hot = self.reading.target == "shares" and self.activation != "sigmoid"
        tolerances = 0.0, tolerance(chunk.target) if one_hot else 0.0
        grid = self.reading.grid(images, inner)
        pred, target = given(fast, chunk.pred), given(fast, chunk.target)
        fed = (grid, self.width, pred, target, self.ignore, self.nonfinite, tolerances)
        return fast, kernels, fed, images * -(-inner // self.width)

    def note(self, chunk: Chunk, grid: tuple[int, ...], counts: Counts, presence: Any) -> int:
        """Add what was counted in a chunk's blocks; return how many of its pixels are invalid."""
        images, inner, classes, *_ = grid
        used, _, _, bad, _ = added(counts)
        self.used += used
        self.seen += images * inner
        for image, found in zip(self.images_of(chunk), counted(presence, images, 2 * classes), strict=True):
            there = self.there.setdefault(image, [[0, 0] for _ in range(classes)])
            for c, kind in itertools.product(range(classes), range(2)):
                there[c][kind] += found[2 * c + kind]
        return bad

    def pools(self, seen: Iterable[int]) -> Iterator[list[Cell]]:
        """Yield the cells of the images seen that each loss is taken of."""
        aggregate = self.options.aggregate
        images = [list(seen)] if aggregate in ("global", "all") else [[image] for image in seen]
        numbers = range(0 if self.options.include_background or self.reading.classes == 1 else 1, self.reading.classes)
        classes = [list(numbers)] if aggregate == "all" or self.loss.pooled else [[c] for c in numbers]
        yield from (list(itertools.product(*pooled)) for pooled in itertools.product(images, classes))

    def absent(self, cells: list[Cell]) -> bool:
        """Tell whether nothing is there in any of the cells."""
        kinds = (0,) if self.loss.present else (0, 1)
        return not any(self.there[image][c][kind] for image, c in cells for kind in kinds)


class SumsWalk(RegionsWalk):
    """A loss of sums over pixels."""

    def __init__(self, request: Request, reading: Reading, options: Options, workers: Workers) -> None:
        """Know what is summed."""
        super().__init__(request, reading, options, workers)
        self.names = self.loss.data

    def begin(self) -> None:
        """Start with no sums."""
        super().begin()
        # For each image and class, one list a sum: what its bunches sum to.
        self.sums: dict[int, list[list[list[float]]]] = {}

    def _common(self, fed: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*fed, self.params if self.loss.part else ())

    def step(self, chunk: Chunk, factor: float, values: bool, slopes: bool) -> tuple[int, Any]:
        """Add up a chunk's pixels."""
        fast, (kernel, _), fed, blocks = self.feed(chunk)
        images, _, classes, *_ = fed[0]
        cells, n = blocks * classes, len(self.names)
        sums, presence = room(fast, n * cells), room(fast, 2 * cells, whole=True)
        common = self._common(fed)
        counts = self.spread(fast, blocks, kernel, *common, sums, presence)
        bad = self.note(chunk, fed[0], counts, presence)
        for image, found in zip(self.images_of(chunk), bunched(sums, images, n * classes, self.bunch), strict=True):
            kept = self.sums.setdefault(image, [[[] for _ in range(n)] for _ in range(classes)])
            for c, s in itertools.product(range(classes), range(n)):
                kept[c][s] = distilled(kept[c][s] + found[n * c + s])
        return bad, None

    def _arguments(self, cells: list[Cell]) -> list[Any]:
        """Return the exact sums over cells; for a loss of all classes, each sum as a list over the classes."""
        if not self.loss.pooled:
            return [self._sum(s, cells) for s in range(len(self.names))]
        classes = dict.fromkeys(c for _, c in cells)
        return [
            [self._sum(s, [cell for cell in cells if cell[1] == c]) for c in classes] for s in range(len(self.names))
        ]

    def _sum(self, s: int, cells: list[Cell]) -> float:
        return exact(itertools.chain.from_iterable(self.sums[image][c][s] for image, c in cells))

    def outcomes(self, images: Sequence[int] | None = None) -> list[Outcome]:
        """Return the loss of every pool."""
        settings = settled(self.settings)
        seen = self.there if images is None else images
        return [
            Outcome(cells, float(self.loss.value(*self._arguments(cells), *settings)), self.absent(cells))
            for cells in self.pools(seen)
        ]

    def pooled(self) -> Pooled | None:
        """Return the sums of all images, and where their classes are."""
        if self.options.aggregate not in ("global", "all"):
            return None
        classes, sums = range(self.reading.classes), range(len(self.names))
        chain = itertools.chain.from_iterable
        return Pooled(
            [[list(chain(image[c][s] for image in self.sums.values())) for s in sums] for c in classes],
            [[sum(image[c][kind] for image in self.there.values()) for kind in range(2)] for c in classes],
        )

    def prepare(self, factors: Mapping[Cell, float]) -> None:
        """Find the slopes by the sums of each cell."""
        assert self.loss.slope is not None
        self._by: dict[Cell, list[float]] = {}
        for cells in self.pools(self.there):
            if cells[0] not in factors:
                continue
            by = self.loss.slope(*self._arguments(cells), *settled(self.settings))
            by = by if isinstance(by, tuple) else (by,)
            classes = list(dict.fromkeys(c for _, c in cells))
            for image, c in cells:
                own = [slope[classes.index(c)] for slope in by] if self.loss.pooled else by
                self._by[image, c] = [factors[image, c] * float(slope) for slope in own]

    def back(self, chunk: Chunk) -> Any:
        """Carry the slopes by the sums back to a chunk's predictions."""
        fast, (_, kernel), fed, blocks = self.feed(chunk)
        classes, n = fed[0][2], len(self.names)
        by = [slope for i in self.images_of(chunk) for c in range(classes) for slope in self._by.get((i, c), [0.0] * n)]
        flat = given(fast, by)
        slopes = self.room_for_slopes(fast, len(chunk.pred))[0]
        common = self._common(fed)
        self.spread(fast, blocks, kernel, *common, flat, slopes)
        return slopes

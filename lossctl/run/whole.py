"""Walks whole images through the kernels of a region loss in which every pixel may depend on all others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from lossctl.engine.sums import BLOCK, exact
from lossctl.errors import UsageError
from lossctl.run.regions import Cell, Outcome, RegionsWalk
from lossctl.run.walk import Chunk

Numbers = npt.NDArray[np.float64]
T = TypeVar("T")
# More than any data have: all of them at once.
ALL = 1 << 50
# Distances of so many pixels are kept from the value to the slopes; to measure them is most of the work.
FEW = 1 << 22


class Planes(NamedTuple):
    """What the pixels of a chunk are: arrays (images, classes, pixels), `kept` (images, pixels); z may be None."""

    z: Numbers | None
    q: Numbers
    r: Numbers
    y: Numbers
    kept: npt.NDArray[np.bool_]


class WholeWalk(RegionsWalk):
    """A loss of one part per pixel: the mean of the parts, or their sum in falling order (see `Loss.sorted`)."""

    def begin(self) -> None:
        """Know no distances."""
        super().begin()
        # Those of the pools whose slopes are asked for next, as far as they are few.
        self._distances: dict[tuple[Cell, ...], list[Numbers]] = {}

    def chunk(self, numbers: int) -> int:
        """Take all data at once where all are pooled, or an image whose size only its end tells."""
        if not self.cut and self.options.aggregate != "global":
            return super().chunk(numbers)
        known = self.reading.inner if self.cut else self.reading.images
        return ALL if known is None else -(-known // self.block) * self.block

    def step(self, chunk: Chunk, factor: float, values: bool, slopes: bool) -> tuple[int, Any]:
        """Compute the losses of a chunk's images."""
        bad, planes = self._planes(chunk, count=True)
        if not bad:
            pools = list(self.pools(self.images_of(chunk)))
            losses = self._each(chunk, pools, lambda cells: self._loss(chunk, planes, cells))
            self.values += [Outcome(c, loss, self.absent(c)) for c, loss in zip(pools, losses, strict=True)]
        return bad, None

    def outcomes(self, images: Sequence[int] | None = None) -> list[Outcome]:
        """Return the losses that were found. Raises UsageError where images were pooled with others."""
        if images is None:
            return self.values
        if self.options.aggregate != "per-image":
            raise UsageError(f"{self.loss.name} of all images together has no groups", hint="--aggregate per-image")
        return [outcome for outcome in self.values if outcome.cells[0][0] in set(images)]

    def prepare(self, factors: Mapping[Cell, float]) -> None:
        """Keep the factors."""
        self._factors = factors

    def back(self, chunk: Chunk) -> Any:
        """Compute the images again, and carry the slopes of their parts back."""
        _, planes = self._planes(chunk, count=False)
        by = np.zeros(planes.q.shape)
        pools = [cells for cells in self.pools(self.images_of(chunk)) if cells[0] in self._factors]
        self._each(chunk, pools, lambda cells: self._part_slopes(chunk, planes, cells, by))
        fast, (_, _, _, kernel, _, _), (grid, width, *_), blocks = self.feed(chunk)
        slopes = self.room_for_slopes(True, len(chunk.pred))[0]
        flat = (planes.q.ravel(), planes.r.ravel(), by.ravel())
        self.spread(fast, blocks, kernel, grid, width, *flat, slopes)
        return slopes

    def _planes(self, chunk: Chunk, count: bool) -> tuple[int, Planes]:
        fast, (kernel, *_), fed, blocks = self.feed(chunk)
        images, inner, classes, *_ = fed[0]
        z, q, r, y = (np.zeros(images * inner * classes) for _ in range(4))
        logits = z if self.loss.needs_logits else None
        kept, presence = np.zeros(images * inner), np.zeros(2 * blocks * classes, np.int64)
        counts = self.spread(fast, blocks, kernel, *fed, logits, q, r, y, kept, presence)
        bad = self.note(chunk, fed[0], counts, presence) if count else 0
        shape = images, classes, inner
        planes = Planes(
            z.reshape(shape) if logits is not None else None, q.reshape(shape), r.reshape(shape), y.reshape(shape),
            kept.reshape(images, inner) == 1.0,
        )  # fmt: skip
        return bad, planes

    def _pool(self, chunk: Chunk, planes: Planes, cells: list[Cell]) -> tuple[list[Any], npt.NDArray[np.bool_]]:
        """Return the flat arrays that kernels of parts take, of the pixels that count, and which those are."""
        first, c = self.images_of(chunk)[0], cells[0][1]
        places = [image - first for image, _ in cells]
        # One image is looked at where it lies, several have to be put together.
        at: Any = places if len(places) > 1 else slice(places[0], places[0] + 1)
        kept = planes.kept[at]
        everything = bool(kept.all())
        z, q, r, y = (
            None if plane is None else plane[at, c].reshape(-1) if everything else plane[at, c][kept]
            for plane in planes[:4]
        )
        from_pred = from_target = None
        if "from_pred" in self.loss.data:
            known = self._distances.get(tuple(cells)) or self._measured(planes, places, c, kept)
            from_pred, from_target = known
            if self.landing is not None and kept.size * (len(self._distances) + 1) <= FEW:
                self._distances[tuple(cells)] = known
        return [z, q, r, y, from_pred, from_target], kept

    def _measured(self, planes: Planes, places: list[int], c: int, kept: npt.NDArray[np.bool_]) -> list[Numbers]:
        """Return the distances of pixels that count from the boundaries of the prediction and of the target."""
        counted = kept.reshape(len(places), -1, self.reading.line or kept.shape[1])
        return [
            np.stack([boundary_distance(m & k) for m, k in zip(side.reshape(counted.shape), counted, strict=True)])
            .reshape(kept.shape)[kept]
            for side in (planes.q[places, c] >= 0.5, planes.y[places, c] >= 0.5)
        ]  # fmt: skip

    def _parts(self, kernel: Callable[..., Any], arrays: list[Any], *more: Any) -> Numbers:
        out = np.zeros(len(arrays[1]))
        blocks = -(-len(out) // BLOCK)
        kernel(0, blocks, len(out), *arrays, self.params, *more, out)
        return out

    def _each(self, chunk: Chunk, pools: Sequence[list[Cell]], work: Callable[[list[Cell]], T]) -> list[T]:
        """Return work(cells) of each pool: compiled work by several threads, as sorting and distances are slow."""
        return self.workers.each(pools, work) if self.feed(chunk)[0] else [work(cells) for cells in pools]

    def _loss(self, chunk: Chunk, planes: Planes, cells: list[Cell]) -> float:
        _, (_, kernel, _, _, falling, _), _, _ = self.feed(chunk)
        arrays, _ = self._pool(chunk, planes, cells)
        parts = self._parts(kernel, arrays)
        if not len(parts):
            return math.nan
        if not self.loss.sorted:
            return exact(parts.tolist()) / len(parts)
        hits = arrays[3]
        return float(falling(*in_order(parts, hits), len(parts), exact_sum(hits)))

    def _part_slopes(self, chunk: Chunk, planes: Planes, cells: list[Cell], by: Numbers) -> None:
        _, (_, kernel, slope_kernel, _, _, gains), _, _ = self.feed(chunk)
        arrays, kept = self._pool(chunk, planes, cells)
        factor = self._factors[cells[0]]
        if self.loss.sorted:
            parts, hits = self._parts(kernel, arrays), arrays[3]
            order, errors, known = placed(parts, hits)
            in_turn = np.empty(len(parts))
            gains(errors, known, len(parts), exact_sum(hits), in_turn)
            gain = np.empty(len(parts))
            gain[order] = np.multiply(factor, in_turn, out=in_turn)
        else:
            gain = np.full(len(arrays[1]), factor / max(1, len(arrays[1])))
        slopes = self._parts(slope_kernel, arrays, gain)
        first, c = self.images_of(chunk)[0], cells[0][1]
        places = [image - first for image, _ in cells]
        if kept.all():
            by[places, c] = slopes.reshape(kept.shape)
        else:
            part = np.zeros(kept.shape)
            part[kept] = slopes
            by[places, c] = part


def hard(hits: Numbers) -> bool:
    """Tell whether all targets are 0 or 1."""
    return bool(((hits == 0) | (hits == 1)).all())


def exact_sum(hits: Numbers) -> float:
    """Return the correctly rounded sum of targets."""
    return float(np.count_nonzero(hits)) if hard(hits) else exact(hits.tolist())


def keyed(errors: Numbers, hits: Numbers) -> npt.NDArray[np.uint64]:
    """Return whole numbers in the order of errors (none negative); the hit rides in the spare bit of the sign."""
    return (errors.view(np.uint64) << np.uint64(1)) | hits.astype(np.uint64)


def unkeyed(keys: npt.NDArray[np.uint64]) -> tuple[Numbers, Numbers]:
    """Return errors and hits of such whole numbers."""
    return (keys >> np.uint64(1)).view(np.float64), (keys & np.uint64(1)).astype(np.float64)


def in_order(errors: Numbers, hits: Numbers) -> tuple[Numbers, Numbers]:
    """Return errors (none negative) in rising order, each with its hit."""
    if hard(hits):
        # Sorting whole numbers is several times faster than sorting places.
        keys = keyed(errors, hits)
        keys.sort()
        return unkeyed(keys)
    return placed(errors, hits)[1:]


def placed(errors: Numbers, hits: Numbers) -> tuple[npt.NDArray[np.intp], Numbers, Numbers]:
    """Return the places of errors (none negative) in rising order, and errors and hits in that order."""
    if hard(hits):
        # Equal keys are alike in all that follows: no order among them has to be kept, which sorts faster.
        keys = keyed(errors, hits)
        order = np.argsort(keys)
        return order, *unkeyed(keys[order])
    order = np.argsort(errors, kind="stable")
    return order, errors[order], hits[order]


def boundary_distance(mask: npt.NDArray[np.bool_]) -> Numbers:
    """Return every pixel's distance to the nearest pixel on the other side of the mask's boundary; 0 if there is none.

    mask: (height, width). Raises UsageError when SciPy is not installed.
    """
    try:
        from scipy.ndimage import distance_transform_edt
    except ImportError:
        raise UsageError("distances from a boundary need SciPy", hint="pip install 'lossctl[scipy]'") from None
    if mask.all() or not mask.any():
        return np.zeros(mask.shape)
    distance: Numbers = distance_transform_edt(mask) + distance_transform_edt(~mask)
    return distance

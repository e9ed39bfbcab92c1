"""From losses, sources and options to results: the one road that the command line and Python both take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lossctl.data.source import Source
from lossctl.engine.sums import BLOCK, exact
from lossctl.errors import DataError
from lossctl.loss import Request, requests
from lossctl.run.checks import check
from lossctl.run.finish import finish_regions, finish_summed, known_factor, region_slopes, summed_factor
from lossctl.run.likeness import as_in, refuse_reading
from lossctl.run.options import Options
from lossctl.run.reading import read
from lossctl.run.refuse import refuse
from lossctl.run.result import Result
from lossctl.run.sides import ArraySource, Side, Whole
from lossctl.run.walk import Chunk, ItemsWalk, RegionsWalk, RowsWalk, SummedWalk, Walk
from lossctl.run.workers import Workers

if TYPE_CHECKING:
    from lossctl.run.sides import Flat

# Numbers of the prediction that are read at once; any multiple of all blocks gives the same bits.
CHUNK = 1 << 20


class Sink(Protocol):
    """What takes a gradient: first its shape, then its numbers, flat and in order."""

    def begin(self, shape: tuple[int, ...]) -> None:
        """Get ready for that many numbers."""

    def append(self, flat: Any) -> None:
        """Take the next numbers: a list of floats or a float64 array."""


class Sides(NamedTuple):
    """What is read: prediction, target and weights."""

    pred: Side
    target: Side | None
    weights: Side | None

    def __iter__(self) -> Iterator[Side]:
        """Yield the sides there are."""
        return (side for side in (self.pred, self.target, self.weights) if side is not None)


def evaluate(
    asked: Sequence[Request],
    pred: Source,
    target: Source | None,
    options: Options,
    sinks: Sequence[Sink] = (),
) -> list[Result]:
    """Return the result of each request over the data.

    `sinks`: for each request, what takes d loss / d pred. `options.weights` is a Source.
    Raises UsageError for options that do not go together, DataError for data that do not.
    """
    check([request.loss for request in asked], options, target is not None, with_slopes=bool(sinks))
    sides = _sides(pred, target, options.weights, once=_once(asked) and not sinks)
    with Workers(options.workers) as workers:
        walks = [
            _walk(_settled(request, sides, way, workers), sides, way, workers)
            for request, way in (as_in(request, options) for request in asked)
        ]
        waiting = dict(zip(map(id, walks), sinks, strict=False))
        for group in _by_pace(walks):
            early = {id(w): factor for w in group if id(w) in waiting and (factor := known_factor(w)) is not None}
            for key in early:
                waiting[key].begin(sides.pred.described().shape)
            for chunk in _chunks(group[0], sides, workers):
                for walk in group:
                    slopes = _step(walk, chunk, sides, early.get(id(walk)), values=options.reduction == "none")
                    if slopes is not None:
                        waiting[id(walk)].append(slopes)
            for key in early:
                del waiting[key]
        results = []
        for walk in walks:
            results.append(finish_regions(walk) if isinstance(walk, RegionsWalk) else finish_summed(_summed(walk)))
            if id(walk) in waiting:
                waiting[id(walk)].begin(sides.pred.described().shape)
                _second_pass(walk, sides, workers, waiting[id(walk)])
    inputs = tuple(side.described() for side in sides)
    return [replace(result, inputs=inputs) for result in results]


def _once(asked: Sequence[Request]) -> bool:
    """Tell whether one pass over the data is enough for their values."""
    return len(asked) == 1 and "auto" not in asked[0].settings.values()


def _sides(pred: Source, target: Source | None, weights: Source | None, once: bool) -> Sides:
    """Return the sides; what can be read only once is kept in memory unless once is enough."""
    sources = ((pred, "pred"), (target, "target"), (weights, "weights"))
    pred_side, target_side, weights_side = (
        None if source is None else Side(source if source.rereadable or once else Whole(source), role)
        for source, role in sources
    )
    assert pred_side is not None
    return Sides(pred_side, target_side, weights_side)


def _walk(request: Request, sides: Sides, options: Options, workers: Workers) -> Walk:
    shape = request.loss.shape
    target = None if sides.target is None else sides.target.shape(shape)
    reading = read(request.loss, sides.pred.shape(shape), target, options)
    refuse_reading(request.loss, reading, options)
    kinds: dict[str, type[Walk]] = {"classes": RowsWalk, "regions": RegionsWalk}
    return kinds.get(shape, ItemsWalk)(request, reading, options, workers)


def _by_pace(walks: Sequence[Walk]) -> list[list[Walk]]:
    """Return the walks in groups that read the same numbers per unit, so that they can share a pass."""
    groups: dict[tuple[int, ...], list[Walk]] = {}
    for walk in walks:
        pace = walk.per_pred, walk.per_target, walk.per_weight, walk.chunk(CHUNK)
        groups.setdefault(pace, []).append(walk)
    return list(groups.values())


def _chunks(walk: Walk, sides: Sides, workers: Workers) -> Iterator[Chunk]:
    """Yield the data in chunks, each read while the one before is computed (unless there is nothing to read)."""
    chunks = _read(walk, sides)
    return chunks if all(isinstance(side.source, ArraySource) for side in sides) else workers.ahead(chunks)


def _read(walk: Walk, sides: Sides) -> Iterator[Chunk]:
    units = walk.chunk(CHUNK)
    paces = (walk.per_pred, walk.per_target, 0 if isinstance(walk, RegionsWalk) else walk.per_weight)
    pieces = [
        None if side is None or not pace else (pace, side.flat(units * pace))
        for side, pace in zip((sides.pred, sides.target, sides.weights), paces, strict=True)
    ]
    first = 0
    while True:
        flats = [None if piece is None else next(piece[1], None) for piece in pieces]
        counts = {len(f) / p[0] if f is not None else 0.0 for f, p in zip(flats, pieces, strict=True) if p is not None}
        count = counts.pop()
        if counts or not count.is_integer():
            raise _mismatch(sides, pieces)
        if flats[0] is None:
            if not first:
                raise sides.pred.fault("no items", "there is nothing to average")
            return
        _, target, weights = flats
        if weights is not None:
            _check_weights(weights, first * walk.per_weight, sides.weights)
        yield Chunk(first, int(count), flats[0], [] if target is None else target, weights)
        first += int(count)


def _mismatch(sides: Sides, pieces: Sequence[tuple[int, Iterator[Flat]] | None]) -> DataError:
    """Read on to the ends, so that the error can tell both counts."""
    for piece in pieces:
        for _ in piece[1] if piece is not None else ():
            pass
    counts = {side.role: side.rows for side in sides}
    if counts.get("target") == counts["pred"]:
        # One row of text on each side: its numbers are the items.
        counts = {side.role: side.rows * side.per_row for side in sides}
    shapes = ", ".join(f"{s.source.path} {'x'.join(map(str, s.described().shape))}" for s in sides)
    if counts.get("target", counts["pred"]) != counts["pred"]:
        pairs = ((counts["pred"], "prediction"), (counts["target"], "target"))
        told = " but ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in pairs)
        return DataError(f"{told} ({shapes})")
    return DataError(f"the sides do not have the same number of items ({shapes})")


def _check_weights(weights: Flat, first: int, side: Side | None) -> None:
    import numpy as np

    array = np.asarray(weights, np.float64)
    bad = np.flatnonzero(~((array >= 0) & np.isfinite(array)))
    if len(bad) and side is not None:
        row = first + int(bad[0])
        hint = "weights are finite and not negative"
        raise side.fault(f"weight {array[bad[0]]:g} in row {row}", hint, row // max(1, side.per_row))


def _step(walk: Walk, chunk: Chunk, sides: Sides, factor: float | None, values: bool) -> Any:
    bad, slopes = walk.step(chunk, 1.0 if factor is None else factor, values, slopes=factor is not None)
    if bad:
        refuse(walk, chunk, sides.pred, sides.target)
    return slopes


def _summed(walk: Walk) -> SummedWalk:
    assert isinstance(walk, SummedWalk)
    return walk


def _second_pass(walk: Walk, sides: Sides, workers: Workers, sink: Sink) -> None:
    """Hand out the slopes of a loss whose mean had to be known first."""
    if isinstance(walk, RegionsWalk):
        by = region_slopes(walk)
        for chunk in _chunks(walk, sides, workers):
            sink.append(walk.back(chunk, by))
        return
    factor = summed_factor(_summed(walk))
    for chunk in _chunks(walk, sides, workers):
        sink.append(walk.step(chunk, factor, values=False, slopes=True)[1])


def _settled(request: Request, sides: Sides, options: Options, workers: Workers) -> Request:
    """Replace settings of `auto` by what the data say: the mean of a loss, or a weight that balances two classes."""
    plain = replace(options, reduction="mean", weights=None, normalizer=None, like=None)
    for name, of in request.loss.auto.items():
        if request.settings[name] == "auto":
            target = None if sides.target is None else sides.target.source
            found = evaluate(requests(of), sides.pred.source, target, plain)
            request = Request(request.loss, request.settings | {name: found[0].value})
    if request.settings.get("pos_weight") != "auto" or sides.target is None:
        return request
    walk = _walk(request, sides, options, workers)
    positive: list[float] = []
    count = 0
    for chunk in _chunks(walk, sides, workers):
        kept = [y for y in chunk.target if y != walk.ignore] if isinstance(chunk.target, list) else None
        if kept is None:
            import numpy as np

            array = np.asarray(chunk.target)
            array = array[array != walk.ignore].astype(np.float64)
            positive += [float(array[start : start + BLOCK].sum()) for start in range(0, len(array), BLOCK)]
            count += len(array)
        else:
            positive += kept
            count += len(kept)
    total = exact(positive)
    if not total > 0:
        raise DataError("pos_weight auto: no target is positive", hint="give --pos-weight a number")
    return Request(request.loss, request.settings | {"pos_weight": (count - total) / total})

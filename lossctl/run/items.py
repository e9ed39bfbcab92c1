"""Item i of one side against item i of the other: read in chunks, walked through kernels, finished."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lossctl.data.source import Source
from lossctl.engine.sums import BLOCK, exact
from lossctl.errors import DataError
from lossctl.loss import Loss, find
from lossctl.requests import Request
from lossctl.run.checks import check
from lossctl.run.finish import finish_summed, found_of_items, known_factor, summed_factor
from lossctl.run.finish_regions import finish_regions, found_of_regions, region_factors
from lossctl.run.foreground import Foreground
from lossctl.run.likeness import as_in, refuse_reading
from lossctl.run.memory import refuse_items, refuse_too_large
from lossctl.run.options import Options
from lossctl.run.ranked import SHAPES as RANKED
from lossctl.run.ranked import RankedWalk, read_ranked
from lossctl.run.reading import read
from lossctl.run.refuse import refuse
from lossctl.run.refuse_ranked import refuse_ranked
from lossctl.run.regions import RegionsWalk, SumsWalk
from lossctl.run.result import Result
from lossctl.run.rows import RowsWalk
from lossctl.run.sides import ArraySource, Side, Sides, Sink, Whole
from lossctl.run.walk import Chunk, ItemsWalk, SummedWalk, Walk
from lossctl.run.workers import Workers

if TYPE_CHECKING:
    from lossctl.run.sides import Flat

# Numbers of the prediction that are read at once; any multiple of all blocks gives the same bits.
CHUNK = 1 << 20
# Arrays in memory cost nothing to hold: in chunks so many times larger, threads rarely wait for each other.
IN_MEMORY = 8


def evaluate_items(
    asked: Sequence[Request],
    pred: Source | tuple[Source, ...],
    target: Source | None,
    options: Options,
    sinks: Sequence[Sink] = (),
) -> list[Result]:
    """Return the result of each request over item i of one side and item i of the other, as `evaluate` does."""
    check([request.loss for request in asked], options, target is not None, with_slopes=bool(sinks))
    with Workers(options.workers) as workers:
        sides, walks = prepared(asked, pred, target, options, workers, with_slopes=bool(sinks))
        waiting = dict(zip(map(id, walks), sinks, strict=False))
        size = _chunk_size(sides)
        refuse_too_large(walks, sides, size, with_slopes=bool(sinks))
        growing = None in sides.pred.source.shape
        for group in _by_pace(walks, size):
            early = {id(w): factor for w in group if id(w) in waiting and (factor := known_factor(w)) is not None}
            for key in early:
                waiting[key].begin(sides.gradient_shape())
            for walk in group:
                walk.landing = getattr(waiting.get(id(walk)), "room", None)
            for chunk in _chunks(group[0], sides, workers):
                for walk in group:
                    slopes = _step(
                        walk, chunk, sides, early.get(id(walk)), values=options.reduction == "none" or options.by_item
                    )
                    if slopes is not None:
                        waiting[id(walk)].append(slopes)
                    if growing:
                        refuse_items(walk, walk.seen)
            for key in early:
                del waiting[key]
        results = []
        for walk in walks:
            results.append(finished(walk))
            if id(walk) in waiting:
                walk.landing = getattr(waiting[id(walk)], "room", None)
                waiting[id(walk)].begin(sides.gradient_shape())
                back = carrying(walk)
                for chunk in _chunks(walk, sides, workers):
                    waiting[id(walk)].append(back(chunk))
    inputs = tuple(side.described() for side in sides)
    return [replace(result, inputs=inputs) for result in results]


def prepared(
    asked: Sequence[Request],
    pred: Source | tuple[Source, ...],
    target: Source | None,
    options: Options,
    workers: Workers,
    with_slopes: bool = False,
) -> tuple[Sides, list[Walk]]:
    """Return the sides, and the walk of each request, before its first step."""
    sides = _sides(asked[0].loss, pred, target, options, once=True)
    if not all(side.source.rereadable for side in sides) and not _once(asked, sides, options, workers, with_slopes):
        sides = _sides(asked[0].loss, pred, target, options, once=False)
    ways = [as_in(request, options) for request in asked]
    return sides, [_walk(_settled(request, sides, way, workers), sides, way, workers) for request, way in ways]


def walk_along(walks: Sequence[Walk], sides: Sides, workers: Workers, start: int) -> None:
    """Take the walks through sides that hold a part of the data, from number `start` of the prediction on."""
    for group in _by_pace(walks, _chunk_size(sides)):
        for chunk in _chunks(group[0], sides, workers, start // group[0].per_pred):
            for walk in group:
                _step(walk, chunk, sides, None, values=False)


def finished(walk: Walk) -> Result:
    """Return the result of a walk that has seen all data."""
    return finish_regions(walk) if isinstance(walk, RegionsWalk) else finish_summed(_summed(walk))


def found_of(walk: Walk) -> Any:
    """Return the value, or the values, of the result of a walk that has seen all data, and nothing else of it."""
    return found_of_regions(walk) if isinstance(walk, RegionsWalk) else found_of_items(_summed(walk))


def _once(asked: Sequence[Request], sides: Sides, options: Options, workers: Workers, with_slopes: bool) -> bool:
    """Tell whether one pass over the data is enough."""
    if any("auto" in request.settings.values() for request in asked):
        return False
    walks = [_walk(request, sides, way, workers) for request, way in (as_in(each, options) for each in asked)]
    one_pace = len(_by_pace(walks, _chunk_size(sides))) == 1
    return one_pace and not (with_slopes and any(known_factor(walk) is None for walk in walks))


def _sides(loss: Loss, pred: Source | tuple[Source, ...], target: Source | None, options: Options, once: bool) -> Sides:
    """Return the sides; what can be read only once is kept in memory unless once is enough."""

    def side(source: Source, role: str) -> Side:
        source.max_memory = options.most
        return Side(source if source.rereadable or once else Whole(source), role)

    weights = None if isinstance(options.weights, Foreground) else options.weights
    first, *more = map(side, pred if isinstance(pred, tuple) else (pred,), loss.sides)
    return Sides(
        first,
        None if target is None else side(target, loss.operands[-1]),
        None if weights is None else side(weights, "weights"),
        tuple(more),
    )


def _walk(request: Request, sides: Sides, options: Options, workers: Workers) -> Walk:
    shape = request.loss.shape
    if shape in RANKED:
        return RankedWalk(request, read_ranked(request.loss, sides), options, workers)
    target = None if sides.target is None else sides.target.shape(shape)
    reading = read(request.loss, sides.pred.shape(shape), target, options)
    refuse_reading(request.loss, reading, options)
    if request.loss.whole:
        from lossctl.run.whole import WholeWalk

        return WholeWalk(request, reading, options, workers)
    kinds: dict[str, type[Walk]] = {"classes": RowsWalk, "regions": SumsWalk}
    return kinds.get(shape, ItemsWalk)(request, reading, options, workers)


def _by_pace(walks: Sequence[Walk], size: int) -> list[list[Walk]]:
    """Return the walks in groups that read the same numbers per unit, so that they can share a pass."""
    groups: dict[tuple[int, ...], list[Walk]] = {}
    for walk in walks:
        pace = walk.per_pred, walk.per_target, walk.per_weight, walk.chunk(size)
        groups.setdefault(pace, []).append(walk)
    return list(groups.values())


def _chunks(walk: Walk, sides: Sides, workers: Workers, start: int = 0) -> Iterator[Chunk]:
    """Yield the data in chunks, each read while the one before is computed (unless there is nothing to read ahead)."""
    chunks = _read(walk, sides, workers, start)
    shape = sides.pred.source.shape
    single = None not in shape and math.prod(map(int, filter(None, shape))) <= CHUNK
    return chunks if single or _in_memory(sides) else workers.ahead(chunks)


def _in_memory(sides: Sides) -> bool:
    return all(isinstance(side.source, ArraySource) for side in sides)


def _chunk_size(sides: Sides) -> int:
    return IN_MEMORY * CHUNK if _in_memory(sides) else CHUNK


def _read(walk: Walk, sides: Sides, workers: Workers, start: int) -> Iterator[Chunk]:
    units = walk.chunk(_chunk_size(sides))
    per_weight = 0 if isinstance(walk, RegionsWalk) else walk.per_weight
    paces = (walk.per_pred, walk.per_target, per_weight, *(walk.per_pred for _ in sides.more))
    pieces = [
        None if side is None or not pace else (pace, side.flat(units * pace))
        for side, pace in zip((sides.pred, sides.target, sides.weights, *sides.more), paces, strict=True)
    ]
    first = start
    beside = sum(side.source.bulky for side in sides) > 1
    while True:
        coming = [None if piece is None else piece[1] for piece in pieces]
        flats = workers.beside(coming) if beside else [None if it is None else next(it, None) for it in coming]
        counts = {len(f) / p[0] if f is not None else 0.0 for f, p in zip(flats, pieces, strict=True) if p is not None}
        count = counts.pop()
        if counts or not count.is_integer():
            raise _mismatch(sides, pieces)
        if flats[0] is None:
            if first == start:
                raise sides.pred.fault("no items", "there is nothing to average")
            return
        _, target, weights, *others = flats
        more = [flat for flat in others if flat is not None]
        if weights is not None:
            _check_weights(weights, first * walk.per_weight, sides.weights)
        yield Chunk(first, int(count), flats[0], [] if target is None else target, weights, more)
        first += int(count)


def _mismatch(sides: Sides, pieces: Sequence[tuple[int, Iterator[Flat]] | None]) -> DataError:
    """Read on to the ends, so that the error can tell both counts."""
    for piece in pieces:
        for _ in piece[1] if piece is not None else ():
            pass
    counts = {side.role: side.rows for side in sides}
    if sides.pred.role != "pred":
        counts = {}
    elif counts.get("target") == counts["pred"]:
        # One row of text on each side: its numbers are the items.
        counts = {side.role: side.rows * side.per_row for side in sides}
    shapes = ", ".join(f"{s.source.path} {'x'.join(map(str, s.described().shape))}" for s in sides)
    if "target" in counts and counts["target"] != counts["pred"]:
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
    if bad and isinstance(walk, RankedWalk):
        refuse_ranked(walk, chunk, sides)
    if bad:
        refuse(walk, chunk, sides.pred, sides.target)
    return slopes


def _summed(walk: Walk) -> SummedWalk:
    assert isinstance(walk, SummedWalk)
    return walk


def carrying(walk: Walk) -> Callable[[Chunk], Any]:
    """Return the function of slopes of a chunk, of a walk whose sums had to be known first and now are."""
    if isinstance(walk, RegionsWalk):
        walk.prepare(region_factors(walk))
        return walk.back
    factor = summed_factor(_summed(walk))
    return lambda chunk: walk.step(chunk, factor, values=False, slopes=True)[1]


def _settled(request: Request, sides: Sides, options: Options, workers: Workers) -> Request:
    """Replace settings of `auto` by what the data say: the mean of a loss, or a weight that balances two classes."""
    for name, of in request.loss.auto.items():
        if request.settings[name] == "auto":
            plain = replace(options, reduction="mean", weights=None, normalizer=None, like=None)
            target = None if sides.target is None else sides.target.source
            found = evaluate_items([Request.of(find(of), {})], sides.pred.source, target, plain)
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

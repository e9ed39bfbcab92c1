"""A large pair in parts that are walked apart from each other, and what they found as one: the same bits.

Data are cut only where a block of every loss ends (or an image, where images are taken whole), so the sums of blocks
are those of one walk through all; they travel as a few numbers of the same exact sum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from lossctl.data.npy import NpySource
from lossctl.data.part import PartSource
from lossctl.data.source import Source
from lossctl.engine.sums import expansion
from lossctl.errors import DataError
from lossctl.requests import Asked
from lossctl.run.items import finished, prepared, walk_along
from lossctl.run.joint import gathered, plain
from lossctl.run.options import Options
from lossctl.run.regions import SumsWalk
from lossctl.run.result import Result
from lossctl.run.walk import SummedWalk, Walk
from lossctl.run.workers import Workers

COUNTS = ("used", "seen", "degenerate", "infinite", "weightless")


class Found(NamedTuple):
    """What a walk knows of a part: its counts, and sums as numbers that add up exactly; of regions by image."""

    counts: tuple[int, ...]
    native: bool
    losses: list[float]
    shares: list[float]
    sums: dict[int, list[list[list[float]]]]
    there: dict[int, list[list[int]]]


def bounds(
    asked: Sequence[Asked], pred: Source, target: Source, options: Options, size: int
) -> list[tuple[int, int, int, int]]:
    """Return the parts of a pair, about `size` bytes of both sides each: from where to where in pred and target.

    None, where the pair has to be taken as one. Raises LossctlError for what no loss can read.
    """
    if not (isinstance(pred, NpySource) and isinstance(target, NpySource) and pred.divisible and target.divisible):
        return []
    total, length = (math.prod(n or 0 for n in side.shape) for side in (pred, target))
    if options.match is not None or options.pairs is not None or not total:
        return []
    with Workers(1) as workers:
        _, walks = prepared(plain(asked), pred, target, options, workers)
    ratios = {(walk.per_target, walk.per_pred) for walk in walks}
    if not all(map(_divisible, walks)) or any(of * total != length * per for of, per in ratios):
        return []
    step = math.lcm(*(walk.per_pred * walk.block for walk in walks))
    step *= max(1, int(size / (pred.width + target.width * length / total)) // step)
    per_target, per_pred = walks[0].per_target, walks[0].per_pred
    cuts = [*range(0, total, step), total]
    return [(lo, hi, lo * per_target // per_pred, hi * per_target // per_pred) for lo, hi in pairwise(cuts)]


def _divisible(walk: Walk) -> bool:
    return isinstance(walk, SumsWalk) or (isinstance(walk, SummedWalk) and walk.ledger is None)


def walk_part(
    asked: Sequence[Asked], pred: Source, target: Source, options: Options, part: tuple[int, int, int, int]
) -> list[Found]:
    """Walk through a part; return what each loss found. Raises as an evaluation, if perhaps in other words."""
    assert isinstance(pred, NpySource)
    assert isinstance(target, NpySource)
    sides = PartSource(pred, *part[:2]), PartSource(target, *part[2:])
    with Workers(options.workers) as workers:
        read, walks = prepared(plain(asked), *sides, options, workers)
        walk_along(walks, read, workers, part[0])
    return [_found(walk) for walk in walks]


def _found(walk: Walk) -> Found:
    counts = tuple(int(getattr(walk, name)) for name in COUNTS)
    if isinstance(walk, SumsWalk):
        sums = {
            image: [[expansion(numbers) for numbers in of_class] for of_class in kept]
            for image, kept in walk.sums.items()
        }
        return Found(counts, walk.native, [], [], sums, walk.there)
    assert isinstance(walk, SummedWalk)
    return Found(counts, walk.native, expansion(walk.losses), expansion(walk.shares), {}, {})


def finish_parts(
    asked: Sequence[Asked], pred: Source, target: Source, options: Options, found: Sequence[Sequence[Found]]
) -> list[Result]:
    """Return the results of data whose parts, in order, found that. Raises as an evaluation does."""
    with Workers(options.workers) as workers:
        sides, walks = prepared(plain(asked), pred, target, options, workers)
    for walk, of_walk in zip(walks, zip(*found, strict=True), strict=True):
        for part in of_walk:
            _add(walk, part)
    inputs = tuple(side.described() for side in sides)
    return gathered(asked, [replace(finished(walk), inputs=inputs) for walk in walks])


def _add(walk: Walk, part: Found) -> None:
    for name, count in zip(COUNTS, part.counts, strict=True):
        setattr(walk, name, getattr(walk, name) + count)
    walk.native |= part.native
    if isinstance(walk, SummedWalk):
        walk.losses += part.losses
        walk.shares += part.shares
        _refuse_endless([part.losses, part.shares])
        return
    assert isinstance(walk, SumsWalk)
    for image, of_classes in part.sums.items():
        kept = walk.sums.setdefault(image, [[[] for _ in sums] for sums in of_classes])
        there = walk.there.setdefault(image, [[0, 0] for _ in of_classes])
        for c, sums in enumerate(of_classes):
            _refuse_endless(sums)
            for s, numbers in enumerate(sums):
                kept[c][s] += numbers
            there[c] = [a + b for a, b in zip(there[c], part.there[image][c], strict=True)]


def _refuse_endless(sums: Sequence[Sequence[float]]) -> None:
    """Raise DataError for a sum that is not finite: whether it is depends on what is added first."""
    if not all(math.isfinite(x) for numbers in sums for x in numbers):
        raise DataError("a sum is not finite")

"""From the losses of images and classes to results: absent classes, weights, the hardest ones, groups."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from lossctl.engine.sums import exact
from lossctl.errors import DataError, UsageError
from lossctl.run.finish import left_out, nothing, result_of
from lossctl.run.regions import Cell, Outcome, RegionsWalk
from lossctl.run.result import Group, Parts, Result
from lossctl.run.sides import Side


class Counted(NamedTuple):
    """An outcome that counts, what it counts as (absent ones as their rule says) and its weight."""

    outcome: Outcome
    loss: float
    weight: float


def _counted(walk: RegionsWalk) -> tuple[list[Counted], int]:
    """Return the outcomes that count, and how many are absent."""
    outcomes = walk.outcomes()
    counted = _counting(walk, outcomes, _region_weights(walk, len(outcomes)))
    if walk.options.hardest is not None:
        order = sorted(range(len(counted)), key=lambda place: -counted[place].loss)
        most = max(1, math.ceil(walk.options.hardest * len(counted)))
        counted = [counted[place] for place in sorted(order[:most])]
    return counted, sum(outcome.absent for outcome in outcomes)


def _counting(walk: RegionsWalk, outcomes: Sequence[Outcome], weights: Sequence[float]) -> list[Counted]:
    rule = None if walk.loss.present else {"zero": 0.0, "one": 1.0}.get(walk.options.absent)
    found = []
    for outcome, weight in zip(outcomes, weights, strict=True):
        if not outcome.absent or (walk.options.absent == "count" and not walk.loss.present):
            found.append(Counted(outcome, outcome.loss, weight))
        elif rule is not None:
            found.append(Counted(outcome, rule, weight))
    return found


def _region_weights(walk: RegionsWalk, outcomes: int) -> list[float]:
    """Return one weight per outcome; as many weights as images weigh all classes of their image."""
    if walk.options.weights is None:
        return [1.0] * outcomes
    side = Side(walk.options.weights, "weights")
    weights = [float(w) for flat in side.flat(1 << 16) for w in flat]
    if len(weights) == walk.images != outcomes and walk.options.aggregate in (None, "per-image"):
        weights = [w for w in weights for _ in range(outcomes // walk.images)]
    if len(weights) != outcomes:
        raise DataError(f"{len(weights)} weights for {outcomes} values ({walk.images} images)")
    if not all(0 <= w < math.inf for w in weights):
        raise DataError("a weight is negative or not finite")
    return weights


def _region_divisor(walk: RegionsWalk, counted: Sequence[Counted]) -> float:
    if not walk.options.averages:
        return 1.0
    return walk.options.normalizer or exact(one.weight for one in counted)


def _region_value(walk: RegionsWalk, counted: Sequence[Counted]) -> float | None:
    """Return the result of some outcomes; None where they weigh nothing."""
    divisor = _region_divisor(walk, counted)
    if not divisor > 0:
        return None
    return exact(one.loss if walk.options.weights is None else one.weight * one.loss for one in counted) / divisor


def found_of_regions(walk: RegionsWalk) -> Any:
    """Return the value of a region loss, or the losses of the images and classes that count.

    Raises DataError where none does, and UsageError where nobody says what of several images is wanted.
    """
    return _found(walk)[0]


def _found(walk: RegionsWalk) -> tuple[Any, list[Counted], int]:
    walk.ask(walk.images)
    if not walk.used:
        nothing(walk)
    counted, absent = _counted(walk)
    if not counted:
        hint = None if walk.loss.present else "--absent zero or one counts them"
        raise DataError(f"nothing to average: all {absent} image-classes are absent", hint=hint)
    endless = sum(one.loss == math.inf for one in counted)
    if endless:
        what = f"{endless} of {len(counted)} image-classes have an infinite {walk.loss.name}"
        raise DataError(what, hint="a probability of exactly 0 was given to what happened")
    if walk.options.reduction == "none":
        return [one.loss for one in counted], counted, absent
    value = _region_value(walk, counted)
    if value is None:
        raise DataError("all weights are 0", hint="there is nothing to average")
    return value, counted, absent


def finish_regions(walk: RegionsWalk) -> Result:
    """Return the result of a region loss."""
    found, counted, absent = _found(walk)
    ignored = walk.seen - walk.used
    if walk.options.reduction == "none":
        return result_of(walk, None, found, len(counted), ignored, absent, left_out(walk))
    groups = () if walk.options.group_by is None else tuple(_groups_of_regions(walk))
    totals = [one.loss if walk.options.weights is None else one.weight * one.loss for one in counted]
    parts = Parts(totals, [one.weight for one in counted], walk.pooled())
    return result_of(walk, found, None, len(counted), ignored, absent, left_out(walk), groups, parts)


def _groups_of_regions(walk: RegionsWalk) -> Iterator[Group]:
    """Yield the result of each class, or of each group of images; None where nothing in it counts."""
    by = walk.options.group_by
    if isinstance(by, str) and by == "class":
        if walk.loss.pooled:
            raise UsageError(f"{walk.loss.name} is one value of all classes", hint="--group-by image")
        outcomes = walk.outcomes()
        members = {str(c): [o for o in outcomes if o.cells[0][1] == c] for c in range(walk.reading.classes)}
        members = {label: found for label, found in members.items() if found}
    else:
        labels = list(walk.there) if isinstance(by, str) else by
        if len(labels) != walk.images:
            raise DataError(f"{len(labels)} group labels for {walk.images} images")
        images: dict[str, list[int]] = {}
        for image, label in zip(walk.there, labels, strict=True):
            images.setdefault(str(label), []).append(image)
        members = {label: walk.outcomes(found) for label, found in images.items()}
    weights = dict(
        zip((tuple(o.cells) for o in walk.outcomes()), _region_weights(walk, len(walk.outcomes())), strict=True)
    )
    for label, outcomes in members.items():
        counted = _counting(walk, outcomes, [weights.get(tuple(o.cells), 1.0) for o in outcomes])
        value = _region_value(walk, counted) if counted else None
        yield Group(label, value, len(counted), 0, sum(outcome.absent for outcome in outcomes))


def region_factors(walk: RegionsWalk) -> dict[Cell, float]:
    """Return, for each image and class that counts, d result / d its loss."""
    counted, _ = _counted(walk)
    divisor = _region_divisor(walk, counted)
    present = [one for one in counted if not one.outcome.absent or walk.options.absent == "count"]
    return {cell: one.weight / divisor for one in present for cell in one.outcome.cells}

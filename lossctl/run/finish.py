"""From sums to results: reductions, weights, absent classes, signatures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NoReturn

from lossctl import __version__
from lossctl.engine.sums import exact
from lossctl.errors import DataError, UsageError
from lossctl.loss import Request
from lossctl.run.result import Result
from lossctl.run.sides import Side, joined
from lossctl.run.walk import ItemsWalk, RegionsWalk, SummedWalk, Walk, settled


def signature(walk: Walk) -> str:
    """Return everything that decides the number, beside the data."""
    options, loss = walk.options, walk.loss
    pred_format, target_format = options.formats
    parts = [str(Request(loss, walk.settings))]
    if loss.shape == "boxes":
        parts.append(f"format={pred_format if pred_format == target_format else f'{pred_format}:{target_format}'}")
    if loss.takes_scores:
        parts.append(f"input={options.input}")
    if loss.shape in ("classes", "regions"):
        parts.append(f"layout={walk.reading.layout}")
    if isinstance(walk, RegionsWalk):
        parts += [f"aggregate={options.aggregate or 'per-image'}", f"absent={options.absent}"]
        parts += [f"activation={walk.activation}"] * (options.input == "logits")
        parts += ["include_background=no"] * (not options.include_background)
    if options.class_weights is not None:
        parts.append(f"class_weights={','.join(f'{w:g}' for w in options.class_weights)}")
    if options.ignore_index is not None:
        parts.append(f"ignore_index={options.ignore_index:g}")
    parts += [f"nonfinite={options.nonfinite}"] * (options.nonfinite != "error")
    parts += ["weights=yes"] * (options.weights is not None)
    parts += [f"like={options.like}"] * (options.like is not None)
    parts.append(f"reduction={options.reduction}")
    if options.normalizer is not None:
        parts.append(f"normalizer={options.normalizer:g}")
    return "|".join([*parts, "arithmetic=float64", f"lossctl={__version__}"])


def known_factor(walk: Walk) -> float | None:
    """Return what slopes are multiplied with where that is known before the data are read, else None."""
    options = walk.options
    if not isinstance(walk, SummedWalk) or walk.loss.root is not None or walk.reading.inner is None:
        return None
    if options.reduction != "mean":
        return 1.0
    if options.normalizer is not None:
        return 1.0 / options.normalizer
    inner, images = walk.reading.inner, walk.reading.images
    plain = walk.loss.weight is None and options.weights is None and options.ignore_index is None
    plain = plain and options.nonfinite != "skip"
    return 1.0 / (images * inner) if plain and images else None


def summed_factor(walk: SummedWalk) -> float:
    """Return what slopes are multiplied with, once the sums are known."""
    if walk.options.reduction != "mean":
        return 1.0
    divisor = walk.options.normalizer or walk.share()
    factor = 1.0 / divisor
    if walk.loss.root is not None and walk.loss.root_slope is not None:
        return factor * float(walk.loss.root_slope(walk.loss.root(walk.total() / divisor)))
    return factor


def finish_summed(walk: SummedWalk) -> Result:
    """Return the result of a loss whose items are added up."""
    options = walk.options
    warnings = _infinite(walk) + _skipped(walk)
    value: float | None = None
    values: Any = None
    if not walk.used:
        _nothing(walk)
    if options.reduction == "none":
        values = joined(walk.values)
    else:
        share = walk.share()
        if options.weights is not None and not share > 0:
            raise DataError("all weights are 0", hint="there is nothing to average")
        if options.reduction == "mean" and options.normalizer is None and not share > 0 and share == share:
            raise DataError(f"{walk.loss.name}: every item weighs 0", hint="there is nothing to average")
        value = walk.total()
        if options.reduction == "mean":
            value /= options.normalizer or share
        if walk.loss.root is not None:
            value = float(walk.loss.root(value))
    return _result(walk, value, values, walk.used, walk.seen - walk.used, None, warnings)


def _infinite(walk: SummedWalk) -> list[str]:
    if not walk.infinite:
        return []
    what = f"{walk.infinite} of {walk.used} items have an infinite {walk.loss.name}"
    if walk.loss.takes_scores:
        raise DataError(what, hint="a probability of exactly 0 was given to what happened")
    return [what]


def _skipped(walk: Walk) -> list[str]:
    left_out = walk.seen - walk.used
    if walk.options.nonfinite != "skip" or not left_out:
        return []
    why = "ignored or not finite" if walk.options.ignore_index is not None else "not finite"
    return [f"{left_out} of {walk.seen} items are left out: {why}"]


def _nothing(walk: Walk) -> NoReturn:
    raise DataError(f"nothing to average: all {walk.seen} items are ignored")


def _result(
    walk: Walk,
    value: float | None,
    values: Any,
    count: int,
    ignored: int,
    absent: int | None,
    warnings: Sequence[str],
) -> Result:
    degenerate = walk.degenerate if isinstance(walk, ItemsWalk) else 0
    return Result(
        loss=walk.loss.name, family=walk.loss.family, parameters=walk.settings, reduction=walk.options.reduction,
        value=value, values=values, count=count, ignored=ignored, degenerate=degenerate,
        signature=signature(walk), absent=absent, infinite=walk.infinite, warnings=tuple(warnings),
    )  # fmt: skip


Group = tuple[list[tuple[int, int]], list[float], float]


def _present(walk: RegionsWalk) -> tuple[list[Group], list[float], int]:
    """Return the ratios that count, each with its weight, their losses, and how many are absent."""
    groups = walk.groups()
    weights = _region_weights(walk, len(groups))
    counted = walk.options.absent == "count"
    rule = {"zero": 0.0, "one": 1.0}.get(walk.options.absent)
    found: list[Group] = []
    losses: list[float] = []
    absent = 0
    for (cells, sums, is_absent), weight in zip(groups, weights, strict=True):
        absent += is_absent
        is_absent = is_absent and not counted
        if is_absent and rule is None:
            continue
        found.append(([] if is_absent else cells, sums, weight))
        losses.append(
            rule if is_absent and rule is not None else float(walk.loss.value(*sums, *settled(walk.settings)))
        )
    return found, losses, absent


def _region_weights(walk: RegionsWalk, groups: int) -> list[float]:
    """Return one weight per ratio; as many weights as images weigh all classes of their image."""
    if walk.options.weights is None:
        return [1.0] * groups
    side = Side(walk.options.weights, "weights")
    weights = [float(w) for flat in side.flat(1 << 16) for w in flat]
    images = len(walk.sums)
    if len(weights) == images != groups and walk.options.aggregate in (None, "per-image"):
        weights = [w for w in weights for _ in range(groups // images)]
    if len(weights) != groups:
        raise DataError(f"{len(weights)} weights for {groups} values ({images} images)")
    if not all(0 <= w < math.inf for w in weights):
        raise DataError("a weight is negative or not finite")
    return weights


def _region_divisor(walk: RegionsWalk, groups: Sequence[Group]) -> float:
    if walk.options.reduction != "mean":
        return 1.0
    return walk.options.normalizer or exact(weight for _, _, weight in groups)


def finish_regions(walk: RegionsWalk) -> Result:
    """Return the result of a region loss."""
    if len(walk.sums) > 1 and walk.options.aggregate is None:
        raise UsageError(
            f"{len(walk.sums)} images: {walk.loss.name} of each, or of all pixels together?",
            hint="--aggregate per-image or --aggregate global",
        )
    if not walk.used:
        _nothing(walk)
    groups, losses, absent = _present(walk)
    ignored = walk.seen - walk.used
    if not groups:
        raise DataError(
            f"nothing to average: all {absent} image-classes are absent",
            hint="--absent zero or one counts them",
        )
    if walk.options.reduction == "none":
        return _result(walk, None, losses, len(losses), ignored, absent, _skipped(walk))
    divisor = _region_divisor(walk, groups)
    if not divisor > 0:
        raise DataError("all weights are 0", hint="there is nothing to average")
    weighted = [
        loss if walk.options.weights is None else weight * loss
        for (_, _, weight), loss in zip(groups, losses, strict=True)
    ]
    return _result(walk, exact(weighted) / divisor, None, len(losses), ignored, absent, _skipped(walk))


def region_slopes(walk: RegionsWalk) -> dict[tuple[int, int], list[float]]:
    """Return the derivatives of the reduced loss by the sums of each image and class."""
    groups, _, _ = _present(walk)
    divisor = _region_divisor(walk, groups)
    assert walk.loss.slope is not None
    slopes: dict[tuple[int, int], list[float]] = {}
    for cells, sums, weight in groups:
        by = walk.loss.slope(*sums, *settled(walk.settings))
        by = by if isinstance(by, tuple) else (by,)
        for cell in cells:
            slopes[cell] = [weight / divisor * float(slope) for slope in by]
    return slopes

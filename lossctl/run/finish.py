"""From sums to results: reductions, weights, absent classes, signatures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

from lossctl import __version__
from lossctl.engine.sums import exact
from lossctl.errors import DataError, UsageError
from lossctl.requests import Request
from lossctl.run.foreground import Foreground
from lossctl.run.ledger import Ledger, Portion, grouped
from lossctl.run.regions import Cell, Outcome, RegionsWalk
from lossctl.run.result import Group, Parts, Result
from lossctl.run.sides import Side, joined
from lossctl.run.walk import SummedWalk, Walk


def signature(walk: Walk) -> str:
    """Return everything that decides the number, beside the data."""
    options, loss = walk.options, walk.loss
    pred_format, target_format = options.formats
    parts = [str(Request(loss, walk.settings))]
    if loss.shape == "boxes":
        parts.append(f"format={pred_format if pred_format == target_format else f'{pred_format}:{target_format}'}")
    if loss.shape == "rotated":
        parts.append(f"angle={options.angle}")
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
    if options.weights is not None:
        parts.append(f"weights={options.weights if isinstance(options.weights, Foreground) else 'yes'}")
    parts += [f"pairs={options.pairs}"] * (options.pairs is not None)
    if options.match is not None:
        given = (("by", options.match_by), ("score", options.match_score))
        by = [f"{name}={kind.name.replace(',', '+')}" for name, kind in given if kind is not None]
        parts.append(f"match={options.match}({','.join([f'threshold={options.threshold:g}', *by])})")
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
    if options.hardest is not None:
        return None
    if not options.averages:
        return 1.0
    if options.normalizer is not None:
        return 1.0 / options.normalizer
    inner, images = walk.reading.inner, walk.reading.images
    plain = walk.loss.weight is None and options.weights is None and options.ignore_index is None
    plain = plain and options.nonfinite != "skip"
    return 1.0 / (images * inner) if plain and images else None


def summed_factor(walk: SummedWalk) -> float:
    """Return what slopes are multiplied with, once the sums are known."""
    if not walk.options.averages:
        return 1.0
    whole = _whole(walk)
    divisor = walk.options.normalizer or whole.share
    factor = 1.0 / divisor
    if walk.loss.root is not None and walk.loss.root_slope is not None:
        return factor * float(walk.loss.root_slope(walk.loss.root(whole.total / divisor)))
    return factor


def finish_summed(walk: SummedWalk) -> Result:
    """Return the result of a loss whose items are added up."""
    warnings = _infinite(walk) + _weightless(walk) + _skipped(walk)
    if not walk.used:
        _nothing(walk)
    ignored = walk.seen - walk.used
    if walk.options.reduction == "none":
        return _result(walk, None, joined(walk.values), walk.used, ignored, None, warnings)
    groups: tuple[Group, ...] = ()
    if walk.ledger is not None:
        walk.ledger.close()
        if walk.options.hardest is not None:
            places = walk.ledger.hardest(walk.ledger.counted(), walk.options.hardest)
            walk.chosen, walk.whole = walk.ledger.mask(places), walk.ledger.sums(places)
        if walk.options.group_by is not None:
            groups = tuple(_groups_of_items(walk, walk.ledger))
    value = _reduced(walk, _whole(walk))
    return _result(walk, value, None, walk.used, ignored, None, warnings, groups, _parts_of_items(walk))


def _parts_of_items(walk: SummedWalk) -> Parts:
    if walk.whole is not None:
        return Parts([walk.whole.total], [walk.whole.share])
    own = walk.loss.convention is not None and walk.loss.convention.divisor is not None
    return Parts(walk.losses, [walk.share()] if own else walk.shares)


def _whole(walk: SummedWalk) -> Portion:
    """Return the sums over all items that count in the result."""
    return walk.whole or Portion(walk.total(), walk.share())


def _reduced(walk: SummedWalk, portion: Portion) -> float:
    """Return the result of some items. Raises DataError where they weigh nothing."""
    options = walk.options
    value, share = portion.total, portion.share
    if options.weights is not None and not share > 0:
        raise DataError("all weights are 0", hint="there is nothing to average")
    if options.averages:
        if options.normalizer is None and not share > 0 and share == share:
            why = walk.loss.weightless or "there is nothing to average"
            raise DataError(f"{walk.loss.name}: every item weighs 0", hint=why)
        value /= options.normalizer or share
    return value if walk.loss.root is None else float(walk.loss.root(value))


def _groups_of_items(walk: SummedWalk, ledger: Ledger) -> Iterator[Group]:
    """Yield the result of each group, as if there were no others; None where nothing in it counts."""
    import numpy as np

    by = walk.options.group_by
    kind = by if isinstance(by, str) else ""
    images = walk.reading.images or 1
    labels = {"class": ledger.labels, "image": range(images)}.get(kind, by)
    found = grouped(labels, len(ledger.values), images if kind == "image" else walk.labelled)
    if kind:
        found.sort(key=lambda group: int(group[0]))
    counted = np.zeros(len(ledger.values), bool)
    counted[ledger.counted()] = True
    for label, places in found:
        if kind == "class" and not counted[places].any():
            # Not a class: the label of what is ignored.
            continue
        kept = places[counted[places]]
        used = kept if walk.options.hardest is None or not len(kept) else ledger.hardest(kept, walk.options.hardest)
        try:
            value = _reduced(walk, ledger.sums(used)) if len(used) else None
        except DataError:
            value = None
        yield Group(label, value, len(kept), len(places) - len(kept))


def _infinite(walk: SummedWalk) -> list[str]:
    if not walk.infinite:
        return []
    what = f"{walk.infinite} of {walk.used} items have an infinite {walk.loss.name}"
    if walk.loss.takes_scores:
        raise DataError(what, hint="a probability of exactly 0 was given to what happened")
    return [what]


def _weightless(walk: SummedWalk) -> list[str]:
    if not (walk.weightless and walk.loss.weightless):
        return []
    return [f"{walk.loss.name}: {walk.weightless} of {walk.used} items weigh 0: {walk.loss.weightless}"]


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
    groups: tuple[Group, ...] = (),
    parts: Parts | None = None,
) -> Result:
    return Result(
        loss=walk.loss.name, family=walk.loss.family, parameters=walk.settings, reduction=walk.options.reduction,
        value=value, values=values, count=count, ignored=ignored, degenerate=walk.degenerate,
        signature=signature(walk), absent=absent, infinite=walk.infinite, groups=groups,
        warnings=tuple(warnings), parts=parts,
    )  # fmt: skip


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


def finish_regions(walk: RegionsWalk) -> Result:
    """Return the result of a region loss."""
    if walk.images > 1 and walk.options.aggregate is None:
        raise UsageError(
            f"{walk.images} images: {walk.loss.name} of each, or of all pixels together?",
            hint="--aggregate per-image or --aggregate global",
        )
    if not walk.used:
        _nothing(walk)
    counted, absent = _counted(walk)
    ignored = walk.seen - walk.used
    if not counted:
        hint = None if walk.loss.present else "--absent zero or one counts them"
        raise DataError(f"nothing to average: all {absent} image-classes are absent", hint=hint)
    endless = sum(one.loss == math.inf for one in counted)
    if endless:
        what = f"{endless} of {len(counted)} image-classes have an infinite {walk.loss.name}"
        raise DataError(what, hint="a probability of exactly 0 was given to what happened")
    if walk.options.reduction == "none":
        return _result(walk, None, [one.loss for one in counted], len(counted), ignored, absent, _skipped(walk))
    value = _region_value(walk, counted)
    if value is None:
        raise DataError("all weights are 0", hint="there is nothing to average")
    groups = () if walk.options.group_by is None else tuple(_groups_of_regions(walk))
    totals = [one.loss if walk.options.weights is None else one.weight * one.loss for one in counted]
    parts = Parts(totals, [one.weight for one in counted], walk.pooled())
    return _result(walk, value, None, len(counted), ignored, absent, _skipped(walk), groups, parts)


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

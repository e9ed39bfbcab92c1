"""From the sums of items to results: reductions, weights, the hardest items, groups."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from lossctl.errors import DataError
from lossctl.run.ledger import Ledger, Portion, grouped
from lossctl.run.result import Group, Parts, Result
from lossctl.run.sides import joined
from lossctl.run.signature import signature
from lossctl.run.walk import SummedWalk, Walk, settled


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
    plain = options.weights is None and options.ignore_index is None and options.nonfinite != "skip"
    plain = plain and (walk.loss.weight is None or _rows_count_one(walk))
    return 1.0 / (images * inner) if plain and images else None


def _rows_count_one(walk: SummedWalk) -> bool:
    """Tell whether every row of scores with a label counts for 1 in the mean, whatever its scores are."""
    loss, classes = walk.loss, walk.reading.classes
    plain = walk.reading.target == "labels" and walk.options.class_weights is None and loss.convention is None
    if not plain or loss.weight is None or loss.shape != "classes":
        return False
    known = {"class_weight": 1.0, "classes": classes}
    rest = settled(walk.settings)
    # What depends on the scores becomes NaN.
    hit, miss = (
        loss.weight(*((known | {"y": y}).get(name, math.nan) for name in loss.data), *rest) for y in (1.0, 0.0)
    )
    return bool(hit + (classes - 1) * miss == 1.0)


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


def found_of_items(walk: SummedWalk) -> Any:
    """Return the value of a loss whose items are added up, or the values of the items that count.

    Raises DataError where none does.
    """
    _infinite(walk)
    if not walk.used:
        nothing(walk)
    return joined(walk.values) if walk.options.reduction == "none" else _reduced(walk, _whole(walk))


def finish_summed(walk: SummedWalk) -> Result:
    """Return the result of a loss whose items are added up."""
    if walk.ledger is not None and walk.used:
        walk.ledger.close()
        if walk.options.hardest is not None:
            places = walk.ledger.hardest(walk.ledger.counted(), walk.options.hardest)
            walk.chosen, walk.whole = walk.ledger.mask(places), walk.ledger.sums(places)
    found = found_of_items(walk)
    ignored = walk.seen - walk.used
    warnings = _infinite(walk) + _weightless(walk) + left_out(walk)
    if walk.options.reduction == "none":
        return result_of(walk, None, found, walk.used, ignored, None, warnings)
    groups: tuple[Group, ...] = ()
    if walk.ledger is not None and walk.options.group_by is not None:
        groups = tuple(_groups_of_items(walk, walk.ledger))
    return result_of(walk, found, None, walk.used, ignored, None, warnings, groups, _parts_of_items(walk))


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


def left_out(walk: Walk) -> list[str]:
    """Return a warning where items were skipped."""
    left_out = walk.seen - walk.used
    if walk.options.nonfinite != "skip" or not left_out:
        return []
    why = "ignored or not finite" if walk.options.ignore_index is not None else "not finite"
    return [f"{left_out} of {walk.seen} items are left out: {why}"]


def nothing(walk: Walk) -> NoReturn:
    """Raise DataError: every item is ignored."""
    raise DataError(f"nothing to average: all {walk.seen} items are ignored")


def result_of(
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
    """Return the result of a walk."""
    return Result(
        loss=walk.loss.name, family=walk.loss.family, parameters=walk.settings, reduction=walk.options.reduction,
        value=value, values=values, count=count, ignored=ignored, degenerate=walk.degenerate,
        signature=signature(walk), absent=absent, infinite=walk.infinite, groups=groups,
        warnings=tuple(warnings), parts=parts,
    )  # fmt: skip

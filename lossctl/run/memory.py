"""What an evaluation has to hold at once: told, and refused where it is too much, before it is read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lossctl.data.memory import claim
from lossctl.run.reading import shown
from lossctl.run.regions import RegionsWalk
from lossctl.run.sides import ArraySource, Side, Sides
from lossctl.run.walk import Walk

# Units that no data have: all, however many.
UNKNOWN = 1 << 40
# Bytes for each item whose loss is kept: in pieces and joined; of a ledger with portions, weights and an order.
KEPT, NOTED = 16, 64
# Bytes for what is known of an image and class.
CELL = 1200
# Bytes for each pixel and class of a whole image beside its numbers; for each pixel of what is sorted at the same time,
# or of what distances are taken in; and for each number of a gradient.
PLANES, SORTED, DISTANT, SLOPES = 32, 72, 112, 24


def refuse_too_large(walks: Sequence[Walk], sides: Sides, size: int, with_slopes: bool) -> None:
    """Raise LimitError where the data are too large for what is asked; of data of unknown size nothing is known yet."""
    numbers = _numbers(sides.pred)
    for walk in walks:
        whole, units = walk.loss.whole, walk.chunk(size)
        if numbers is not None:
            units = min(units, -(-numbers // max(1, walk.per_pred)))
        if (whole or units * walk.per_pred > size) and units < UNKNOWN:
            _refuse_chunk(walk, sides, units, whole, with_slopes)
        if numbers is not None:
            refuse_items(walk, numbers // walk.per_pred * walk.per_weight)


def _refuse_chunk(walk: Walk, sides: Sides, units: int, whole: bool, with_slopes: bool) -> None:
    count = units * walk.per_pred
    total = _numbers(sides.pred)
    # The next chunk is read while one is computed.
    copies = 1 if total is not None and count >= total else 2
    need = copies * (_held(sides.pred, count) + _held(sides.target, units * walk.per_target))
    need += SLOPES * count if with_slopes else 0
    hint = "tiles of an image need less"
    what = f"{walk.loss.name} of {shown(sides.pred.source.shape)}, an image at a time,"
    if whole:
        pooled = walk.options.aggregate == "global"
        pixels = count // walk.reading.classes
        at_once = min(walk.options.workers, walk.reading.classes * (1 if pooled else max(1, walk.reading.images or 1)))
        need += PLANES * count + (DISTANT if "from_pred" in walk.loss.data else SORTED) * pixels * at_once
        what = f"{walk.loss.name} of {shown(sides.pred.source.shape)}, in which a pixel depends on all others,"
    elif not walk.reading.rows_first:
        hint = "with the classes last (NHWC) it is read in pieces"
    claim(need, walk.options.most, what, hint)


def refuse_items(walk: Walk, items: int) -> None:
    """Raise LimitError where the losses of so many items are too many to be kept, if they are to be kept."""
    options = walk.options
    if isinstance(walk, RegionsWalk):
        images = walk.reading.images or 1
        what = f"{walk.loss.name} of {images} images and {walk.reading.classes} classes, the sums of each,"
        claim(CELL * images * walk.reading.classes, options.most, what, "a file of fewer images, or a batch of files")
        return
    if options.by_item:
        what = "a result for each group" if options.hardest is None else f"reduction {options.reduction}"
        claim(NOTED * items, options.most, f"{what} of {items} items", "mean and sum hold no items")
    elif options.reduction == "none":
        claim(KEPT * items, options.most, f"reduction none of {items} items", "mean and sum hold no items")


def _numbers(side: Side) -> int | None:
    shape = side.source.shape
    return None if None in shape else math.prod(n for n in shape if n is not None)


def _held(side: Side | None, count: int) -> int:
    """Return the bytes of so many numbers of a side, which for an array are there already."""
    if side is None or isinstance(side.source, ArraySource):
        return 0
    # As kernels take them: all but these are widened.
    narrow = {"float32": 4, "float16": 4} | ({"uint8": 1, "bool": 1} if side.role == "target" else {})
    return count * narrow.get(side.source.dtype, 8)

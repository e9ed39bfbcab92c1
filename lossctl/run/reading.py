"""How two shapes are to be read: which axis is which, inferred when only one reading fits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

from lossctl.errors import DataError, UsageError
from lossctl.loss import BOX_WIDTHS, Loss, find, names
from lossctl.run.options import Options

Dims = tuple[int | None, ...]
AXES = {
    "items": "every number is an item",
    "boxes": "one box a row",
    "HW": "one image, one channel",
    "NHW": "images of one channel",
    "CHW": "one image, classes first",
    "NCHW": "images, classes first",
    "NHWC": "images, classes last",
    "NC": "rows of class scores",
}


class Reading(NamedTuple):
    """One way to read a prediction and a target.

    `target` says what the target holds: `same` (a number per number), labels, shares (distributions or one-hot
    rows), mask (one channel), logits or none. `inner` is the number of pixels or rows of one image; None when only
    reading to the end tells. `line` is how many pixels one line of an image has; None where an image is one line.
    """

    layout: str
    target: Literal["same", "labels", "shares", "mask", "logits", "none"]
    images: int | None
    inner: int | None
    classes: int
    line: int | None = None
    shape: Dims = ()

    @property
    def rows_first(self) -> bool:
        """Whether the scores of one row or pixel lie together, so that data can be cut between any two."""
        return self.classes == 1 or self.layout in ("NC", "NHWC")

    def grid(self, images: int, inner: int) -> tuple[int, int, int, int, int, int]:
        """Return (images, inner, classes, image stride, step between rows, pitch between classes)."""
        step, pitch = (self.classes, 1) if self.rows_first else (1, inner)
        return images, inner, self.classes, self.classes * inner, step, pitch

    def __str__(self) -> str:
        """Describe it in words."""
        return f"{self.layout} ({AXES[self.layout]}), target: {self.target}"


def read(loss: Loss, pred: Dims, target: Dims | None, options: Options) -> Reading:
    """Return the reading of a prediction and a target for a loss.

    Raises DataError when no reading fits, UsageError when two do and `options.layout` does not choose.
    """
    if loss.shape in (*BOX_WIDTHS, "numbers", "binary"):
        return _read_items(loss, pred, target, options)
    fitting = [r for r in _candidates(loss, pred, target, options) if options.layout in (None, r.layout)]
    shapes = f"{shown(pred)} and {shown(target)}" if target is not None else shown(pred)
    if not fitting:
        asked = f" as {options.layout}" if options.layout else ""
        raise DataError(f"{loss.name} cannot read {shapes}{asked}", hint=_expected(loss, pred))
    if len(fitting) > 1:
        ways = " or ".join(f"--layout {r.layout} ({AXES[r.layout]})" for r in fitting)
        raise UsageError(f"{shapes} can be read in {len(fitting)} ways", hint=ways)
    return fitting[0]._replace(shape=pred)


def _read_items(loss: Loss, pred: Dims, target: Dims | None, options: Options) -> Reading:
    if target is None:
        raise UsageError(f"{loss.name} needs a target")
    if loss.shape in BOX_WIDTHS:
        width = loss.per_item
        for side, shape in (("prediction", pred), ("target", target)):
            if len(shape) != 2 or shape[1] != width:
                hint = of_width(shape[1]) if len(shape) == 2 else None
                raise DataError(f"the {side} is {shown(shape)}, expected N×{width}: one box a row", hint=hint)
        return Reading("boxes", "same", 1, pred[0], 1, shape=pred)
    if len(pred) != len(target) or any(a != b for a, b in zip(pred[1:], target[1:], strict=True)):
        raise DataError(
            f"{loss.name} compares number with number, but the shapes are {shown(pred)} and {shown(target)}",
            hint="nothing is broadcast; reshape one side",
        )
    return Reading("items", "same", 1, _product(pred), 1, shape=pred)


def of_width(width: int | None) -> str | None:
    """Return what boxes of that many numbers are and which losses take them, if any do."""
    for shape, numbers in BOX_WIDTHS.items():
        if numbers == width:
            takers = [name for name in names("box") if find(name).shape == shape]
            listed = f"{', '.join(takers[:4])}{', …' if len(takers) > 4 else ''}"
            return f"boxes of {width} numbers are for {listed}"
    return None


def _candidates(loss: Loss, pred: Dims, target: Dims | None, options: Options) -> Iterator[Reading]:
    regions = loss.shape == "regions"
    if loss.binary and target is not None and len(row := _squeezed(pred)) < 2 and _same(row, _squeezed(target)):
        yield Reading("HW", "mask", 1, _product(pred), 1)
        if options.layout is None:
            # A single row against its like is a list of yes and no, not one row of classes.
            return
    one_channel = regions or (loss.binary and options.layout in ("HW", "NHW"))
    if one_channel and target is not None and _same(pred, target):
        if len(pred) in (1, 2):
            yield Reading("HW", "mask", 1, _product(pred), 1, pred[1] if len(pred) == 2 else None)
        if len(pred) == 3:
            yield Reading("NHW", "mask", pred[0], _product(pred[1:]), 1, pred[2])
    for layout in ("NC", "CHW", "NCHW", "NHWC"):
        axis = layout.index("C")
        if len(layout) != len(pred):
            continue
        classes = pred[axis]
        if classes is None:
            continue
        rows = pred[:axis] + pred[axis + 1 :]
        images = pred[0] if layout in ("NCHW", "NHWC") else 1
        inner = _product(rows[1:] if layout in ("NCHW", "NHWC") else rows)
        line = None if layout == "NC" else rows[-1]
        if regions and classes == 1 and layout != "NC" and target is not None and _labels_fit(pred, rows, target):
            yield Reading(layout, "mask", images, inner, 1, line)
            return
        if classes < 2:
            continue
        kind = _target_kind(loss, pred, rows, target)
        if regions and kind == "shares" and layout == "NC" and options.layout != "NC":
            # An N×C mask against its like is one image; rows of one-hot pixels have to be asked for.
            continue
        if kind is not None:
            yield Reading(layout, kind, images, inner, classes, line)


def _target_kind(
    loss: Loss, pred: Dims, rows: Dims, target: Dims | None
) -> Literal["labels", "shares", "logits", "none"] | None:
    if target is None or not loss.has_target:
        return "none" if not loss.has_target else None
    if loss.target_input == "logits":
        return "logits" if _same(pred, target) else None
    if _same(pred, target):
        return "shares"
    return "labels" if _labels_fit(pred, rows, target) else None


def _labels_fit(pred: Dims, rows: Dims, target: Dims) -> bool:
    """Tell whether a target has one entry per row: the rows' shape, perhaps with axes of length 1 beside it."""
    return _same(_squeezed(rows), _squeezed(target)) or _same(pred, target)


def _squeezed(shape: Dims) -> Dims:
    return tuple(n for n in shape if n != 1)


def _same(a: Dims, b: Dims) -> bool:
    return len(a) == len(b) and all(m == n or m is None or n is None for m, n in zip(a, b, strict=True))


def _product(shape: Dims) -> int | None:
    known = [n for n in shape if n is not None]
    return math.prod(known) if len(known) == len(shape) else None


def shown(shape: Dims) -> str:
    """Write a shape: `N×4`."""
    return "×".join("N" if n is None else str(n) for n in shape) or "a single number"


def _expected(loss: Loss, pred: Dims) -> str:
    if loss.shape == "regions":
        return "a mask and its like (HW, NHW), or class scores (CHW, NCHW, NHWC) and a class map or one-hot classes"
    if not loss.has_target:
        return "expected rows of class scores: NC, CHW, NCHW or NHWC, and no target"
    if loss.target_input == "logits":
        return "expected logits of one shape on both sides: NC, CHW, NCHW or NHWC"
    return "expected class scores (NC, CHW, NCHW, NHWC) and a class index per row, or distributions of the same shape"

"""Which item is invalid, and what its owner should know. Only runs once a kernel has counted one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

from lossctl.errors import LossctlError
from lossctl.maths import FARTHEST_ANGLE
from lossctl.run.regions import RegionsWalk
from lossctl.run.rows import RowsWalk, tolerance
from lossctl.run.sides import Side
from lossctl.run.walk import Chunk, ItemsWalk, Walk, settled

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

# Labels that people give to what has no class.
VOID = (255.0, -1.0, -100.0)
# Text of unknown length that holds fewer numbers was read in one piece.
ONE_PIECE = 1 << 19


def refuse(walk: Walk, chunk: Chunk, pred: Side, target: Side | None) -> NoReturn:
    """Raise the DataError that names the first invalid item of a chunk."""
    import numpy as np

    p = np.asarray(chunk.pred, np.float64)
    t = np.asarray(chunk.target, np.float64)
    lenient = walk.options.nonfinite != "error"
    if isinstance(walk, ItemsWalk) and walk.per_pred > 1:
        _refuse_boxes(p.reshape(chunk.units, -1), chunk.first, pred, walk.formats[0], lenient)
        if target is not None:
            _refuse_boxes(t.reshape(chunk.units, -1), chunk.first, target, walk.formats[1], lenient)
    scores = p.reshape(chunk.units, -1)
    at = chunk.first * walk.per_pred
    keep = np.isfinite(p) if lenient else np.ones(len(p), bool)
    if walk.per_target == walk.per_pred and walk.reading.target in ("same", "mask"):
        keep &= t != walk.ignore
    probable = walk.source == "probs" and walk.loss.takes_scores
    refuse_numbers(p, keep, at, pred, probable)
    if target is not None and len(t):
        at_target = chunk.first * walk.per_target
        keep = np.isfinite(t) if lenient else np.ones(len(t), bool)
        if walk.reading.target == "labels" and isinstance(walk, RowsWalk | RegionsWalk):
            _refuse_labels(t, keep, at_target, target, walk)
        if walk.reading.target in ("same", "mask"):
            keep &= t != walk.ignore
        refuse_numbers(t, keep, at_target, target, walk.loss.takes_scores)
        if walk.reading.target == "shares":
            _refuse_rows(walk, t.reshape(chunk.units, -1), chunk, target, tolerance(chunk.target))
    if walk.loss.inside is not None:
        _refuse_outside(walk, p, t, chunk, pred)
    if probable:
        _refuse_rows(walk, scores, chunk, pred, tolerance(chunk.pred))
    raise LossctlError(f"{walk.loss.name} found an invalid item between {chunk.first} and {chunk.first + chunk.units}")


def _refuse_boxes(boxes: Numbers, first: int, side: Side, box_format: str, lenient: bool) -> None:
    import numpy as np

    finite: Any = np.isfinite(boxes).all(axis=1)
    with np.errstate(invalid="ignore"):
        ordered = boxes[:, 2:4] >= (boxes[:, :2] if box_format == "xyxy" else 0)
        # The angle of a rotated box.
        ordered = np.column_stack([ordered, np.abs(boxes[:, 4:]) <= FARTHEST_ANGLE])
    bad = np.flatnonzero(finite & ~ordered.all(axis=1) if lenient else ~finite | ~ordered.all(axis=1))
    if not len(bad):
        return
    box, row = boxes[bad[0]], first + int(bad[0])
    shown = f"({', '.join(f'{x:.12g}' for x in box)})"
    more = such(side, boxes, len(bad), "boxes")
    hint: str | None
    if not finite[bad[0]]:
        what, hint = f"coordinate that is not finite in {shown}", _nonfinite("boxes")
    elif not ordered[bad[0], 2:].all():
        what = f"angle beyond ±{FARTHEST_ANGLE:.0f} {box_format} in {shown}"
        hint = "a box is cx,cy,w,h,angle"
    elif len(box) == 5:
        what, hint = f"negative size in {shown}", "a box is cx,cy,w,h,angle"
    elif box_format != "xyxy":
        what, hint = f"negative size in {shown}", f"is it xyxy? try --{side.role}-format xyxy"
    else:
        wrong = " and ".join(f"{axis}2 < {axis}1" for axis, ok in zip("xy", ordered[bad[0]], strict=True) if not ok)
        what = f"inverted box {shown}: {wrong}"
        # As width and height only positive numbers make sense.
        hint = "is it xywh? try --box-format xywh" if (box[2:] >= 0).all() else "the corners are in the wrong order"
    raise side.fault(f"row {row}: {what}{more}", hint, row, joint=" ")


def _nonfinite(items: str) -> str:
    return f"--nonfinite skip leaves such {items} out, --nonfinite propagate computes with them"


def refuse_numbers(flat: Numbers, keep: Any, at: int, side: Side, bounded: bool) -> None:
    """Refuse the first of the kept numbers that is not finite, or (bounded) not in 0..1."""
    import numpy as np

    bad = np.flatnonzero(keep & ~np.isfinite(flat))
    if len(bad):
        what, hint = f"{flat[bad[0]]:g} at {{}}", _nonfinite("items")
    else:
        bad = np.flatnonzero(keep & ~((flat >= 0) & (flat <= 1))) if bounded else bad
        if not len(bad):
            return
        kind = "target" if side.role == "target" else "probability"
        what = f"{kind} {flat[bad[0]]:.12g} at {{}} is outside 0..1"
        hint = "are these logits? --input logits"
        if side.role == "target":
            values = np.unique(flat[keep])
            masked = len(values) == 2 and values[0] == 0
            hint = f"a mask of 0 and {values[1]:g}? divide it by {values[1]:g}" if masked else "targets lie in 0..1"
            if len(values) <= 3 and values[-1] == 255 and not masked:
                hint = "--ignore-index 255"
    place = at + int(bad[0])
    raise side.fault(what.format(index_of(side, place)) + such(side, flat, len(bad)), hint, row_of(side, place))


def _refuse_labels(flat: Numbers, keep: Any, at: int, side: Side, walk: Walk) -> None:
    import numpy as np

    classes = walk.reading.classes
    fits = (flat >= 0) & (flat < classes) & (flat == np.floor(flat)) | (flat == walk.ignore)
    bad = np.flatnonzero(keep & ~fits)
    if not len(bad):
        return
    offenders = np.unique(flat[bad])
    listed = ", ".join(f"{x:.12g}" for x in offenders[:5]) + (", …" if len(offenders) > 5 else "")
    more = such(side, flat, len(bad))
    place = at + int(bad[0])
    what = f"label {flat[bad[0]]:.12g} at {index_of(side, place)} is outside 0..{classes - 1}"
    hint = f"labels are whole numbers from 0 to {classes - 1}"
    if len(offenders) == 1 and offenders[0] in VOID:
        hint = f"--ignore-index {offenders[0]:.0f}"
    elif len(offenders) > 1:
        more = f"{more[:-1]}: {listed})"
    raise side.fault(what + more, hint, row_of(side, place))


def _refuse_outside(walk: Walk, p: Numbers, t: Numbers, chunk: Chunk, side: Side) -> None:
    inside = walk.loss.inside
    assert inside is not None
    for row, (x, y) in enumerate(zip(p.tolist(), t.tolist(), strict=True)):
        if y != walk.ignore and x == x and y == y and not inside(x, y, *settled(walk.settings)):
            place = chunk.first + row
            what = f"prediction {x:.12g}, target {y:.12g} at {index_of(side, place)}: {walk.loss.domain}"
            raise side.fault(what, None, row_of(side, place))


def _refuse_rows(walk: Walk, scores: Numbers, chunk: Chunk, side: Side, limit: float) -> None:
    import numpy as np

    classes = walk.reading.classes
    rows_first = walk.reading.rows_first
    rows = scores.reshape(-1, classes) if rows_first else np.moveaxis(scores.reshape(chunk.units, classes, -1), 1, 2)
    totals = rows.reshape(-1, classes).sum(axis=1)
    # A sum that is NaN is not among them: that row was left out, or refused before.
    bad = np.flatnonzero(np.abs(totals - 1) > limit)
    if not len(bad):
        return
    row = chunk.first * (len(totals) // chunk.units) + int(bad[0])
    where = f"of row {row}"
    if walk.reading.layout != "NC" and len(walk.reading.layout) == len(side.source.shape):
        axes = [n or 1 for n, axis in zip(side.source.shape, walk.reading.layout, strict=True) if axis != "C"]
        where = f"at ({', '.join(str(int(i)) for i in np.unravel_index(row, axes))})"
    hint = "are these logits? --input logits" if side.role == "pred" else "a target distribution sums to 1"
    what = f"the probabilities {where} sum to {totals[bad[0]]:.9g}{such(side, scores, len(bad), 'rows')}"
    raise side.fault(what, hint, row if rows_first else None)


def such(side: Side, flat: Numbers, count: int, what: str = "values") -> str:
    """Return how many such there are: in all the data, or in what was read of them."""
    shape = side.source.shape
    total = math.prod(n for n in shape if n is not None)
    whole = flat.size == total if None not in shape else flat.size < ONE_PIECE
    return f" ({count} such {what}{'' if whole else ' so far'})" if count > 1 or not whole else ""


def index_of(side: Side, flat: int) -> str:
    """Return a flat index as the array's own: `(3, 0, 17)`; in a table its row and column."""
    index: list[int] = []
    for n in side.source.shape[:0:-1]:
        flat, rest = divmod(flat, n or 1)
        index.insert(0, rest)
    if side.source.columns and len(index) == 1:
        return f"row {flat}, column {side.source.columns[index[0]]}"
    return f"({', '.join(map(str, [flat, *index]))})" if index else f"row {flat}"


def row_of(side: Side, flat: int) -> int:
    """Return the row that a flat index is in."""
    return flat // max(1, side.per_row)

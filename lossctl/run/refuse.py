"""Which item is invalid, and what its owner should know. Only runs once a kernel has counted one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from lossctl.errors import DataError, LossctlError
from lossctl.run.sides import Side
from lossctl.run.walk import Chunk, ItemsWalk, RegionsWalk, RowsWalk, Walk, tolerance

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]


def refuse(walk: Walk, chunk: Chunk, pred: Side, target: Side | None) -> NoReturn:
    """Raise the DataError that names the first invalid item of a chunk."""
    import numpy as np

    p = np.asarray(chunk.pred, np.float64)
    t = np.asarray(chunk.target, np.float64)
    if isinstance(walk, ItemsWalk) and walk.boxes:
        _refuse_boxes(p, chunk.first, pred, walk.formats[0], "--pred-format")
        if target is not None:
            _refuse_boxes(t, chunk.first, target, walk.formats[1], "--target-format")
    scores = p.reshape(chunk.units, -1)
    at = chunk.first * walk.per_pred
    keep = np.ones(len(p), bool)
    if walk.per_target == walk.per_pred and walk.reading.target in ("same", "mask"):
        keep = t != walk.ignore
    probable = walk.source == "probs" and walk.loss.takes_scores
    _refuse_numbers(p, keep, at, pred, probable)
    if target is not None and len(t):
        at_target = chunk.first * walk.per_target
        if walk.reading.target == "labels" and isinstance(walk, RowsWalk | RegionsWalk):
            _refuse_labels(t, at_target, target, walk)
        bounded = walk.loss.takes_scores
        keep = t != walk.ignore if walk.reading.target in ("same", "mask") else np.ones(len(t), bool)
        _refuse_numbers(t, keep, at_target, target, bounded, is_target=True)
        if walk.reading.target == "shares":
            _refuse_rows(walk, t.reshape(chunk.units, -1), chunk, target, tolerance(chunk.target))
    if probable:
        _refuse_rows(walk, scores, chunk, pred, tolerance(chunk.pred))
    raise LossctlError(f"{walk.loss.name} found an invalid item between {chunk.first} and {chunk.first + chunk.units}")


def _refuse_boxes(flat: Numbers, first: int, side: Side, box_format: str, option: str) -> None:
    import numpy as np

    boxes = flat.reshape(-1, 4)
    with np.errstate(invalid="ignore"):
        ordered = boxes[:, 2:] >= (boxes[:, :2] if box_format == "xyxy" else 0)
    bad = np.flatnonzero(~np.isfinite(boxes).all(axis=1) | ~ordered.all(axis=1))
    if not len(bad):
        return
    box = boxes[bad[0]]
    shown = f"({', '.join(f'{x:.12g}' for x in box)})"
    more = f" ({len(bad)} such boxes)" if len(bad) > 1 else ""
    where = f"{side.role} row {first + bad[0]}"
    place = side.place(first + int(bad[0]))
    if not np.isfinite(box).all():
        raise DataError(f"{where}: coordinate that is not finite in {shown}{more}", **place)
    if box_format != "xyxy":
        raise DataError(f"{where}: negative size in {shown}{more}", hint=f"is it xyxy? try {option} xyxy", **place)
    wrong = " and ".join(f"{axis}2 < {axis}1" for axis, ok in zip("xy", ordered[bad[0]], strict=True) if not ok)
    # As width and height only positive numbers make sense.
    hint = "is it xywh? try --box-format xywh" if (box[2:] >= 0).all() else "the corners are in the wrong order"
    raise DataError(f"{where}: inverted box {shown}: {wrong}{more}", hint=hint, **place)


def _refuse_numbers(flat: Numbers, keep: Any, at: int, side: Side, bounded: bool, is_target: bool = False) -> None:
    import numpy as np

    bad = np.flatnonzero(keep & ~np.isfinite(flat))
    if len(bad):
        raise DataError(
            f"{side.called()}: {flat[bad[0]]:g} at {_index(side, at + int(bad[0]))} ({len(bad)} such values)",
            hint="--nonfinite skip leaves such items out, --nonfinite propagate computes with them", **_row_place(side, at + int(bad[0])),
        )  # fmt: skip
    bad = np.flatnonzero(keep & ~((flat >= 0) & (flat <= 1))) if bounded else bad
    if len(bad):
        what = "target" if is_target else "probability"
        hint = "are these logits? --input logits"
        if is_target:
            values = np.unique(flat[keep])
            masked = len(values) == 2 and values[0] == 0
            hint = f"a mask of 0 and {values[1]:g}? divide it by {values[1]:g}" if masked else "targets lie in 0..1"
            if len(values) <= 3 and values[-1] == 255 and not masked:
                hint = "--ignore-index 255"
        raise DataError(
            f"{side.called()}: {what} {flat[bad[0]]:.12g} at {_index(side, at + int(bad[0]))} is outside 0..1 "
            f"({len(bad)} such values)",
            hint=hint, **_row_place(side, at + int(bad[0])),
        )  # fmt: skip


def _refuse_labels(flat: Numbers, at: int, side: Side, walk: Walk) -> None:
    import numpy as np

    classes = walk.reading.classes
    fits = (flat >= 0) & (flat < classes) & (flat == np.floor(flat)) | (flat == walk.ignore)
    bad = np.flatnonzero(~fits)
    if not len(bad):
        return
    offenders = np.unique(flat[bad])
    one = len(offenders) == 1 and float(offenders[0]).is_integer()
    listed = ", ".join(f"{x:.12g}" for x in offenders[:5]) + (", …" if len(offenders) > 5 else "")
    message = (
        f"{side.called()}: label {flat[bad[0]]:.12g} at {_index(side, at + int(bad[0]))} is outside 0..{classes - 1} "
        f"({len(bad)} such values{'' if one else ': ' + listed})"
    )
    hint = f"--ignore-index {offenders[0]:.0f}" if one else f"labels are whole numbers from 0 to {classes - 1}"
    raise DataError(message, hint=hint, **_row_place(side, at + int(bad[0])))


def _refuse_rows(walk: Walk, scores: Numbers, chunk: Chunk, side: Side, limit: float) -> None:
    import numpy as np

    classes = walk.reading.classes
    rows_first = walk.reading.rows_first
    rows = scores.reshape(-1, classes) if rows_first else np.moveaxis(scores.reshape(chunk.units, classes, -1), 1, 2)
    totals = rows.reshape(-1, classes).sum(axis=1)
    bad = np.flatnonzero(np.abs(totals - 1) > limit)
    if len(bad):
        row = chunk.first * (len(totals) // chunk.units) + int(bad[0])
        hint = "are these logits? --input logits" if side.role == "pred" else "a target distribution sums to 1"
        raise DataError(
            f"{side.called()}: the probabilities of row {row} sum to {totals[bad[0]]:.9g} ({len(bad)} such rows)",
            hint=hint, **(side.place(row) if rows_first else {}),
        )  # fmt: skip


def _index(side: Side, flat: int) -> str:
    """Return a flat index as the array's own: `(3, 0, 17)`, or the row of a single column."""
    index: list[int] = []
    for n in side.source.shape[:0:-1]:
        flat, rest = divmod(flat, n or 1)
        index.insert(0, rest)
    return f"({', '.join(map(str, [flat, *index]))})" if index else f"row {flat}"


def _row_place(side: Side, flat: int) -> dict[str, Any]:
    return side.place(flat // max(1, side.per_row))

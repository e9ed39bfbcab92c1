"""Which columns of a table a side is taken from when nobody says: by the names people give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from lossctl.data.inline import is_inline
from lossctl.data.opening import open_source
from lossctl.data.source import Source
from lossctl.errors import DataError, LossctlError, UsageError
from lossctl.loss import BOX_WIDTHS, Loss
from lossctl.run.options import Options
from lossctl.run.reading import of_width

BOX_NAMES = {
    "xyxy": [("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax"), ("left", "top", "right", "bottom")],
    "xywh": [("x", "y", "w", "h"), ("x", "y", "width", "height"), ("left", "top", "width", "height")],
    "cxcywh": [
        ("cx", "cy", "w", "h"),
        ("cx", "cy", "width", "height"),
        ("x_center", "y_center", "width", "height"),
    ],
}
ROTATED_NAMES = [
    (x, y, w, h, angle)
    for x, y in (("cx", "cy"), ("x_center", "y_center"))
    for w, h in (("w", "h"), ("width", "height"))
    for angle in ("theta", "θ", "angle", "rotation")
]
PRED_NAMES = {
    "logits": [("logit",), ("logits",), ("pred",)],
    "probs": [("prob",), ("probs",), ("probability",), ("pred",)],
    "": [("pred",), ("prediction",), ("y_pred",)],
}
TARGET_NAMES = [("target",), ("label",), ("y_true",)]
WEIGHT_NAMES = [("weight",), ("weights",)]


def open_side(text: str, role: str, losses: Sequence[Loss], options: Options, stdin: Any = None) -> Source:
    """Open prediction, target or weights for losses; raises DataError when it cannot be read."""
    names: Sequence[Sequence[str]]
    width = None
    shapes: set[str] = {loss.shape for loss in losses}
    if role == "weights":
        # Typed weights may stand in one row.
        names, width = WEIGHT_NAMES, None if is_inline(text) else 1
    elif role in losses[0].operands and losses[0].sides != ("pred",):
        # Scores and y by their own names; rows of embeddings are all columns, unless some are chosen.
        names = [(role,)] if shapes == {"scores"} else ()
        names = [("y",), *TARGET_NAMES] if role == "y" else names
    elif shapes <= set(BOX_WIDTHS):
        kinds: dict[str, Sequence[Sequence[str]]] = {
            "rotated": ROTATED_NAMES,
            "boxes": BOX_NAMES[options.formats[role == "target"]],
        }
        names, width = [known for sets in kinds.values() for known in sets], None
        if len(shapes) == 1:
            shape = shapes.pop()
            names, width = kinds[shape], BOX_WIDTHS[shape]
    elif role == "target":
        names = TARGET_NAMES
    elif shapes == {"classes"}:
        names = ()
    else:
        names = PRED_NAMES[options.input or ""]
    try:
        source = open_source(text, role=role, names=names, width=width, stdin=stdin)
    except DataError as error:
        if width in BOX_WIDTHS.values() and f"expected {width}" in error.message:
            error.hint = "; ".join(filter(None, (error.hint, _other_boxes(text, role, width))))
        raise
    if role in losses[0].sides and "::" not in text:
        _refuse_targets(source)
    if names is ROTATED_NAMES and "::" not in text:
        _refuse_upright(source)
    if options.nonfinite != "error":
        source.admit_nonfinite()
    return source


def refuse_same(loss: Loss, texts: Mapping[str, Any]) -> None:
    """Raise UsageError where two sides of rows of embeddings, by role, are the same rows of one file."""
    if loss.shape != "embeddings":
        return
    roles: dict[str, str] = {}
    for role in loss.sides:
        text = texts[role]
        if not isinstance(text, str) or is_inline(text):
            continue
        if text in roles:
            told = f"{roles[text]} and {role} are the same rows of {text}"
            raise UsageError(told, hint=f"choose the columns of each: {text.partition('::')[0]}::0..63")
        roles[text] = role


def _other_boxes(text: str, role: str, width: int | None) -> str | None:
    """Return which losses take boxes of as many numbers as there are, if any do."""
    for other in BOX_WIDTHS.values():
        # Standard input has been read.
        if other != width and not text.startswith("-:") and text != "-":
            with suppress(LossctlError):
                open_source(text, role=role, width=other)
                return of_width(other)
    return None


def _refuse_upright(source: Source) -> None:
    """Raise DataError where five columns would be a rotated box, and four of them are named as an upright one."""
    columns = tuple(name.casefold() for name in source.columns or ())
    for known in (known for sets in BOX_NAMES.values() for known in sets):
        if columns not in ROTATED_NAMES and set(known) <= set(columns):
            hint = f"{of_width(len(known))}; or choose: {source.path}::col,col"
            raise DataError(f"{','.join(known)} are a box of {len(known)} numbers", hint=hint, path=source.path, line=1)


def _refuse_targets(source: Source) -> None:
    """Raise DataError where all columns of a table would be scores, and one of them holds the targets."""
    columns = source.columns or ()
    targets = [name for name in columns if (name.casefold(),) in TARGET_NAMES]
    if len(columns) > 1 and targets:
        scores = [name for name in columns if name not in targets]
        hint = f"choose: {source.path}::{f'{scores[0]}..{scores[-1]}' if len(scores) > 2 else ','.join(scores)}"
        raise DataError(f"column {targets[0]} among the predictions", hint=hint, path=source.path, line=1)

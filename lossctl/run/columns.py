"""Which columns of a table a side is taken from when nobody says: by the names people give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lossctl.data.inline import is_inline
from lossctl.data.source import Source, open_source
from lossctl.errors import DataError, UsageError
from lossctl.loss import Loss
from lossctl.run.options import Options

BOX_NAMES = {
    "xyxy": [("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax"), ("left", "top", "right", "bottom")],
    "xywh": [("x", "y", "w", "h"), ("x", "y", "width", "height"), ("left", "top", "width", "height")],
    "cxcywh": [
        ("cx", "cy", "w", "h"),
        ("cx", "cy", "width", "height"),
        ("x_center", "y_center", "width", "height"),
    ],
}
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
    shapes = {loss.shape for loss in losses}
    if role == "weights":
        # Typed weights may stand in one row.
        names, width = WEIGHT_NAMES, None if is_inline(text) else 1
    elif role in losses[0].operands and losses[0].sides != ("pred",):
        # Scores and y by their own names; rows of embeddings are all columns, unless some are chosen.
        names = [(role,)] if shapes == {"scores"} else ()
        names = [("y",), *TARGET_NAMES] if role == "y" else names
    elif shapes == {"boxes"}:
        names, width = BOX_NAMES[options.formats[role == "target"]], 4
    elif role == "target":
        names = TARGET_NAMES
    elif shapes == {"classes"}:
        names = ()
    else:
        names = PRED_NAMES[options.input or ""]
    source = open_source(text, role=role, names=names, width=width, stdin=stdin)
    if role in losses[0].sides and "::" not in text:
        _refuse_targets(source)
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


def _refuse_targets(source: Source) -> None:
    """Raise DataError where all columns of a table would be scores, and one of them holds the targets."""
    columns = source.columns or ()
    targets = [name for name in columns if (name.casefold(),) in TARGET_NAMES]
    if len(columns) > 1 and targets:
        scores = [name for name in columns if name not in targets]
        hint = f"choose: {source.path}::{f'{scores[0]}..{scores[-1]}' if len(scores) > 2 else ','.join(scores)}"
        raise DataError(f"column {targets[0]} among the predictions", hint=hint, path=source.path, line=1)

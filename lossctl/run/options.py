"""What a caller may ask for beside the loss itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from lossctl.convention import Library
from lossctl.data.memory import size_of
from lossctl.errors import UsageError
from lossctl.run.workers import usable

Reduction = Literal["none", "sum", "mean", "hardest:F"]
BoxFormat = Literal["xyxy", "xywh", "cxcywh"]
Input = Literal["logits", "probs"]
Layout = Literal["HW", "NHW", "CHW", "NCHW", "NHWC", "NC"]
Aggregate = Literal["per-image", "global", "all"]
Absent = Literal["skip", "zero", "one", "count"]
Activation = Literal["sigmoid", "softmax"]
Nonfinite = Literal["error", "skip", "propagate"]
Pairs = Literal["all"]
Method = Literal["greedy", "hungarian"]
Arithmetic = Literal["float64", "native"]


@dataclass(frozen=True)
class Options:
    """How to read the data and how to reduce the items; the same names on the command line and in Python.

    `weights` is an array with one number per item, or what the data room can open, or `foreground(power=2)`;
    `class_weights` one per class. `group_by` holds one label for each item, row or image, or is "class" or "image".
    `match_by` are names of columns of both files, or two sequences of labels; `match_score` a column or numbers.
    `max_memory` is a number of bytes or a text such as 2G.
    """

    reduction: str = "mean"
    weights: Any = None
    normalizer: float | None = None
    group_by: Any = None
    ignore_index: float | None = None
    box_format: BoxFormat = "xyxy"
    pred_format: BoxFormat | None = None
    target_format: BoxFormat | None = None
    degrees: bool = False
    input: Input | None = None
    layout: Layout | None = None
    aggregate: Aggregate | None = None
    absent: Absent = "skip"
    activation: Activation | None = None
    include_background: bool = True
    class_weights: Sequence[float] | None = None
    nonfinite: Nonfinite = "error"
    pairs: Pairs | None = None
    match: Method | None = None
    match_threshold: float | None = None
    match_by: Any = None
    match_score: Any = None
    like: Library | None = None
    arithmetic: Arithmetic = "float64"
    threads: int | None = None
    max_memory: int | str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no choice of an option."""
        if self.class_weights is not None:
            object.__setattr__(self, "class_weights", tuple(map(float, self.class_weights)))
        choices = {
            "box_format": BoxFormat, "pred_format": BoxFormat, "target_format": BoxFormat,
            "input": Input, "layout": Layout, "aggregate": Aggregate, "absent": Absent, "activation": Activation,
            "nonfinite": Nonfinite, "pairs": Pairs, "match": Method, "like": Library,
            "arithmetic": Arithmetic,
        }  # fmt: skip
        for name, kind in choices.items():
            given = getattr(self, name)
            if given is not None and given not in get_args(kind):
                raise UsageError(f"{name} is '{given}'; expected {', '.join(get_args(kind))}")
        self._check_reduction()
        if self.normalizer is not None and not 0 < self.normalizer < float("inf"):
            raise UsageError(f"normalizer is {self.normalizer:g}; expected a number > 0")
        if self.normalizer is not None and self.reduction != "mean":
            raise UsageError(
                f"normalizer with reduction '{self.reduction}'", hint="it is what the mean divides the sum by"
            )
        if self.match is None:
            for name in ("match_threshold", "match_by", "match_score"):
                if getattr(self, name) is not None:
                    raise UsageError(f"{name} without match", hint="--match greedy or --match hungarian")
        elif self.pairs is not None:
            raise UsageError("pairs and match", hint="all pairs, or those that match")
        for name in ("pairs", "match"):
            if getattr(self, name) is not None and self.by_item and (name == "pairs" or self.group_by is not None):
                other = "group_by" if self.group_by is not None else f"reduction '{self.reduction}'"
                raise UsageError(f"{other} with {name}", hint="reductions here are none, sum and mean")
        if self.match_threshold is not None and not 0 < self.match_threshold <= 1:
            raise UsageError(f"match_threshold is {self.match_threshold:g}; expected an IoU above 0, up to 1")
        if self.match == "hungarian" and self.match_score is not None:
            raise UsageError("match_score with hungarian", hint="it looks at all boxes at once; scores order greedy")
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"threads is {self.threads}; expected 1 or more")
        if self.max_memory is not None:
            object.__setattr__(self, "max_memory", size_of(self.max_memory))

    def _check_reduction(self) -> None:
        if self.reduction in ("none", "sum", "mean"):
            if self.reduction == "none" and self.group_by is not None:
                raise UsageError("group_by with reduction 'none'", hint="each item is a group of its own")
            return
        name, _, fraction = self.reduction.partition(":")
        try:
            known = name == "hardest" and 0 < float(fraction) <= 1
        except ValueError:
            known = False
        if not known:
            expected = ", ".join(get_args(Reduction))
            raise UsageError(
                f"reduction is '{self.reduction}'; expected {expected}",
                hint="hardest:0.25 is the mean of the quarter of items with the largest losses",
            )

    @property
    def hardest(self) -> float | None:
        """The fraction of items that count, those with the largest losses; None where all count."""
        return float(self.reduction.partition(":")[2]) if self.reduction.startswith("hardest") else None

    @property
    def averages(self) -> bool:
        """Whether the result is a mean."""
        return self.reduction not in ("none", "sum")

    @property
    def by_item(self) -> bool:
        """Whether the loss of every item has to be known in the end."""
        return self.hardest is not None or self.group_by is not None

    @property
    def formats(self) -> tuple[str, str]:
        """The box formats of prediction and target."""
        return self.pred_format or self.box_format, self.target_format or self.box_format

    @property
    def threshold(self) -> float:
        """The smallest IoU of boxes that match."""
        return 0.5 if self.match_threshold is None else self.match_threshold

    @property
    def angle(self) -> str:
        """The unit of the angles of rotated boxes."""
        return "degrees" if self.degrees else "radians"

    @property
    def most(self) -> int | None:
        """The bytes that data may take which have to be held; None where a share of what is free may be taken."""
        return None if self.max_memory is None else int(self.max_memory)

    @property
    def workers(self) -> int:
        """How many threads to compute with: what is asked for, or one for each CPU this process may use."""
        return usable() if self.threads is None else self.threads


def option_names() -> list[str]:
    """Return the names of all options."""
    return [field.name for field in fields(Options)]

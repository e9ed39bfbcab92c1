"""What a caller may ask for beside the loss itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from lossctl.convention import Library
from lossctl.errors import UsageError

Reduction = Literal["none", "sum", "mean"]
BoxFormat = Literal["xyxy", "xywh", "cxcywh"]
Input = Literal["logits", "probs"]
Layout = Literal["HW", "NHW", "CHW", "NCHW", "NHWC", "NC"]
Aggregate = Literal["per-image", "global", "all"]
Absent = Literal["skip", "zero", "one", "count"]
Activation = Literal["sigmoid", "softmax"]
Nonfinite = Literal["error", "skip", "propagate"]


@dataclass(frozen=True)
class Options:
    """How to read the data and how to reduce the items; the same names on the command line and in Python.

    `weights` is an array with one number per item, or what the data room can open; `class_weights` one per class.
    """

    reduction: Reduction = "mean"
    weights: Any = None
    normalizer: float | None = None
    ignore_index: float | None = None
    box_format: BoxFormat = "xyxy"
    pred_format: BoxFormat | None = None
    target_format: BoxFormat | None = None
    input: Input | None = None
    layout: Layout | None = None
    aggregate: Aggregate | None = None
    absent: Absent = "skip"
    activation: Activation | None = None
    include_background: bool = True
    class_weights: Sequence[float] | None = None
    nonfinite: Nonfinite = "error"
    like: Library | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is no choice of an option."""
        if self.class_weights is not None:
            object.__setattr__(self, "class_weights", tuple(map(float, self.class_weights)))
        choices = {
            "reduction": Reduction, "box_format": BoxFormat, "pred_format": BoxFormat, "target_format": BoxFormat,
            "input": Input, "layout": Layout, "aggregate": Aggregate, "absent": Absent, "activation": Activation,
            "nonfinite": Nonfinite, "like": Library,
        }  # fmt: skip
        for name, kind in choices.items():
            given = getattr(self, name)
            if given is not None and given not in get_args(kind):
                raise UsageError(f"{name} is '{given}'; expected {', '.join(get_args(kind))}")
        if self.normalizer is not None and not 0 < self.normalizer < float("inf"):
            raise UsageError(f"normalizer is {self.normalizer:g}; expected a number > 0")
        if self.normalizer is not None and self.reduction != "mean":
            raise UsageError(
                f"normalizer with reduction '{self.reduction}'", hint="it is what the mean divides the sum by"
            )
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"threads is {self.threads}; expected 1 or more")

    @property
    def formats(self) -> tuple[str, str]:
        """The box formats of prediction and target."""
        return self.pred_format or self.box_format, self.target_format or self.box_format

    @property
    def workers(self) -> int:
        """How many threads to compute with: what is asked for, or one for each CPU this process may use."""
        if self.threads is not None:
            return self.threads
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def option_names() -> list[str]:
    """Return the names of all options."""
    return [field.name for field in fields(Options)]

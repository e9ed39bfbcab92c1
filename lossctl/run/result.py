"""What an evaluation found: the one record that is shown, written or returned."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lossctl.loss import Setting


@dataclass(frozen=True)
class Input:
    """One side of the data, as it was read."""

    role: str
    path: str
    shape: tuple[int, ...]
    dtype: str


class Matching(NamedTuple):
    """Which predictions are matched with which targets.

    `pred` and `target` are arrays of indices, pair by pair in the order of the predictions; `missed` targets have no
    prediction, `spurious` predictions have no target.
    """

    pred: Any
    target: Any
    missed: int
    spurious: int

    @property
    def matched(self) -> int:
        """How many pairs there are."""
        return len(self.pred)

    def counts(self) -> dict[str, int]:
        """Return what a report says of it."""
        return {"matched": self.matched, "missed": self.missed, "spurious": self.spurious}


@dataclass(frozen=True)
class Result:
    """One loss over the data.

    `value` is the reduced loss; under reduction `none` it is None and `values` holds one number per item (an ndarray,
    or a list where little was read), or of all pairs a row for each prediction. `count` items were used and `ignored`
    were not; `degenerate` counts boxes without area, `absent` image-classes left out of the average, `infinite` items
    whose loss is infinite. `matching`, if asked for, says which boxes are the items.
    """

    loss: str
    family: str
    parameters: dict[str, Setting]
    reduction: str
    value: float | None
    values: Any
    count: int
    ignored: int
    degenerate: int
    signature: str
    absent: int | None = None
    infinite: int = 0
    inputs: tuple[Input, ...] = ()
    warnings: tuple[str, ...] = ()
    matching: Matching | None = None
    gradient: Any = field(default=None, repr=False)

    def __float__(self) -> float:
        """Return the reduced loss."""
        if self.value is None:
            raise TypeError("reduction 'none' has values, not one value")
        return self.value

    def as_record(self) -> dict[str, Any]:
        """Return it as JSON holds it: strict, so an infinity is a text."""
        record: dict[str, Any] = {
            "loss": self.loss, "family": self.family, "parameters": self.parameters, "reduction": self.reduction,
        }  # fmt: skip
        if self.value is None:
            record["values"] = _listed(self.values)
        else:
            record["value"] = _strict(self.value)
        record |= {"count": self.count, "ignored": self.ignored, "degenerate": self.degenerate}
        if self.absent is not None:
            record["absent"] = self.absent
        if self.matching is not None:
            record |= self.matching.counts()
            if self.value is None:
                pairs = zip(self.matching.pred.tolist(), self.matching.target.tolist(), strict=True)
                record["pairs"] = [list(pair) for pair in pairs]
        return record | {"signature": self.signature}


def _listed(values: Any) -> list[Any]:
    """Return values, or rows of values, as JSON holds them."""
    return [_listed(x) if getattr(x, "ndim", 0) or isinstance(x, list) else _strict(float(x)) for x in values]


def _strict(x: float) -> float | str:
    return x if math.isfinite(x) else {math.inf: "inf", -math.inf: "-inf"}.get(x, "nan")

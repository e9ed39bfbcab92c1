"""What an evaluation found: the one record that is shown, written or returned."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from lossctl.loss import Setting


@dataclass(frozen=True)
class Input:
    """One side of the data, as it was read."""

    role: str
    path: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Result:
    """One loss over the data.

    `value` is the reduced loss; under reduction `none` it is None and `values` holds one number per item (an ndarray,
    or a list where little was read), or of all pairs a row for each prediction. `count` items were used and `ignored`
    were not; `degenerate` counts boxes without area, `absent` image-classes left out of the average, `infinite` items
    whose loss is infinite.
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
        return record | {"signature": self.signature}


def _listed(values: Any) -> list[Any]:
    """Return values, or rows of values, as JSON holds them."""
    return [_listed(x) if getattr(x, "ndim", 0) or isinstance(x, list) else _strict(float(x)) for x in values]


def _strict(x: float) -> float | str:
    return x if math.isfinite(x) else {math.inf: "inf", -math.inf: "-inf"}.get(x, "nan")

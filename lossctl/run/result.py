"""What an evaluation found: the one record that is shown, written or returned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lossctl.parameters import Setting


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


class Pooled(NamedTuple):
    """What a region loss of pooled images adds up: for each class its sums, in parts, and in how many pixels it is.

    `there` has two counts a class: pixels whose target it is, and those where it is the likeliest.
    """

    sums: Sequence[Sequence[Sequence[float]]]
    there: Sequence[Sequence[int]]


class Parts(NamedTuple):
    """What a value was made of, so that values of several files can be one: sums in parts that add up exactly.

    `totals` add up to Σ weight · loss and `shares` to what the items count for in the mean.
    """

    totals: Sequence[float]
    shares: Sequence[float]
    pooled: Pooled | None = None


@dataclass(frozen=True)
class Group:
    """One group of a result. `value` is None where nothing in it counts; `absent` is told for regions."""

    label: str
    value: float | None
    count: int | None
    ignored: int
    absent: int | None = None


@dataclass(frozen=True)
class Result:
    """One loss over the data.

    `value` is the reduced loss; under reduction `none` it is None and `values` holds one number per item (an ndarray,
    or a list where little was read), or of all pairs a row for each prediction. `count` items were used and `ignored`
    were not; `degenerate` counts boxes without area, `absent` image-classes left out of the average, `infinite` items
    whose loss is infinite. `groups` holds the same for each group, where groups were asked for; `matching` says which
    boxes are the items, where they were matched first.

    A weighted sum has `terms`; its counts are those of its terms where they agree, else None or 0. A term has the
    `name` that tells it from the others, and its `weight`.
    """

    loss: str
    family: str
    parameters: dict[str, Setting]
    reduction: str
    value: float | None
    values: Any
    count: int | None
    ignored: int
    degenerate: int
    signature: str
    absent: int | None = None
    infinite: int = 0
    groups: tuple[Group, ...] = ()
    inputs: tuple[Input, ...] = ()
    warnings: tuple[str, ...] = ()
    name: str = ""
    weight: float | None = None
    terms: tuple[Result, ...] = ()
    matching: Matching | None = None
    parts: Parts | None = field(default=None, repr=False, compare=False)

    @property
    def weighted(self) -> float | None:
        """What a term adds to the sum; 0 for a weight of 0, even where the loss is infinite."""
        if self.weight is None or self.value is None:
            return None
        return self.weight * self.value if self.weight else 0.0

    def __float__(self) -> float:
        """Return the reduced loss."""
        if self.value is None:
            raise TypeError("reduction 'none' has values, not one value")
        return self.value

    def as_record(self) -> dict[str, Any]:
        """Return it as JSON holds it: strict, so an infinity is a text."""
        record: dict[str, Any] = {"name": self.name} if self.name else {}
        record |= {
            "loss": self.loss, "family": self.family, "parameters": self.parameters, "reduction": self.reduction,
        }  # fmt: skip
        if self.value is None:
            record["values"] = _listed(self.values)
        else:
            record["value"] = strict(self.value)
        if self.weight is not None:
            record["weight"] = self.weight
        if self.weighted is not None:
            record["weighted"] = strict(self.weighted)
        if self.terms:
            record["terms"] = [term.as_record() for term in self.terms]
        record |= {"count": self.count, "ignored": self.ignored, "degenerate": self.degenerate}
        if self.absent is not None:
            record["absent"] = self.absent
        if self.groups:
            record["groups"] = [_group_record(group) for group in self.groups]
        if self.matching is not None:
            record |= self.matching.counts()
            if self.value is None:
                pairs = zip(self.matching.pred.tolist(), self.matching.target.tolist(), strict=True)
                record["pairs"] = [list(pair) for pair in pairs]
        return record | {"signature": self.signature}


@dataclass(frozen=True)
class Total(Result):
    """A weighted sum of losses that have data of their own; its terms are results as good as the sum."""

    @property
    def total(self) -> float:
        """The sum."""
        return float(self)


def _group_record(group: Group) -> dict[str, Any]:
    value = None if group.value is None else strict(group.value)
    record = {"group": group.label, "value": value, "count": group.count, "ignored": group.ignored}
    return record if group.absent is None else record | {"absent": group.absent}


def _listed(values: Any) -> list[Any]:
    """Return values, or rows of values, as JSON holds them."""
    return [_listed(x) if getattr(x, "ndim", 0) or isinstance(x, list) else strict(float(x)) for x in values]


def strict(x: float) -> float | str:
    """Return a number as JSON holds it."""
    return x if math.isfinite(x) else {math.inf: "inf", -math.inf: "-inf"}.get(x, "nan")

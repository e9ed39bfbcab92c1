"""From the records of pairs to the numbers of the batch: over all items, over pairs, for each group, the worst.

The total is what one file of all items would give: sums travel in parts that add up exactly, so neither the order of
the pairs nor who computed them shows in any digit. (Where a pair ends a block of items ends; only in that the sum of
one long file, whose blocks lie elsewhere, may differ, in the last digit.) Under `hardest:F` it is the mean of the
hardest items of each pair, and under `--aggregate global` a ratio of sums over all files.
"""

from __future__ import annotations

import heapq
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lossctl.batch.plan import Plan, parts_of, weights_of
from lossctl.engine.sums import exact, grow
from lossctl.errors import DataError
from lossctl.requests import Asked, Request
from lossctl.run.finish_regions import finish_regions
from lossctl.run.likeness import as_in
from lossctl.run.options import Options
from lossctl.run.reading import Reading
from lossctl.run.regions import SumsWalk
from lossctl.run.workers import Workers


class Spread(NamedTuple):
    """How the values of pairs are spread."""

    mean: float
    median: float
    p5: float
    p95: float
    min: float
    max: float


class GroupScore(NamedTuple):
    """One loss over the items of the pairs of a group. `total` is None where they weigh nothing."""

    label: str
    pairs: int
    total: float | None
    mean: float
    items: int | None


@dataclass
class Score:
    """One loss over the batch.

    `total` is None where all weighs nothing, `count` of a sum whose terms count different things, `spread` where no
    pair has a value.
    """

    loss: str
    signature: str
    total: float | None
    count: int | None
    ignored: int
    degenerate: int
    absent: int
    spread: Spread | None
    worst: list[tuple[str, float]]
    groups: list[GroupScore]


class Failure(NamedTuple):
    """A pair that has no value."""

    id: str
    exit: int
    message: str


@dataclass
class Summary:
    """All losses over the batch, and the pairs that failed."""

    pairs: int = 0
    warned: int = 0
    failures: list[Failure] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)


class Sum:
    """A sum that keeps all its digits."""

    def __init__(self) -> None:
        """Start at 0."""
        self._parts: list[float] = []
        self._endless: list[float] = []

    def add(self, x: float) -> None:
        """Add a number; an infinite one stays apart."""
        if math.isfinite(x):
            grow(self._parts, x)
            if not math.isfinite(self._parts[-1]):
                self._endless.append(self._parts[-1])
                self._parts.clear()
        else:
            self._endless.append(x)

    def parts(self) -> list[float]:
        """Return numbers that add up to it exactly."""
        return [*self._parts, *self._endless]

    def value(self) -> float:
        """Return it, rounded once."""
        return exact(self.parts())


class Tally:
    """The sums of one request over some pairs."""

    def __init__(self, request: Request, options: Options) -> None:
        """Start with nothing."""
        self._request, self._options = as_in(request, options)
        self._total, self._share = Sum(), Sum()
        self._sums: list[list[Sum]] = []
        self._there: list[list[int]] = []

    def add(self, parts: dict[str, Any], weight: float, name: str) -> None:
        """Add what a record holds of a pair. Raises DataError for other classes than those of the pairs before."""
        if "sums" in parts:
            self._pool(parts, name)
            return
        for kept, key in ((self._total, "total"), (self._share, "share")):
            for x in parts[key]:
                kept.add(float(x) if weight == 1 else weight * float(x) if weight else 0.0)

    def _pool(self, parts: dict[str, Any], name: str) -> None:
        classes = len(parts["sums"])
        if not self._sums:
            self._sums = [[Sum() for _ in of_class] for of_class in parts["sums"]]
            self._there = [[0, 0] for _ in range(classes)]
        if len(self._sums) != classes:
            told = f"pair {name} has {classes} classes, those before it have {len(self._sums)}"
            raise DataError(told, hint="--aggregate per-image does not pool them")
        for kept, added in zip(self._sums, parts["sums"], strict=True):
            for total, numbers in zip(kept, added, strict=True):
                for x in numbers:
                    total.add(float(x))
        self._there = [
            [a + b for a, b in zip(kept, added, strict=True)]
            for kept, added in zip(self._there, parts["there"], strict=True)
        ]

    def value(self) -> float | None:
        """Return the loss over all that was added; None where it weighs nothing."""
        if self._sums:
            return self._pooled()
        options, root = self._options, self._request.loss.root
        value, share = self._total.value(), self._share.value()
        if options.averages:
            divisor = options.normalizer or share
            if not divisor > 0:
                return None
            value /= divisor
        return value if root is None else float(root(value))

    def _pooled(self) -> float | None:
        """Return the loss of the sums, as one image would give it."""
        classes = len(self._sums)
        reading = Reading("HW" if classes == 1 else "NC", "labels", 1, 1, classes)
        walk = SumsWalk(self._request, reading, self._options, Workers(1))
        walk.sums = {0: [[total.parts() for total in of_class] for of_class in self._sums]}
        walk.there, walk.used, walk.seen = {0: self._there}, 1, 1
        try:
            return finish_regions(walk).value
        except DataError:
            return None


class Tallies:
    """One request, perhaps a sum of losses, over some pairs."""

    def __init__(self, asked: Asked, options: Options) -> None:
        """Start with nothing."""
        self.pairs = 0
        self.count: int | None = 0
        self._weights = weights_of(asked)
        self._terms = [Tally(request, options) for request in parts_of(asked)]
        self._values, self._weight = Sum(), Sum()

    def add(self, result: dict[str, Any], weight: float, name: str) -> None:
        """Add a pair."""
        for term, parts in zip(self._terms, result["parts"], strict=True):
            term.add(parts, weight, name)
        self.pairs += 1
        self.count = None if self.count is None or result["count"] is None else self.count + result["count"]
        self._values.add(weight * float(result["value"]) if weight else 0.0)
        self._weight.add(weight)

    def total(self) -> float | None:
        """Return the loss over all items."""
        values = [term.value() for term in self._terms]
        if len(values) == 1 and self._weights == [1.0]:
            return values[0]
        if None in values:
            return None
        return exact(w * v if w else 0.0 for w, v in zip(self._weights, values, strict=True) if v is not None)

    def mean(self) -> float:
        """Return the mean over pairs; NaN where they weigh nothing."""
        weight = self._weight.value()
        return self._values.value() / weight if weight else math.nan


class Scoring:
    """Takes the records of pairs one by one, in order, and knows the summary at the end."""

    def __init__(self, plan: Plan, worst: int) -> None:
        """Start with nothing."""
        self._plan, self._worst = plan, worst
        self._all = [Tallies(asked, plan.options) for asked in plan.asked]
        self._groups: list[dict[str, Tallies]] = [{} for _ in plan.asked]
        self._values = [array("d") for _ in plan.asked]
        self._hardest: list[list[tuple[float, int, str]]] = [[] for _ in plan.asked]
        self._counts = [dict.fromkeys(("ignored", "degenerate", "absent"), 0) for _ in plan.asked]
        self._summary = Summary()

    def watch(self, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the records, each added."""
        for record in records:
            self.add(record)
            yield record

    def add(self, record: dict[str, Any]) -> None:
        """Add a pair, or its failure."""
        self._summary.pairs += 1
        if "error" in record:
            error = record["error"]
            self._summary.failures.append(Failure(record["id"], error["exit"], error["message"]))
            return
        weight, name = float(record.get("weight", 1.0)), record["id"]
        for place, result in enumerate(record["results"]):
            value = float(result["value"])
            self._all[place].add(result, weight, name)
            if "group" in record:
                group = self._groups[place].get(record["group"])
                if group is None:
                    group = Tallies(self._plan.asked[place], self._plan.options)
                    self._groups[place][record["group"]] = group
                group.add(result, weight, name)
            self._values[place].append(value)
            self._note_worst(place, value, name)
            counts = self._counts[place]
            for kind in counts:
                counts[kind] += result.get(kind) or 0
        self._summary.warned += any("warnings" in result for result in record["results"])

    def _note_worst(self, place: int, value: float, name: str) -> None:
        """Keep the pairs of the largest values; of equal ones the first."""
        held = self._hardest[place]
        # A NaN is worse than anything.
        entry = (math.inf if math.isnan(value) else value, -self._summary.pairs, name)
        if len(held) < self._worst:
            heapq.heappush(held, entry)
        elif held and entry > held[0]:
            heapq.heapreplace(held, entry)

    def summary(self) -> Summary:
        """Return all that was found."""
        self._summary.scores = [self._score(place) for place in range(len(self._plan.asked))]
        return self._summary

    def _score(self, place: int) -> Score:
        tallies, values = self._all[place], sorted(self._values[place])
        return Score(
            loss=self._plan.names[place], signature=self._plan.signatures[place],
            total=tallies.total() if values else None, count=tallies.count, **self._counts[place],
            spread=_spread(values, tallies.mean()) if values else None,
            worst=[(name, value) for value, _, name in sorted(self._hardest[place], reverse=True)],
            groups=[
                GroupScore(label, group.pairs, group.total(), group.mean(), group.count)
                for label, group in sorted(self._groups[place].items())
            ],
        )  # fmt: skip


def _spread(values: Sequence[float], mean: float) -> Spread:
    """Return the spread of sorted values; quantiles are interpolated between neighbours."""
    if any(map(math.isnan, values)):
        return Spread(*[math.nan] * 6)
    median, p5, p95 = (_quantile(values, q) for q in (0.5, 0.05, 0.95))
    return Spread(mean, median, p5, p95, values[0], values[-1])


def _quantile(values: Sequence[float], q: float) -> float:
    place = q * (len(values) - 1)
    low, high = values[math.floor(place)], values[math.ceil(place)]
    return low if low == high else low + (high - low) * (place - math.floor(place))

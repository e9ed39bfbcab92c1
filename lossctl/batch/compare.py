"""Two batches over the same pairs: by how much the losses moved, and how sure that is.

All means are over pairs, weighted where the pairs have weights. The order of the rows plays no part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from lossctl.batch.chance import RESAMPLES, chance, interval
from lossctl.batch.joined import Joined
from lossctl.data.number import shown
from lossctl.engine.sums import exact

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

# What chance alone does more rarely is no chance.
RARE = 0.05
# Draws for the intervals of all groups together.
DRAWS = 200_000_000
_FEWEST = 999


class Move(NamedTuple):
    """One pair in both."""

    id: str
    base: float
    new: float

    @property
    def difference(self) -> float:
        """By how much its loss grew."""
        return self.new - self.base


class Means(NamedTuple):
    """Some pairs: their mean loss in both, the mean difference with its 95 % interval."""

    pairs: int
    base: float
    new: float
    difference: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Change:
    """One loss in both: means, None where no pair weighs; `left_out` pairs are infinite or NaN in one of them.

    `chance` is the p-value of a paired permutation test. Of `worsened` and `improved` the first moved most.
    """

    loss: str
    signature: str
    means: Means | None
    chance: float
    better: int
    worse: int
    equal: int
    left_out: int
    worsened: list[Move]
    improved: list[Move]
    groups: dict[str, Means] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """What can be said: nothing where the interval holds 0, or chance alone would do as much."""
        if self.surely_above(0):
            return "worse"
        low_and_high = self.means.interval if self.means else None
        sure = low_and_high is not None and low_and_high[1] < 0 and self.chance <= RARE
        return "better" if sure else "no clear difference"

    def surely_above(self, limit: float) -> bool:
        """Tell whether the whole interval of the difference is above a limit from 0 on, and no chance."""
        found = self.means.interval if self.means else None
        return found is not None and found[0] > limit and self.chance <= RARE


@dataclass(frozen=True)
class Comparison:
    """The pairs, the losses that only one of the two has, and how those moved that both have."""

    joined: Joined
    alone: tuple[list[str], list[str]]
    changes: list[Change]


def compare(joined: Joined, worst: int, skip: bool) -> Comparison:
    """Return how every loss moved. Raises DataError for values that are not finite, unless they are to `skip`."""
    groups, weights = joined.groups(), joined.weights()
    changes = [_change(joined, loss, worst, skip, groups, weights) for loss in joined.losses]
    alone = tuple([name for name in output.losses if name not in joined.losses] for output in (joined.base, joined.new))
    return Comparison(joined, (alone[0], alone[1]), changes)


def _change(joined: Joined, loss: str, worst: int, skip: bool, groups: list[str] | None, weights: Numbers) -> Change:
    import numpy as np

    base, new = joined.base.losses[loss][joined.rows[0]], joined.new.losses[loss][joined.rows[1]]
    with np.errstate(invalid="ignore", over="ignore"):
        difference = new - base
    finite = np.isfinite(difference)
    if not skip and not finite.all():
        _refuse_infinite(joined, loss, int(np.argmin(finite)), len(finite) - int(finite.sum()))
    used = finite.nonzero()[0]
    ups, downs, weight = difference[used], -difference[used], weights[used]
    moves = [
        [Move(joined.ids[used[at]], float(base[used[at]]), float(new[used[at]])) for at in _largest(moved, worst)]
        for moved in (ups, downs)
    ]
    better, worse = int((ups < 0).sum()), int((ups > 0).sum())
    return Change(
        loss, joined.new.told(loss), _means(base[used], new[used], weight),
        chance(ups, weight), better, worse, len(ups) - better - worse, len(finite) - len(used), moves[0], moves[1],
        {} if groups is None else _by_group([groups[at] for at in used], base[used], new[used], weight),
    )  # fmt: skip


def _refuse_infinite(joined: Joined, loss: str, place: int, count: int) -> None:
    for output, rows in zip((joined.base, joined.new), joined.rows, strict=True):
        value = float(output.losses[loss][rows[place]])
        if not math.isfinite(value):
            also = f" ({count} such pairs)" if count > 1 else ""
            hint = "--nonfinite skip leaves out pairs that have no finite difference"
            told = f"{loss} of pair {shown(joined.ids[place], 200)} is {value}{also}"
            raise output.error(told, output.lines[rows[place]], hint=hint)
    raise joined.new.error(f"{loss} of pair {shown(joined.ids[place], 200)} is too far away from what it was")


def _largest(moved: Numbers, count: int) -> list[int]:
    """Return the places of the largest numbers above 0; of equal ones the first."""
    import numpy as np

    above = (moved > 0).nonzero()[0]
    order = np.argsort(-moved[above], kind="stable")[:count]
    found: list[int] = above[order].tolist()
    return found


def _means(base: Numbers, new: Numbers, weights: Numbers, resamples: int = RESAMPLES) -> Means | None:
    total = exact(weights.tolist())
    if not total > 0:
        return None
    old, now, moved = (exact((numbers * weights).tolist()) / total for numbers in (base, new, new - base))
    return Means(len(base), old, now, moved, interval(new - base, weights, resamples))


def _by_group(labels: Sequence[str], base: Numbers, new: Numbers, weights: Numbers) -> dict[str, Means]:
    """Return the means of each group in the order of their names, but for those that weigh nothing."""
    places: dict[str, list[int]] = {}
    for place, label in enumerate(labels):
        places.setdefault(label, []).append(place)
    resamples = max(_FEWEST, min(RESAMPLES, DRAWS // max(1, len(labels))))
    found = ((label, _means(base[at], new[at], weights[at], resamples)) for label, at in sorted(places.items()))
    return {label: means for label, means in found if means is not None}

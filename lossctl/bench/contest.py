"""One cell: both sides agree on the number first, then they are timed by turns."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from lossctl.bench.cases import Array, Case
from lossctl.bench.clock import Clock, Work, turns
from lossctl.bench.rivals import Contender
from lossctl.bench.statistics import estimate, paired_ratio, spread
from lossctl.engine.cache import cache_directory
from lossctl.run.function import LossFunction

# Relative differences that are the same number. Of float32 data rivals compute in float32, we too if asked to: a mean
# of millions of such losses has five digits that all agree on, its gradient (by its length) four.
TOLERANCE = {"float64": 1e-6, "float32": 1e-5}
OF_GRADIENT = 10.0
# A float32 gradient of what sorts is made of differences of numbers near 1: torch's is 3 % off, of a million pixels.
OF_STEPS = 0.05
# Of a million items a few lie so near a kink that rounding decides which of its two slopes is theirs.
AT_KINKS = 1e-5


class Disagreement(Exception):  # noqa: N818 - it is an outcome
    """A rival computes something else."""


class Bout(NamedTuple):
    """What there is to do: calls to time, and calls whose answers have to agree. The rival's are None without one."""

    ours: Work
    theirs: Work | None
    agree: Callable[[Any, Any], None]


def of_arrays(case: Case, gradient: bool, contender: Contender | None) -> Bout:
    """Return the computation on arrays in memory. Raises Absent where the rival does not take part."""
    ours: Work = case.call(gradient)
    if contender is None:
        return Bout(ours, None, unopposed)
    pred, target = contender.prepare(case.pred, case.target)
    method = contender.value_and_gradient if gradient else contender.value
    theirs: Work = functools.partial(method, pred, target)
    return Bout(ours, theirs, functools.partial(_agree, case, gradient))


def unopposed(ours: Any, theirs: Any) -> None:
    """Agree, as there is no rival."""


def _agree(case: Case, gradient: bool, ours: Any, theirs: Any) -> None:
    """Raise Disagreement, saying where, unless two answers are the same numbers."""
    tolerance = tolerance_of(case)
    if not gradient:
        agree_on_value(float(ours), theirs, tolerance)
        return
    if not (isinstance(theirs, tuple) and len(theirs) == 2):
        raise Disagreement("it returns no pair of value and gradient")
    agree_on_value(ours[0], theirs[0], tolerance)
    single = case.sides[0].dtype == np.float32
    steps = single and any(loss.sorted for loss in case.asked.losses)
    limits = OF_STEPS if steps else OF_GRADIENT * tolerance, AT_KINKS if single else 0.0
    if not isinstance(case.pred, tuple):
        _agree_on_gradient(ours[1], theirs[1], *limits, "gradient")
        return
    if not (isinstance(theirs[1], tuple) and len(theirs[1]) == len(ours[1])):
        raise Disagreement(f"its gradient is not one for each of {len(ours[1])} sides")
    for side, own, other in zip(case.asked.losses[0].sides, ours[1], theirs[1], strict=True):
        _agree_on_gradient(own, other, *limits, f"gradient by {side}")


def _agree_on_gradient(ours: Array, theirs: Any, tolerance: float, kinks: float, what: str) -> None:
    """Raise Disagreement where two gradients differ, by the length of what lies between them.

    `kinks` is the share of entries that may be anything.
    """
    own, slopes = ours.astype(np.float64, copy=False), np.asarray(theirs, np.float64)
    if slopes.shape == (1, *own.shape):
        slopes = slopes[0]  # a rival had the image as a batch of one
    if slopes.shape != own.shape:
        raise Disagreement(f"its {what} is {_shown(slopes)}, lossctl's {_shown(own)}")
    away, most = np.abs(slopes - own), tolerance * float(np.linalg.norm(own))
    if float(np.linalg.norm(away)) <= most:
        return
    near = np.sort(away, axis=None)[: away.size - int(kinks * away.size)]
    if not float(np.linalg.norm(near)) <= most:
        place = tuple(map(int, np.unravel_index(np.argmax(away), slopes.shape)))
        raise Disagreement(f"{what} at {place}: it says {slopes[place]:.9g}, lossctl {own[place]:.9g}")


def tolerance_of(case: Case) -> float:
    """Return the relative difference up to which two means are the same number."""
    return TOLERANCE[str(case.sides[0].dtype)]


def agree_on_value(ours: float, theirs: Any, tolerance: float) -> None:
    """Raise Disagreement unless two means are the same number."""
    try:
        number = float(theirs)
    except (TypeError, ValueError):
        raise Disagreement(f"it returns {type(theirs).__name__}, expected a number") from None
    if not abs(ours - number) <= tolerance * abs(ours):
        raise Disagreement(f"it says {number:.9g}, lossctl {ours:.9g}")


def agree_on_items(values: Array, theirs: Array, tolerance: float) -> None:
    """Raise Disagreement, with the first item of which two arrays differ, unless they are the same numbers."""
    if values.size != theirs.size:
        raise Disagreement(f"it returns {_shown(theirs)}, lossctl has {values.size} items")
    ours, other = values.reshape(-1), np.asarray(theirs, np.float64).reshape(-1)
    wrong = np.flatnonzero(~(np.abs(ours - other) <= tolerance * np.maximum(np.abs(ours), np.abs(ours).mean())))
    if len(wrong):
        first = int(wrong[0])
        told = f"item {first}: it says {other[first]:.9g}, lossctl {ours[first]:.9g}"
        raise Disagreement(f"{told} ({len(wrong)} of {ours.size} items differ)")


def by_item(case: Case, bout: Bout, answer: Any) -> Bout:
    """Return the bout of a rival that returns the loss of every item: then lossctl has to return them as well."""
    if not (isinstance(answer, np.ndarray) and answer.ndim):
        return bout
    every = functools.partial(LossFunction(case.asked), case.pred, case.target, **{**case.options, "reduction": "none"})
    tolerance = tolerance_of(case)
    return Bout(every, bout.theirs, functools.partial(agree_on_items, tolerance=tolerance))


def _shown(array: Array) -> str:
    return "×".join(map(str, array.shape)) or "one number"


def first_call(work: Work, clock: Clock = time.perf_counter) -> tuple[float, bool, Any]:
    """Return how long the first call took, whether it compiled kernels, and its answer."""
    before = _kernels()
    start = clock()
    answer = work()
    return clock() - start, _kernels() > before, answer


def _kernels() -> int:
    directory = cache_directory()
    return len(list(directory.glob("*.kernel"))) if directory else 0


def use_threads(threads: int) -> None:
    """Let torch compute with so many threads, whoever uses it: the rivals, or a function of the user's."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads)


def raced(
    bouts: Sequence[Bout], rounds: int, seconds: float, seed: int, clock: Clock = time.perf_counter
) -> list[dict[str, Any]]:
    """Time bouts whose works have been called before, all in one run; return what a row says of each.

    Bouts share our work, and its times, where it is one and the same.
    """
    works = {id(work): work for bout in bouts for work in (bout.ours, bout.theirs) if work is not None}
    places = {key: place for place, key in enumerate(works)}
    collected, repeats = turns(list(works.values()), rounds, seconds, seed, clock=clock)
    times = list(zip(*collected, strict=True))
    told = []
    for bout in bouts:
        ours = times[places[id(bout.ours)]]
        found = _told("", ours, seed) | {"rounds": len(ours), "repeats": repeats[places[id(bout.ours)]], "times": ours}
        if bout.theirs is not None:
            theirs = times[places[id(bout.theirs)]]
            ratio = paired_ratio(ours, theirs, seed)
            found |= _told("rival_", theirs, seed) | {"rival_times": theirs}
            found |= {"ratio": ratio.median, "ratio_low": ratio.low, "ratio_high": ratio.high}
        told.append(found)
    return told


def _told(prefix: str, times: tuple[float, ...], seed: int) -> dict[str, Any]:
    middle, around = estimate(times, seed), spread(times)
    told = {"seconds": middle.median, "low": middle.low, "high": middle.high, **around._asdict()}
    return {f"{prefix}{name}": x for name, x in told.items()}

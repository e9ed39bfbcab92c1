"""One cell: both sides agree on the number first, then they are timed by turns."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lossctl.bench.cases import Array, Case
from lossctl.bench.clock import Clock, Work, turns
from lossctl.bench.rivals import Absent, Contender
from lossctl.bench.statistics import estimate, paired_ratio, spread
from lossctl.engine.cache import cache_directory
from lossctl.run.function import LossFunction

# Relative differences that are the same number. Rivals compute float32 data in float32.
TOLERANCE = {"float64": 1e-6, "float32": 1e-5}
OF_GRADIENT = 10.0


class Disagreement(Exception):  # noqa: N818 - it is an outcome
    """A rival computes something else."""


class Bout(NamedTuple):
    """What there is to do: calls to time, and calls whose answers have to agree. The rival's are None without one."""

    ours: Work
    theirs: Work | None
    agree: Callable[[Any, Any], None]


def of_arrays(case: Case, gradient: bool, contender: Contender | None) -> Bout:
    """Return the computation on arrays in memory. Raises Absent where the rival does not take part."""
    ours: Work = case.value_and_gradient if gradient else case.value
    if contender is None:
        return Bout(ours, None, unopposed)
    if isinstance(case.pred, tuple):
        raise Absent("rivals are not written for losses of several sides")
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
    slopes = np.asarray(theirs[1], np.float64)
    if slopes.shape == (1, *ours[1].shape):
        slopes = slopes[0]  # a rival had the image as a batch of one
    if slopes.shape != ours[1].shape:
        raise Disagreement(f"its gradient is {_shown(slopes)}, lossctl's {_shown(ours[1])}")
    away = float(np.linalg.norm(slopes - ours[1]))
    if not away <= OF_GRADIENT * tolerance * float(np.linalg.norm(ours[1])):
        place = tuple(map(int, np.unravel_index(np.argmax(np.abs(slopes - ours[1])), slopes.shape)))
        raise Disagreement(f"gradient at {place}: it says {slopes[place]:.9g}, lossctl {ours[1][place]:.9g}")


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


def timed(bout: Bout, rounds: int, seconds: float, seed: int, clock: Clock = time.perf_counter) -> dict[str, Any]:
    """Time a bout whose works have been called before; return what a row says of it."""
    works = [bout.ours] if bout.theirs is None else [bout.ours, bout.theirs]
    collected, repeats = turns(works, rounds, seconds, seed, clock=clock)
    times = tuple(took[0] for took in collected)
    found = _told("", times, seed) | {"rounds": len(times), "repeats": repeats[0], "times": times}
    if bout.theirs is not None:
        rival_times = tuple(took[1] for took in collected)
        ratio = paired_ratio(times, rival_times, seed)
        found |= _told("rival_", rival_times, seed) | {"rival_times": rival_times}
        found |= {"ratio": ratio.median, "ratio_low": ratio.low, "ratio_high": ratio.high}
    return found


def _told(prefix: str, times: tuple[float, ...], seed: int) -> dict[str, Any]:
    middle, around = estimate(times, seed), spread(times)
    told = {"seconds": middle.median, "low": middle.low, "high": middle.high, **around._asdict()}
    return {f"{prefix}{name}": x for name, x in told.items()}

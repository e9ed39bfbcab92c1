"""Two things timed against each other: A B B A … in random order, and the median of the ratios of the pairs.

Whatever else the machine does meets both sides of a pair about equally; it drops out of their ratio, though not out of
the times.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Work = Callable[[], object]


class Duel(NamedTuple):
    """Median times of A and B, the median of B/A and the bounds of its 95 % interval."""

    a: float
    b: float
    ratio: float
    low: float
    high: float


def duel(a: Work, b: Work, rounds: int, shortest: float = 1e-3, seed: int = 1) -> Duel:
    """Time A against B, each repeated within a round for at least `shortest` seconds."""
    repeats = {work: _repeats(work, shortest) for work in (a, b)}
    order = random.Random(seed)
    pairs = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            took = {}
            for work in order.sample((a, b), 2):
                took[work] = _time(work, repeats[work])
            pairs.append((took[a], took[b]))
    finally:
        gc.enable()
    return judge(pairs)


def judge(pairs: list[tuple[float, float]]) -> Duel:
    """Return the medians of paired times, and of their ratio with a bootstrapped interval."""
    times = np.array(pairs)
    ratios = times[:, 1] / times[:, 0]
    again = np.random.default_rng(1).choice(ratios, (2000, len(ratios)))
    low, high = np.quantile(np.median(again, axis=1), [0.025, 0.975])
    return Duel(*np.median(times, axis=0), float(np.median(ratios)), float(low), float(high))


def _repeats(work: Work, shortest: float) -> int:
    work()
    once = min(_time(work, 1) for _ in range(2))
    return max(1, int(np.ceil(shortest / once)))


def _time(work: Work, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / repeats

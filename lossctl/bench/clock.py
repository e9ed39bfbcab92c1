"""Clocks: works timed by turns, each repeated within a turn until the clock's own steps no longer matter.

Whatever else the machine does meets all works of a round about equally: it drops out of the ratios of a round's times,
though not out of the times. Every turn begins after a rest: threads of a parallel library spin for a while before they
sleep, and would take a core from whoever is next. Then come calls that are not timed, for what the work before took
from the caches and what the rest put to sleep.
"""

from __future__ import annotations

import gc
import math
import random
import time
from collections.abc import Callable, Sequence

Work = Callable[[], object]
Clock = Callable[[], float]

SHORTEST = 1e-3  # seconds of a turn
# Seconds before each. A worker of torch's spun for 3.6 ms after an operation before it slept, sometimes for 6.
REST = 1e-2
# Seconds of calls that are not timed, one at least: so long take threads, and the cores they slept on, to wake, and the
# scheduler to move two of them apart that woke on one core. After 5 ms they often still shared it: a call took twice
# as long as 15 ms later.
WARM = 2e-2
# However little time there is: fewer rounds have no interval worth the name.
FEWEST = 5


def timed(work: Work, repeats: int, clock: Clock = time.perf_counter) -> float:
    """Return the seconds of one call, from `repeats` of them."""
    start = clock()
    for _ in range(repeats):
        work()
    return (clock() - start) / repeats


def warm(work: Work, clock: Clock = time.perf_counter) -> None:
    """Call a work until it runs as it does when it is called again and again."""
    start = clock()
    work()
    while clock() - start < WARM:
        work()


def calibrated(work: Work, shortest: float = SHORTEST, clock: Clock = time.perf_counter) -> int:
    """Return how often to call a work, which has been called before, for a turn of at least `shortest` seconds."""
    repeats = 1
    while (took := timed(work, repeats, clock) * repeats) < shortest:
        # A first guess from very short times is off; ten times as many calls at once are enough.
        more = repeats * shortest / took if took > 0 else math.inf
        repeats = max(repeats + 1, math.ceil(min(1.1 * more, 10 * repeats)))
    return repeats


def turns(
    works: Sequence[Work],
    rounds: int,
    seconds: float = math.inf,
    seed: int = 1,
    shortest: float = SHORTEST,
    clock: Clock = time.perf_counter,
    rest: float = REST,
) -> tuple[list[tuple[float, ...]], list[int]]:
    """Time works that have been warmed up; return the times of each round, and how often a turn calls each.

    In every round each work has a turn, in random order. It ends after `rounds` of them, or with the first that ends
    after `seconds`, but for the fewest that make sense.
    """
    order = random.Random(seed)
    collected = []
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        repeats = [calibrated(work, shortest, clock) for work in works]
        start = clock()
        for done in range(rounds):
            if done >= FEWEST and clock() - start >= seconds:
                break
            took = [0.0] * len(works)
            for place in order.sample(range(len(works)), len(works)):
                time.sleep(rest)
                warm(works[place], clock)
                took[place] = timed(works[place], repeats[place], clock)
            collected.append(tuple(took))
    finally:
        if was_enabled:
            gc.enable()
    return collected, repeats

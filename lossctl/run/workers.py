"""Threads: ranges of blocks side by side, and reading ahead of computing. Which thread did what never shows."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

T = TypeVar("T")
R = TypeVar("R")

# Fewer blocks than this are not worth a thread of their own; neither are fewer than one in so many of all.
GRAIN, PARTS = 2, 32


def usable() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.lru_cache
def guided(blocks: int, threads: int) -> tuple[tuple[int, int], ...]:
    """Return ranges that cover 0..blocks, the last first, each three quarters of every thread's share of what is left.

    The first are large and few, the last so small that no thread waits long for another (Polychronopoulos, Kuck 1987,
    Guided Self-Scheduling); one that is held up leaves what is left to the others.
    """
    bounds = [0]
    while left := blocks - bounds[-1]:
        bounds.append(bounds[-1] + min(left, max(GRAIN, blocks // PARTS, 3 * left // (4 * threads))))
    return tuple(itertools.pairwise(bounds))[::-1]


class Workers:
    """Threads, started when they are first worth it."""

    def __init__(self, threads: int) -> None:
        """Plan for that many computing threads."""
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Workers:
        """Start nothing yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let threads finish the blocks they are at; what waits is dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _executor(self) -> ThreadPoolExecutor:
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self._threads + 1, thread_name_prefix="lossctl")
        return self._pool

    def spread(self, blocks: int, work: Callable[[int, int], R]) -> list[R]:
        """Return work(lo, hi) of ranges that cover 0..blocks, done in this thread and in others, in any order."""
        if self._threads == 1 or blocks < 2 * GRAIN:
            return [work(0, blocks)]
        # With the work, so that a thread which comes too late does not hold what it is about.
        waiting = [(work, *bounds) for bounds in guided(blocks, self._threads)]
        found: list[R] = []

        def some() -> None:
            while waiting:
                try:
                    todo, lo, hi = waiting.pop()
                except IndexError:  # another thread was faster
                    return
                found.append(todo(lo, hi))

        from lossctl.run.helpers import helpers

        jobs = helpers(self._threads - 1).ask(some, min(self._threads, len(waiting)) - 1)
        try:
            some()
        finally:
            # A process that ends while compiled code runs in a thread may be aborted.
            waiting.clear()
            for job in jobs:
                job.end()
        for job in jobs:
            job.tell()
        return found

    def each(self, items: Sequence[T], work: Callable[[T], R]) -> list[R]:
        """Return work(item) of all items, several at a time. The work must not spread itself over this pool."""
        if self._threads == 1 or len(items) < 2:
            return [work(item) for item in items]
        return list(self._executor().map(work, items))

    def beside(self, pieces: Sequence[Iterator[T] | None]) -> list[T | None]:
        """Return the next piece of each, None at its end, fetched side by side; of several errors the first counts."""
        first, *others = [it for it in pieces if it is not None]
        coming = [self._executor().submit(next, it, None) for it in others]
        found = iter([next(first, None), *(future.result() for future in coming)])
        return [None if it is None else next(found) for it in pieces]

    def ahead(self, pieces: Iterator[T]) -> Iterator[T]:
        """Yield the pieces, each fetched while the one before is worked on."""
        piece = next(pieces, None)
        while piece is not None:
            coming = self._executor().submit(next, pieces, None)
            yield piece
            piece = coming.result()

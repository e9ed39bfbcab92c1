"""Threads: ranges of blocks side by side, and reading ahead of computing. Which thread did what never shows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Fewer blocks than this are not worth a second thread.
GRAIN = 16


class Workers:
    """A pool of threads, started when it is first worth it."""

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
            self._pool = ThreadPoolExecutor(self._threads + 1, thread_name_prefix="lossctl")
        return self._pool

    def spread(self, blocks: int, work: Callable[[int, int], None]) -> None:
        """Call work(lo, hi) on ranges that cover 0..blocks."""
        parts = min(self._threads * 4, blocks // GRAIN)
        if self._threads == 1 or parts < 2:
            work(0, blocks)
            return
        bounds = [blocks * part // parts for part in range(parts + 1)]
        pending = [self._executor().submit(work, lo, hi) for lo, hi in itertools.pairwise(bounds)]
        for future in pending:
            future.result()

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

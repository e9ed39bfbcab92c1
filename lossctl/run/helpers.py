"""Threads that compute beside the calling one. They stay: to start them takes as long as 100 000 items.

One that has nothing to do watches for a while before it sleeps, as those of OpenMP do. Where there are more threads
than CPUs none watches: it would take the core that another needs.
"""

from __future__ import annotations

import functools
import os
import threading
from collections import deque
from collections.abc import Callable

from lossctl.engine.watch import Cell
from lossctl.run.workers import usable

# Pauses (see `watch`): about 0.5 ms until a thread sleeps, 10 µs until the one that has work for it computes itself,
# 1 µs until the one that has done its work watches again.
PATIENCE, ENTRY, EXIT = 20_000, 400, 40


class Job:
    """Some work for another thread, if one comes to it in time."""

    def __init__(self, work: Callable[[], None], patience: int) -> None:
        """Hold it."""
        self._work: Callable[[], None] | None = work
        self._patience = patience
        self._error: BaseException | None = None
        self._taken, self._busy = threading.Lock(), threading.Lock()
        self._busy.acquire()
        self._done = Cell()

    def run(self) -> None:
        """Do the work, unless it was left."""
        if self._taken.acquire(blocking=False):
            assert self._work is not None
            try:
                self._work()
            except BaseException as error:
                self._error = error
            self._work = None
            self._done.number = 1
            self._busy.release()

    def end(self) -> None:
        """Wait until it is done; leave it if nobody has begun."""
        if self._taken.acquire(blocking=False):
            self._work = None
        elif not self._done.changed(0, self._patience, EXIT):
            self._busy.acquire()

    def tell(self) -> None:
        """Raise what the work raised."""
        if self._error is not None:
            raise self._error


class Helpers:
    """So many threads, which take jobs in the order in which they come."""

    def __init__(self, threads: int) -> None:
        """Start them."""
        self._patience = PATIENCE if threads < usable() else 0
        self._jobs: deque[Job] = deque()
        self._calls = Cell()
        self._bed = threading.Condition()
        for _ in range(threads):
            threading.Thread(target=self._serve, name="lossctl", daemon=True).start()

    def ask(self, work: Callable[[], None], times: int) -> list[Job]:
        """Let so many threads do the work, each once."""
        jobs = [Job(work, self._patience) for _ in range(times)]
        self._jobs.extend(jobs)
        with self._bed:
            self._calls.number += 1
            self._bed.notify(times)
        return jobs

    def _serve(self) -> None:
        while True:
            seen = self._calls.number
            try:
                job = self._jobs.popleft()
            except IndexError:
                self._wait(seen)
            else:
                job.run()
                # What it worked on is not ours to hold.
                del job

    def _wait(self, seen: int) -> None:
        """Wait for a call after `seen`."""
        if self._patience and self._calls.changed(seen, self._patience, ENTRY):
            return
        with self._bed:
            while self._calls.number == seen:
                self._bed.wait()


@functools.cache
def helpers(threads: int) -> Helpers:
    """Return the helpers of this process."""
    return Helpers(threads)


if hasattr(os, "register_at_fork"):
    # The threads of a process are not those of its children.
    os.register_at_fork(after_in_child=helpers.cache_clear)

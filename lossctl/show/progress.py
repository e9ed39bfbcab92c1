"""How far it is: a bar on a terminal, elsewhere a line now and then, and nothing where it takes no time.

A thread of its own looks at the clock, so that a single long pair is told of as well.
"""

from __future__ import annotations

import os
import stat
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from lossctl.data import stream

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

# Seconds before anything is shown, between two looks of a bar, and between two lines where there is no terminal.
PATIENCE, LOOK, BEAT = 0.5, 0.2, 30.0
MEGABYTE = 1e6
# Bytes of data that may take so long.
WORTH = 1 << 26
# Whether a bar hides the cursor just now.
drawing = False


class Shown(ABC):
    """A context in which something is under way that is told of on stderr from time to time."""

    def __init__(self, quiet: bool) -> None:
        """Show nothing yet, and if `quiet` nothing at all."""
        self._quiet = quiet
        self._started = time.monotonic()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._bar: Bar | None = None
        self._task: Any = None

    @abstractmethod
    def line(self) -> str:
        """Say how far it is."""

    @abstractmethod
    def place(self) -> tuple[float, float | None]:
        """Return how much is done, and of how much if that is known."""

    def watch(self) -> None:
        """Begin to look at the clock. To be called once this process has been forked, not before."""
        if not self._quiet and self._thread is None:
            self._thread = threading.Thread(target=self._look, name="lossctl-progress", daemon=True)
            self._thread.start()

    def _look(self) -> None:
        terminal = sys.stderr.isatty()
        pause = PATIENCE if terminal else BEAT
        while not self._over.wait(pause):
            # Where stderr is broken there is nobody to tell.
            with suppress(OSError, ValueError):
                if terminal:
                    self._draw()
                    pause = LOOK
                else:
                    print(f"lossctl: {self.line()}", file=sys.stderr, flush=True)

    def _draw(self) -> None:
        global drawing
        done, whole = self.place()
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (BarColumn(), TextColumn("{task.description}", markup=False))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=whole)
            drawing = True
            self._bar.start()
        self._bar.update(self._task, completed=done, total=whole, description=self.line())

    def __enter__(self) -> Self:
        """Show nothing yet."""
        return self

    def __exit__(self, *error: object) -> None:
        """Take the bar away."""
        global drawing
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if self._bar is not None:
            self._bar.stop()
            drawing = False


class Progress(Shown):
    """Counts the pairs of a batch."""

    def __init__(self, quiet: bool) -> None:
        """Count from 0."""
        super().__init__(quiet)
        self._pairs = self._kept = self._done = self._read = self._failed = 0

    def begin(self, pairs: int, kept: int) -> None:
        """Start the clock."""
        self._pairs, self._kept = pairs, kept
        self._started = time.monotonic()
        self._before = stream.taken()

    @property
    def kept(self) -> int:
        """How many pairs are in the journal by now."""
        return self._kept + self._done

    def step(self, pairs: int, read: int, failed: int) -> None:
        """Count."""
        self._done += pairs
        self._read += read
        self._failed += failed

    def line(self) -> str:
        """Say how many pairs are done, how fast, how long the others take, and how many failed."""
        seconds = max(1e-9, time.monotonic() - self._started)
        failed = f", {self._failed} failed" if self._failed else ""
        # Of a pair that this process is at, as much as it has read; other processes tell of pairs that are done.
        read = max(self._read, stream.taken() - self._before)
        pace = f"{self._done / seconds:.{0 if self._done > 9 * seconds else 1}f} pairs/s, {_rate(read, seconds)}"
        # The first pair waits for the compiler: it tells nothing of the others.
        left = f", {_time((self._pairs - self.kept) * seconds / self._done)} left" if self._done > 1 else ""
        return f"{self.kept} of {self._pairs} pairs, {pace}{left}{failed}"

    def place(self) -> tuple[float, float | None]:
        """Return the pairs that are done, of all."""
        return self.kept, self._pairs


class Reading(Shown):
    """Counts the bytes of one pair as they are read."""

    def __init__(self, quiet: bool, paths: Sequence[str]) -> None:
        """Look how large the files are; small ones are not worth a word."""
        super().__init__(quiet)
        self._before = stream.taken()
        sizes = [_size(path) for path in paths]
        self._size = None if None in sizes else sum(size for size in sizes if size)
        if self._size is None or self._size > WORTH:
            self.watch()

    def line(self) -> str:
        """Say how much is read, how fast, and how long the rest takes."""
        done, whole = self.place()
        seconds = max(1e-9, time.monotonic() - self._started)
        pace = _rate(done, seconds)
        if whole is None:
            return f"{done / MEGABYTE:.0f} MB, {pace}"
        left = f", {_time((whole - done) * seconds / done)} left" if done else ""
        return f"{done / MEGABYTE:.0f} of {whole / MEGABYTE:.0f} MB, {pace}{left}"

    def place(self) -> tuple[float, float | None]:
        """Return the bytes that are read, of all; what is read a second time doubles them."""
        done = stream.taken() - self._before
        return done, self._size and self._size * max(1, -(-done // self._size))


def _size(path: str) -> int | None:
    """Return the bytes of a file; none of what is no file at all, and None where only its end tells."""
    try:
        status = os.stat(path)  # noqa: PTH116 - also for names that Path would tidy
    except (OSError, ValueError):
        return None if path == "<stdin>" else 0
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _rate(read: float, seconds: float) -> str:
    return f"{read / MEGABYTE / seconds:.0f} MB/s"


def _time(seconds: float) -> str:
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"

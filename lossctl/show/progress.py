"""How far a batch is: a bar on a terminal, elsewhere a line now and then, and nothing where it takes no time."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

# Seconds before anything is shown, and between two lines where there is no terminal.
PATIENCE, BEAT = 0.5, 30.0
MEGABYTE = 1e6


class Progress:
    """A context that counts pairs and shows them on stderr."""

    def __init__(self, quiet: bool) -> None:
        """Show nothing yet, and if `quiet` nothing at all."""
        self._quiet = quiet
        self._started = self._told = time.monotonic()
        self._pairs = self._kept = self._done = self._read = self._failed = 0
        self._bar: Bar | None = None
        self._task: Any = None

    def begin(self, pairs: int, kept: int) -> None:
        """Start the clock."""
        self._pairs, self._kept = pairs, kept
        self._started = self._told = time.monotonic()

    @property
    def kept(self) -> int:
        """How many pairs are in the journal by now."""
        return self._kept + self._done

    def step(self, pairs: int, read: int, failed: int) -> None:
        """Count, and show it if it is time."""
        self._done += pairs
        self._read += read
        self._failed += failed
        now = time.monotonic()
        if self._quiet or now - self._started < PATIENCE:
            return
        if sys.stderr.isatty():
            self._draw()
        elif now - self._told >= BEAT:
            self._told = now
            print(f"lossctl: {self.kept} of {self._pairs} pairs, {self._speed()}", file=sys.stderr, flush=True)

    def _speed(self) -> str:
        seconds = max(1e-9, time.monotonic() - self._started)
        left = (self._pairs - self.kept) * seconds / max(1, self._done)
        failed = f", {self._failed} failed" if self._failed else ""
        speed = f"{self._done / seconds:.0f} pairs/s, {self._read / MEGABYTE / seconds:.0f} MB/s"
        return f"{speed}, {_time(left)} left{failed}"

    def _draw(self) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}", markup=False))
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=self._pairs, speed="")
            self._bar.start()
        self._bar.update(self._task, completed=self.kept, speed=self._speed())

    def __enter__(self) -> Progress:
        """Show nothing yet."""
        return self

    def __exit__(self, *error: object) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()


def _time(seconds: float) -> str:
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"

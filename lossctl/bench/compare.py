"""Two documents side by side: how long every cell takes now, over how long it took before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from lossctl.bench.record import Document, Row
from lossctl.bench.statistics import Estimate, ratio_of_medians
from lossctl.errors import DataError, UsageError


class Change(NamedTuple):
    """One cell of both documents. `ratio` is the time now over the time before: above 1 it is slower."""

    before: Row
    now: Row
    ratio: Estimate

    @property
    def verdict(self) -> str:
        """What can be said: nothing, where the interval holds 1."""
        if self.ratio.low > 1:
            return "slower"
        return "faster" if self.ratio.high < 1 else "no difference"


class Comparison(NamedTuple):
    """All cells that both have, and what to know about them."""

    changes: list[Change]
    notes: list[str]


def compare(before: Document, now: Document, across_machines: bool = False) -> Comparison:
    """Compare two documents. Raises UsageError where they are of two machines, DataError where no cell is in both."""
    notes = [f"across machines: {moved}" for moved in moves(before, now, across_machines)]
    notes += [f"across versions: {difference}" for difference in _differences(before.versions, now.versions)]
    old = {row.key: row for row in before.rows if row.times}
    pairs = [(old[row.key], row) for row in now.rows if row.times and row.key in old]
    if not pairs:
        raise DataError("no cell is in both", hint="the same losses, sizes, dtypes, threads and rivals")
    left = len([row for row in now.rows if row.times]) - len(pairs), len(old) - len(pairs)
    if any(left):
        notes.append(f"{left[0]} cells are new, {left[1]} are in the baseline alone")
    return Comparison([Change(a, b, ratio_of_medians(a.times, b.times)) for a, b in pairs], notes)


def moves(before: Document, now: Document, across_machines: bool) -> list[str]:
    """Return how the machines of two documents differ. Raises UsageError where they do and nobody said they may."""
    moved = _differences(before.machine, now.machine)
    if moved and not across_machines:
        raise UsageError(f"two machines: {'; '.join(moved)}", hint="--across-machines compares them all the same")
    return moved


def _differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    names = dict.fromkeys([*before, *now])
    pairs = [(name, before.get(name, "none"), now.get(name, "none")) for name in names]
    return [f"{name} {a}, now {b}" for name, a, b in pairs if a != b]


def slower(changes: Sequence[Change], threshold: float) -> list[Change]:
    """Return the cells whose whole interval lies beyond the threshold (0.05: 5 % slower)."""
    return [change for change in changes if change.ratio.low > 1 + threshold]


def threshold_of(text: str) -> float:
    """Return 0.05 for `5%`. Raises UsageError."""
    number = text.strip()
    try:
        found = float(number.removesuffix("%")) / 100 if number.endswith("%") else -1.0
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e6:
        raise UsageError(f"fail-if-slower is '{number}'; expected a percentage: 5%")
    return found


def record(change: Change) -> dict[str, Any]:
    """Return one flat record."""
    axes = dict(zip(asdict(change.now), change.now.key, strict=False))
    return axes | {
        "seconds_before": change.before.seconds, "seconds": change.now.seconds, "ratio": change.ratio.median,
        "ratio_low": change.ratio.low, "ratio_high": change.ratio.high, "verdict": change.verdict,
    }  # fmt: skip

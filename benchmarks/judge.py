"""What is asked of every loss, and which fall short of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import geometric_mean
from typing import NamedTuple

from lossctl.bench.cases import layouts
from lossctl.bench.record import Row
from lossctl.loss import find

# How many times lossctl's time a rival's should be, at least; and the geometric mean of all.
GOALS = {"torch": 2.0, "torch-compile": 1.0}
MEANS = {"torch": 4.0, "torch-compile": 1.0, "numpy": 10.0}
TITLES = {"torch": "torch eager", "torch-compile": "torch.compile", "numpy": "NumPy"}
# Where no code could be twice as fast as eager torch: these have to read at this share of the bandwidth instead.
MEMORY_BOUND = ("mae", "mse", "rmse", "huber", "smooth-l1", "dice probs", "jaccard probs")
SHARE = 0.7
# Nanoseconds a pair of boxes, on two threads.
BOXES = {"float64": 3.0, "float32": 2.0}
# A second thread, where one takes longer than so many seconds.
THREADS, LONG = 1.8, 0.01
SLOPE = 0.95, 1.05
RESULTS = {"value": "value", "gradient": "with gradient"}


class Short(NamedTuple):
    """A loss that falls short: of what, and by how much (0.5: half of what it should be)."""

    loss: str
    text: str
    part: float


def name_of(row: Row) -> str:
    """Return the name of a row's loss."""
    return row.loss.partition("(")[0]


def kind_of(row: Row) -> str:
    """Return a row's loss, with its layout and input where it has several: `ce NC`, `dice NHW probs`."""
    name = name_of(row)
    several = len(layouts(find(name))) > 1
    return " ".join([name, *[row.layout] * several, *[row.input] * (row.input == "probs")])


def work_of(row: Row) -> tuple[str, str]:
    """Return what its rivals have in common: dtype and result."""
    return row.dtype, RESULTS[row.result]


def bound_by_memory(row: Row) -> bool:
    """Tell whether all that a row's work has to do is to read."""
    name = name_of(row)
    return row.result == "value" and (name in MEMORY_BOUND or f"{name} {row.input}" in MEMORY_BOUND)


def shorts(rows: Iterable[Row]) -> list[Short]:
    """Return all that falls short, the loss that is furthest from a target first."""
    found = list(_shorts(rows))
    worst: dict[str, float] = {}
    for short in found:
        worst[short.loss] = min(short.part, worst.get(short.loss, 1.0))
    return sorted(found, key=lambda short: (worst[short.loss], short.loss, short.part))


def _shorts(rows: Iterable[Row]) -> Iterator[Short]:
    told: set[str] = set()
    for row in rows:
        name, what = name_of(row), ", ".join([kind_of(row), *work_of(row)])
        goal = GOALS.get(row.rival)
        if goal is not None and row.problem:
            yield Short(name, f"{what}: {TITLES[row.rival]} could not be raced, {row.problem}", 0.0)
        excused = row.rival == "torch" and bound_by_memory(row)
        if goal is not None and row.ratio is not None and row.ratio < goal and not excused:
            interval = f"{row.ratio:.2f} × {TITLES[row.rival]} ({row.ratio_low:.2f}–{row.ratio_high:.2f})"
            yield Short(name, f"{what}: {interval} for {goal:g} ×", row.ratio / goal)
        if row.seconds is None or what in told:
            continue
        told.add(what)
        if bound_by_memory(row) and row.bandwidth_share is not None and row.bandwidth_share < SHARE:
            share = f"{100 * row.bandwidth_share:.0f} % of the read bandwidth for {100 * SHARE:.0f} %"
            yield Short(name, f"{what}: {share}", row.bandwidth_share / SHARE)
        each = 1e9 * row.seconds / row.items
        if find(name).shape == "boxes" and row.result == "value" and row.threads >= 2 and each > BOXES[row.dtype]:
            yield Short(name, f"{what}: {each:.1f} ns a pair for {BOXES[row.dtype]:g} ns", BOXES[row.dtype] / each)


def means(rows: Sequence[Row]) -> dict[tuple[str, str, str], tuple[float, int]]:
    """Return the geometric mean of the ratios and their number, by rival, dtype and result."""
    ratios: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        if row.ratio is not None:
            ratios.setdefault((row.rival, *work_of(row)), []).append(row.ratio)
    return {key: (geometric_mean(found), len(found)) for key, found in ratios.items()}


def over_all(rows: Sequence[Row], rival: str) -> float | None:
    """Return the geometric mean of all ratios against a rival."""
    found = [row.ratio for row in rows if row.rival == rival and row.ratio is not None]
    return geometric_mean(found) if found else None

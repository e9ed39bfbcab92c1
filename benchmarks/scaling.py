"""How time grows with the number of items, and what a second thread is worth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from kept import ONE_THREAD

from lossctl.bench.axes import Cell
from lossctl.bench.cases import Kind, default_size, has_native, make, requested
from lossctl.bench.contest import Bout, first_call, raced, unopposed
from lossctl.bench.record import Row
from lossctl.bench.rivals import NONE
from lossctl.loss import find

# Of every shape of data. What sorts is not among them: that is no matter of n alone.
GROWING = (
    "giou", "ciou", "probiou", "mse", "huber", "bce", "focal", "ce", "kl", "dice", "unified-focal", "margin-ranking",
    "triplet",
)  # fmt: skip
SIZES = tuple(10**k for k in range(3, 9))
# Bytes of data. Making them takes about four times as much memory.
MOST = 2 * 10**9
# Below, a call is more overhead than work.
LINEAR = 10**5


def sized(losses: Sequence[str] | None, threads: int) -> Iterator[Cell]:
    """Yield the cells of growing data, those of a loss from the largest: then its kernel is there for all."""
    for name in GROWING:
        if losses is None or name in losses:
            asked = requested(name)
            small = make(asked, 10_000, "float64")
            each = small.bytes / small.items
            for size in reversed([n for n in SIZES if n * each <= MOST]):
                yield Cell(asked, "", size, "float64", threads, False, NONE)


def slope(rows: Sequence[Row]) -> float | None:
    """Return the slope of log time against log n of one loss; None for fewer than two sizes."""
    points = [(math.log(row.items), math.log(row.seconds)) for row in rows if row.seconds and row.items >= 0.9 * LINEAR]
    return float(np.polyfit(*zip(*points, strict=True), 1)[0]) if len(points) > 1 else None


def threaded(kind: Kind, dtype: str, gradient: bool, threads: int, divide: int, rounds: int, seconds: float) -> Row:
    """Return how a loss fares with several threads beside itself with one, in one race."""
    asked, size = requested(kind.name), default_size(find(kind.name), kind.layout) // divide
    native = dtype == "float32" and has_native(asked)
    options = {"arithmetic": "native"} if native else {}
    case = make(asked, size, dtype, kind.layout, options=options, input=kind.input)
    few, many = (case._replace(options=case.options | {"threads": n}) for n in (1, threads))
    bout = Bout(*(c.call(gradient) for c in (many, few)), unopposed)
    first, compiled, _ = first_call(bout.ours)
    bout.theirs()
    return Row(
        loss=str(asked), data="random", items=case.items, dtype=dtype, threads=threads,
        layout=str(case.options.get("layout") or ""), result="gradient" if gradient else "value", stage="compute",
        rival=ONE_THREAD, arithmetic="native" if native else "float64", input=str(case.options.get("input") or ""),
        first=first, compiled=compiled, **raced([bout], rounds, seconds, 1)[0],
    )  # fmt: skip

"""Sums of blocks on their way: many of them become a few numbers with the same exact sum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

from lossctl.engine.sums import exact

# So many are kept as they are.
MANY = 1 << 16


def distilled(parts: list[float]) -> list[float]:
    """Return the parts, or where they are many, a few numbers that add up to exactly the same."""
    return parts if len(parts) <= MANY else _few(parts)


def _few(parts: Sequence[float]) -> list[float]:
    """Return the rounded sum, what rounding took from it, and so on until nothing is left."""
    found: list[float] = []
    while True:
        rest = exact(chain(parts, [-x for x in found]))
        if not rest or not math.isfinite(rest):
            return found or [rest]
        found.append(rest)

"""Sums of blocks on their way: many of them become a few numbers with the same exact sum."""

from __future__ import annotations

from lossctl.engine.sums import expansion

# So many are kept as they are.
MANY = 1 << 16


def distilled(parts: list[float]) -> list[float]:
    """Return the parts, or where they are many, a few numbers that add up to exactly the same."""
    return parts if len(parts) <= MANY else expansion(parts)

"""What many times say: the median with its interval, how far they spread, and ratios with theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 2000
QUANTILES = (0.025, 0.975)
# A normal distribution's standard deviation is 1.4826 of its MAD; 3.5 of them make an outlier (Iglewicz and Hoaglin).
FAR = 3.5 * 1.4826


class Estimate(NamedTuple):
    """A median, and the bounds of its 95 % interval from a bootstrap."""

    median: float
    low: float
    high: float


class Spread(NamedTuple):
    """How times spread: the median of their distances from the median, and how many are far from it."""

    mad: float
    outliers: int


def estimate(times: Sequence[float], seed: int = 1) -> Estimate:
    """Return the median of times and its interval."""
    return _estimate(float(np.median(times)), _medians(times, np.random.default_rng(seed)))


def spread(times: Sequence[float]) -> Spread:
    """Return the median absolute deviation, and the number of outliers."""
    away = np.abs(np.asarray(times) - np.median(times))
    mad = float(np.median(away))
    return Spread(mad, int((away > FAR * mad).sum()))


def paired_ratio(ours: Sequence[float], theirs: Sequence[float], seed: int = 1) -> Estimate:
    """Return their time over ours, from times that were taken by turns."""
    return estimate([b / a for a, b in zip(ours, theirs, strict=True)], seed)


def ratio_of_medians(before: Sequence[float], now: Sequence[float], seed: int = 1) -> Estimate:
    """Return the median of `now` over that of `before`, from times that were taken apart from each other."""
    chance = np.random.default_rng(seed)
    ratios = _medians(now, chance) / _medians(before, chance)
    return _estimate(float(np.median(now) / np.median(before)), ratios)


def _medians(times: Sequence[float], chance: np.random.Generator) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    again = chance.choice(np.asarray(times, np.float64), (RESAMPLES, len(times)))
    medians: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = np.median(again, axis=1)
    return medians


def _estimate(median: float, resampled: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Estimate:
    low, high = np.quantile(resampled, QUANTILES)
    return Estimate(median, float(low), float(high))

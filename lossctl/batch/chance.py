"""How sure a mean of differences is: its interval from a bootstrap, and how often chance alone would be as far from 0.

Both take pairs as they are, a weight and a difference each. The numbers that are drawn are the same in every run.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

RESAMPLES = 9999
# More pairs than these are put together at random into so many bundles, and bundles are drawn. Signs that flip for
# a whole bundle make as exact a test; the interval is off by a hundredth of itself, as it is by the number of draws.
BUNDLES = 4096
# All ways to flip the signs of so many pairs are gone through.
EXACT = 20
SEED = 7
# Numbers that are drawn at once.
_BLOCK = 1 << 22
_NORMAL = NormalDist()
_TAILS = (0.025, 0.975)


def interval(differences: Numbers, weights: Numbers, resamples: int = RESAMPLES) -> tuple[float, float] | None:
    """Return the 95 % interval of the weighted mean, by the BCa bootstrap; None for fewer than two pairs that weigh.

    Efron (1987), Better Bootstrap Confidence Intervals.
    """
    import numpy as np

    weighing = weights > 0
    differences, weights = differences[weighing], weights[weighing]
    if len(differences) < 2:
        return None
    lowest = float(differences.min())
    if lowest == differences.max():
        return lowest, lowest
    # Powers of numbers of any size.
    scale = float(np.abs(differences).max())
    products, weights = _bundled(differences / scale * weights, weights)
    mean = products.sum() / weights.sum()
    means = _resampled(products, weights, resamples)
    below = (np.count_nonzero(means < mean) + np.count_nonzero(means <= mean)) / (2 * resamples)
    shift = _NORMAL.inv_cdf(below) if 0 < below < 1 else 0.0
    bend = _acceleration(products, weights)
    low, high = (_moved(tail, shift, bend) for tail in _TAILS)
    low, high = np.quantile(means, [low, high])
    return float(low) * scale, float(high) * scale


def _moved(tail: float, shift: float, bend: float) -> float:
    """Return which quantile of the resampled means ends the interval."""
    away = shift + _NORMAL.inv_cdf(tail)
    return _NORMAL.cdf(shift + away / (1 - bend * away)) if bend * away < 1 else tail


def _acceleration(products: Numbers, weights: Numbers) -> float:
    """Return how the spread of the mean changes with it, from leaving out one pair at a time."""
    without = weights.sum() - weights
    if not (without > 0).all():
        return 0.0
    left = (products.sum() - products) / without
    away = left.mean() - left
    squares = float((away**2).sum())
    return float((away**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0


def _resampled(products: Numbers, weights: Numbers, resamples: int) -> Numbers:
    """Return the means of as many pairs as there are, drawn with putting back, many times."""
    import numpy as np

    size = len(products)
    source = np.random.PCG64(SEED)
    alike = bool((weights == weights[0]).all())
    means = np.empty(resamples)
    step = max(1, _BLOCK // size)
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        raw = source.random_raw((count * size + 1) // 2).astype("<u8").view("<u4")[: count * size]
        # The upper half of a product is a place from 0 to size - 1; for sizes like these as good as even.
        drawn = ((raw.astype(np.uint64) * np.uint64(size)) >> np.uint64(32)).astype(np.intp).reshape(count, size)
        share = weights[0] * size if alike else weights[drawn].sum(axis=1)
        means[start : start + count] = products[drawn].sum(axis=1) / share
    return means


def chance(differences: Numbers, weights: Numbers) -> float:
    """Return how often the mean would be at least so far from 0 if each difference were as likely to be its negative.

    Exact for up to 20 pairs that differ; of more, the share of 9999 draws, what was found counted in.
    """
    import numpy as np

    products = differences * weights
    products = products[products != 0]
    if not len(products):
        return 1.0
    products = products / np.abs(products).max()
    # Sums of the same numbers in another order are the same but for rounding.
    wanted = abs(products.sum()) - 1e-12 * np.abs(products).sum()
    if len(products) <= EXACT:
        # The sign of the first stays: of every sum there is one with all signs flipped.
        sums = products[:1]
        for product in products[1:]:
            sums = np.concatenate([sums + product, sums - product])
        return float(np.count_nonzero(np.abs(sums) >= wanted)) / len(sums)
    products, _ = _bundled(products, np.ones(len(products)))
    source = np.random.PCG64(SEED)
    size = len(products)
    found = 1
    # Whole words for each draw.
    words = math.ceil(size / 64)
    step = max(1, _BLOCK // size)
    for start in range(0, RESAMPLES, step):
        count = min(step, RESAMPLES - start)
        raw = source.random_raw(count * words).astype("<u8").view(np.uint8).reshape(count, words * 8)
        signs = np.unpackbits(raw, axis=1, count=size).astype(np.float64)
        found += int(np.count_nonzero(np.abs(2 * (signs @ products) - products.sum()) >= wanted))
    return found / (RESAMPLES + 1)


def _bundled(products: Numbers, weights: Numbers) -> tuple[Numbers, Numbers]:
    """Return the sums of products and of weights of pairs in random bundles, where there are too many pairs."""
    import numpy as np

    size = len(products)
    if size <= BUNDLES:
        return products, weights
    order = np.argsort(np.random.PCG64(SEED).random_raw(size), kind="stable")
    starts = np.arange(BUNDLES) * size // BUNDLES
    return np.add.reduceat(products[order], starts), np.add.reduceat(weights[order], starts)

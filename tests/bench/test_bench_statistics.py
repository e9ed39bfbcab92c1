"""What is said of many times, against samples whose statistics are known."""

import numpy as np
import pytest

from lossctl.bench.statistics import estimate, paired_ratio, ratio_of_medians, spread


def test_spread_of_known_numbers():
    # Distances from the median 3: 2, 1, 0, 1, 97, so that their median is 1.
    found = spread([1, 2, 3, 4, 100])
    assert found == (1, 1)
    # 3.5 standard deviations of a normal distribution, each 1.4826 MAD, are 5.19 of them.
    assert spread([1, 2, 3, 4, 3 + 5.18]).outliers == 0
    assert spread([1, 2, 3, 4, 3 + 5.2]).outliers == 1


def test_equal_times_have_no_spread():
    assert spread([2.0] * 9) == (0, 0)
    assert estimate([2.0] * 9) == (2, 2, 2)


def test_interval_of_the_median_by_its_order_statistics():
    # The exact 95 % interval of a median of 101 numbers lies between the 41st and the 61st (binomial, p = ½).
    times = np.random.default_rng(3).permutation(101) + 1.0
    found = estimate(times)
    assert found.median == 51
    assert found.low == pytest.approx(41, abs=1.5)
    assert found.high == pytest.approx(61, abs=1.5)


def test_interval_covers_the_true_median():
    chance = np.random.default_rng(5)
    covered = 0
    for seed in range(200):
        found = estimate(chance.lognormal(0, 0.5, 25), seed)
        covered += found.low <= 1 <= found.high
    # 95 % of 200 are 190; a percentile bootstrap of 25 numbers is known to be within a few per cent of that.
    assert 178 <= covered <= 200


def test_ratio_of_pairs_ignores_what_meets_both():
    ours = np.random.default_rng(1).uniform(1, 30, 15)
    assert paired_ratio(ours, 3 * ours) == pytest.approx((3, 3, 3), rel=1e-12)
    assert ratio_of_medians(ours, 3 * ours).high > 3.5


def test_ratio_of_medians():
    chance = np.random.default_rng(2)
    before, now = chance.normal(10, 0.1, 30), chance.normal(12, 0.1, 30)
    found = ratio_of_medians(before, now)
    assert found.median == np.median(now) / np.median(before)
    assert found.low < 1.2 < found.high
    assert found.high - found.low < 0.02

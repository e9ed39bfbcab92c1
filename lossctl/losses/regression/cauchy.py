"""Cauchy loss: errors beyond c grow with their logarithm only (Lorentzian).

Good at
    Regression with heavy outliers: robust, for their pull falls as the error grows.

Fails
    Not convex: it can settle in the wrong place. c has to be of the size of ordinary errors.

Formula
    ln(1 + u/2)        u = (d/c)², d = pred - target

Range
    0 to infinity, without a unit.

Parameters
    c    scale of the errors that count as inliers

Elsewhere
    Barron's general loss at α = 0. scipy's least_squares calls ln(1 + z) cauchy, without the half and times c².

Reference
    Barron (2019), A General and Adaptive Robust Loss Function, arXiv:1701.03077.

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 = 0.58818920877181962
"""

from lossctl.loss import Positive
from lossctl.maths import log1p, magnitude, over, ratio, select

LN_2 = 0.6931471805599453


def value(pred, target, c: Positive = 1.0):
    v = over(magnitude(pred - target), c)
    # Beyond 1e150 the square overflows, and 1 is nothing beside it.
    far = v > 1e150
    log = log1p(select(far, v, 0.5 * v * v))
    return select(far, 2.0 * log - LN_2, log)


def slope(pred, target, c):
    v = over(pred - target, c)
    return over(select(magnitude(v) > 1e150, ratio(2.0, v), v / (1.0 + 0.5 * v * v)), c)

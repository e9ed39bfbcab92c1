"""Welsch loss: errors far beyond c cost 1 and pull no more (Leclerc).

Good at
    Regression with gross outliers: robust, for they are ignored altogether (registration).

Fails
    Needs a good start: outliers have no slope.

Formula
    1 - exp(-u/2)        u = (d/c)², d = pred - target

Range
    0 to 1.

Parameters
    c    scale of the errors that count as inliers

Elsewhere
    Barron's general loss as α goes to -∞; others scale it by c²/2 or c².

Reference
    Barron (2019), A General and Adaptive Robust Loss Function, arXiv:1701.03077.

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 = 0.39817202886675886
"""

from lossctl.loss import Positive
from lossctl.maths import decay, exp, over, times


def value(pred, target, c: Positive = 1.0):
    v = over(pred - target, c)
    return decay(0.5 * v * v)


def slope(pred, target, c):
    v = over(pred - target, c)
    return over(times(exp(-0.5 * v * v), v), c)

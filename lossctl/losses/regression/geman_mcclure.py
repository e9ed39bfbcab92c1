"""Geman-McClure loss: errors far beyond c cost almost 2 and hardly pull.

Good at
    Regression with gross outliers: robust, for they cost almost the same wherever they are (registration).

Fails
    Not convex, and outliers hardly have a slope: needs a good start.

Formula
    2u / (u + 4)        u = (d/c)², d = pred - target

Range
    0 to 2.

Parameters
    c    scale of the errors that count as inliers

Elsewhere
    Barron's general loss at α = -2. Others write d² / (d² + c²), which is half of this at half the scale.

Reference
    Barron (2019), A General and Adaptive Robust Loss Function, arXiv:1701.03077.

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 = 0.50441288472738677
"""

from lossctl.loss import Positive
from lossctl.maths import magnitude, over, select


def value(pred, target, c: Positive = 1.0):
    v = over(pred - target, c)
    # Where the square would overflow, 2 is the nearest number.
    return select(magnitude(v) > 1e150, 2.0, 2.0 * v * (v / (v * v + 4.0)))


def slope(pred, target, c):
    v = over(pred - target, c)
    whole = v * v + 4.0
    return select(magnitude(v) > 1e150, 0.0, over(16.0 * (v / whole) / whole, c))

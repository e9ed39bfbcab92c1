"""Balanced L1 loss: smooth L1 whose small errors pull harder, so that inliers and outliers share the gradient.

Formula
    (a/B)(B x + b) ln(B x / b + 1) - a x        x < b        x = abs(pred - target), B = e^(gamma / a) - 1
    gamma x + gamma b / B - a b                 otherwise

Range
    0 to infinity.

Parameters
    a        how much small errors are raised
    gamma    slope of the tails
    b        where the tails begin

Elsewhere
    mmdet's BalancedL1Loss equals this at b = 1 only: its formula leaves out b in two places.

Reference
    Pang et al. (2019), Libra R-CNN, arXiv:1904.02701.

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 = 1.4312319048645167
"""

from lossctl.loss import Positive
from lossctl.maths import expm1, log1p, magnitude, select, slope_of_abs, smaller


def value(pred, target, a: Positive = 0.5, gamma: Positive = 1.5, b: Positive = 1.0):
    x = magnitude(pred - target)
    grow = expm1(gamma / a)
    near = smaller(x, b)
    # (a/B)(Bx + b) = a (x + b/B)
    inside = a * ((near + b / grow) * log1p(grow * (near / b)) - near)
    return select(x < b, inside, gamma * x + gamma * (b / grow) - a * b)


def slope(pred, target, a, gamma, b):
    d = pred - target
    x = magnitude(d)
    pull = a * log1p(expm1(gamma / a) * (smaller(x, b) / b))
    return slope_of_abs(d) * select(x < b, pull, gamma)
